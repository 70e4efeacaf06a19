"""From initiatives to draws: dependence, clipping, currencies, guards."""

import numpy as np
import pytest

from cximpact import roi, value
from cximpact.core import draws as dr
from cximpact.core.errors import (
    AlignmentError,
    AssumptionWarning,
    ConfigError,
    UnitsError,
)
from cximpact.core.units import Change
from tests.support import money


def now(*initiatives, **settings):
    return roi.simulate(
        list(initiatives), **({"horizon": 1, "period": "year", "discount_rate": 0.0} | settings)
    )


def correlated(rho, n=400):
    """Two standard normal vectors with exactly this correlation."""
    z = np.random.default_rng(3).standard_normal((n, 2))
    q, _ = np.linalg.qr(z - z.mean(axis=0))
    q = q * np.sqrt(n - 1)
    return q[:, 0], rho * q[:, 0] + np.sqrt(1 - rho**2) * q[:, 1]


def test_effects_of_one_fit_stay_joint_and_keep_their_variance():
    a, b = correlated(0.8)
    one = money.one_period(money.draws(a, "fit", "outcome"), name="a")
    two = money.one_period(money.draws(b, "fit", "outcome"), name="b")
    total = now(one, two).npv()
    assert float(total.var(ddof=1)) == pytest.approx(3.6, rel=1e-9)


def test_effects_of_two_fits_are_independent():
    a, b = correlated(0.8, n=20_000)
    one = money.one_period(money.draws(a, "fit", "outcome"), name="a")
    two = money.one_period(money.draws(b, "other", "outcome"), name="b")
    assert float(now(one, two).npv().var(ddof=1)) == pytest.approx(2.0, abs=0.1)


def test_two_orders_of_one_fit_are_refused():
    a, _ = correlated(0.0)
    draws = money.draws(a, "fit", "outcome")
    shuffled = dr.resample(draws, draws.sizes["sample"], rng=1)
    with pytest.raises(AlignmentError, match="different sample orders"):
        now(money.one_period(draws, name="a"), money.one_period(shuffled, name="b"))


def test_the_mean_effect_put_through_retention_is_not_the_mean():
    tau = money.normal(0.005, 0.004, n=4000)
    out = roi.simulate(money.initiative(effect=tau), horizon=36)
    plug_in = roi.simulate(money.initiative(effect=Change(value=0.005, unit="pp")), horizon=36)
    gap = float(out.npv().mean()) - float(plug_in.npv().mean())
    assert gap > 500  # convex in retention


def test_draws_beyond_certain_retention_are_clipped_counted_and_warned_about():
    tau = money.draws(np.r_[np.full(95, 0.01), np.full(5, 0.05)], "fit")
    with pytest.warns(AssumptionWarning, match=r"initiative 'x'\.effect .* 5\.0% of the draws"):
        out = roi.simulate(money.initiative(effect=tau), horizon=3, draws=100)
    assert out.clipped == {"x": 0.05}
    survivors = 10_000 * (1.0 - 0.97**3) * 10
    assert float(out.draws["benefit"].max()) == pytest.approx(survivors)
    assert "5.00% of the draws were clipped" in out.explain()


def test_one_clipped_draw_in_a_thousand_is_counted_without_a_warning():
    tau = money.draws(np.r_[np.full(999, 0.01), 0.05], "fit")
    assert roi.simulate(money.initiative(effect=tau), horizon=2).clipped == {"x": 0.001}


def test_the_three_percentages_are_three_initiatives():
    def npv(unit):
        it = money.one_period(Change(value=0.2, unit=unit), baseline=0.8, n=100)
        return float(now(it).npv()[0])

    assert [npv(u) for u in ("pp", "rel", "rel_churn")] == pytest.approx([20, 16, 4])


def test_a_margin_that_falls_where_the_effect_is_large_is_not_averaged_first():
    parts = {"dims": ("segment",), "coords": {"segment": ["a", "b"]}}
    tau = money.draws([[0.1, 0.0]] * 2, "fit", **parts)
    worth = value.ValuePosterior(
        draws=money.draws([[10, 30]] * 2, "worth", **parts),
        currency="EUR",
        per="customer",
        provenance=value.fixed(1, "EUR", per="x", assumption="y").provenance,
    )
    it = money.one_period(tau, n={"a": 50, "b": 50}, value=worth)
    assert float(now(it).npv()[0]) == pytest.approx(50)  # 100 * mean effect * mean margin = 100


def test_a_source_shared_with_the_value_stays_joint():
    effect = money.draws([0.1, 0.2], "fit")
    worth = value.ValuePosterior(
        draws=money.draws([20, 10], "fit"),
        currency="EUR",
        per="customer",
        provenance=value.fixed(1, "EUR", per="x", assumption="y").provenance,
    )
    assert now(money.one_period(effect, value=worth)).npv().values == pytest.approx([2, 2])


