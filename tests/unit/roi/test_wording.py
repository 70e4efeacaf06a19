"""The answer in words."""

import re

from cximpact import roi
from cximpact.core.units import Change
from tests.support import money


def test_a_certain_story_has_no_interval_and_no_probability():
    text = roi.simulate(money.initiative(), horizon=24).headline()
    assert "'x' is expected to gain 36,972 EUR: 87,854 EUR come in for a cost of 50,882 EUR" in text
    assert "no interval and no probability" in text and "%" not in text.split("a year")[1]
    assert "The money is back after 16 months" in text


def test_a_loss_is_called_a_loss():
    text = roi.simulate(money.initiative(lag=3, ramp=6), horizon=24).headline()
    assert "expected to lose 1,929 EUR" in text


def test_an_uncertain_story_gives_interval_and_chance_in_its_kind():
    it = money.initiative(effect=money.effect(money.normal(0.005, 0.003)))
    text = roi.simulate(it, horizon=24).headline(prob=0.8)
    assert "80% credible interval" in text
    assert re.search(r"The chance that it pays is \d\d%\.", text)


def test_no_digit_below_the_monte_carlo_error_is_printed():
    out = roi.simulate(money.initiative(effect=money.normal(0.005, 0.003)), horizon=24)
    mcse = out.summary().set_index("term").loc["npv", "mcse"]
    assert 1000 < mcse < 10_000
    gain = re.search(r"gain ([\d,]+) EUR", out.headline())
    assert gain is not None and int(gain[1].replace(",", "")) % 10_000 == 0


def test_explain_adds_conditions_and_what_would_change_it():
    it = money.initiative(effect=money.effect(money.normal(0.005, 0.003)))
    text = roi.simulate(it, horizon=24).explain()
    for part in ("parallel trends (not tested)", "transport", "500 joint draws", "breaks even"):
        assert part in text
    assert "percentage points" in text and " pp" not in text


def test_several_initiatives_say_that_they_are_added():
    two = money.initiative(name="y", effect=Change(value=0.001, unit="pp"))
    out = roi.simulate([money.initiative(), two], horizon=24)
    assert "'x', 'y' are expected" in out.headline() and "no overlap" in out.explain()


def test_an_unreliable_fit_is_told():
    tau = money.normal(0.005, 0.003).assign_attrs(unreliable="fit: 12 divergences")
    out = roi.simulate(money.initiative(effect=tau), horizon=24)
    assert "12 divergences" in out.explain()