def test_uncertain_costs_vary_the_return():
    cost = value.uncertain(100, 10, "EUR", per="project", assumption="bid", rng=1, size=500)
    out = now(money.one_period(money.PP, n=1000, value=50, costs={"one_off": cost}))
    assert float(out.pv_cost().std()) == pytest.approx(10, rel=0.15)
    assert out.roi() == pytest.approx(250 / float(out.pv_cost().mean()) - 1)
    assert float(out.roi_draws().mean()) > out.roi()


def test_draw_kinds_that_agree_keep_their_word():
    it = money.one_period(money.effect([0.1, 0.2]))
    assert now(it).draw_kind == "posterior" and "credible" in now(it).headline()
    worth = value.uncertain(10, 1, "EUR", per="x", assumption="y", rng=1)
    assert now(money.one_period(money.effect([0.1, 0.2]), value=worth)).draw_kind == "simulation"


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    worth = value.uncertain(10, 1, "EUR", per="x", assumption="y", rng=1, size=500)
    it = money.one_period(money.normal(0.1, 0.02), value=worth)
    first, again, other = (now(it, rng=seed).npv().values for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_provenance_names_parents_and_settings():
    out = now(money.one_period(money.effect([0.1, 0.2], source="did")), rng=7)
    assert out.provenance.parents == ("did",) and out.provenance.seed == 7
    assert out.provenance.settings["horizon"] == 1


def test_an_effect_that_is_used_twice_is_pointed_out():
    tau = money.normal(0.1, 0.02)
    with pytest.warns(AssumptionWarning, match="counted twice"):
        now(money.one_period(tau, name="a"), money.one_period(tau, name="b"))


def test_a_value_discounted_at_another_rate_is_pointed_out():
    worth = value.geometric_lifetime(100, 0.8, 0.05, currency="EUR")
    with pytest.warns(AssumptionWarning, match="use one rate"):
        now(money.one_period(money.PP, value=worth, currency="EUR"), discount_rate=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizon": 0}, "horizon is 0"),
        ({"horizon": 3.5}, "horizon is 3.5"),
        ({"discount_rate": -1}, "discount_rate is -1"),
        ({"discount_rate": 10}, "Did you mean 0.1"),
        ({"discount_rate": float("nan")}, "discount_rate is nan"),
        ({"period": "months"}, "Did you mean 'month'"),
        ({"payment": "beginning"}, "payment is 'beginning'"),
        ({"draws": 0}, "draws is 0"),
        ({"rng": -1}, "rng is -1"),
        ({"rng": "seed"}, "rng is 'seed'"),
    ],
)
def test_settings_out_of_bounds_are_refused_by_name(settings, message):
    with pytest.raises(ConfigError, match=message):
        now(money.initiative(), **settings)


def test_lists_that_are_no_lists_of_initiatives_are_refused():
    with pytest.raises(ConfigError, match="expected at least one"):
        roi.simulate([])
    with pytest.raises(ConfigError, match=r"initiatives\[1\] is of type str"):
        now(money.initiative(), "y")
    with pytest.raises(ConfigError, match="share the names 'x'"):
        now(money.initiative(), money.initiative())
    with pytest.raises(UnitsError, match="'EUR', 'USD'"):
        now(money.initiative(), money.initiative(name="y", currency="USD"))


def test_nothing_that_was_handed_in_changes():
    tau = money.normal(0.005, 0.001)
    before = tau.copy(deep=True)
    it = money.initiative(effect=tau)
    kept = dict(vars(it))
    roi.simulate(it, horizon=5)
    assert tau.identical(before) and vars(it) == kept


def test_gains_that_are_only_early_or_taken_from_elsewhere_do_not_count():
    full = now(money.one_period(Change(value=0.1, unit="pp"), n=1000))
    net = now(
        money.one_period(
            Change(value=0.1, unit="pp"), n=1000, pull_forward=0.25, cannibalization=0.2
        )
    )
    assert float(net.npv()[0]) == pytest.approx(float(full.npv()[0]) * 0.75 * 0.8)


def test_coverage_counts_for_the_gain_and_for_the_cost_of_treating():
    it = money.one_period(
        Change(value=0.1, unit="pp"), n=1000, coverage=0.3, costs={"per_treated": 0.05}
    )
    out = now(it)
    assert float(out.pv_benefit()[0]) == pytest.approx(30)
    assert float(out.pv_cost()[0]) == pytest.approx(15)


def test_customers_are_paid_for_as_they_are_reached():
    it = money.one_period(money.PP, n=100, ramp=4, costs={"per_treated": 1.0})
    cost = now(it, horizon=6).draws["cost"][0, 0]
    assert cost.values == pytest.approx([0, 25, 25, 25, 25, 0, 0])


def test_a_link_carries_a_score_effect_to_behavior():
    score = money.effect(money.draws([2.0, 3.0], unit="points"), scale="points")
    link = money.effect(money.draws([0.01, 0.01], "link"))
    out = now(money.one_period(score, n=100, link=link))
    assert out.npv().values == pytest.approx([2.0, 3.0])
