"""Effects times values: money per customer."""

import numpy as np
import pytest

from cximpact import value
from cximpact.core.errors import AlignmentError, ConfigError, NotCausalError, UnitsError
from cximpact.core.units import Change
from tests.support import money

WORTH = value.fixed(200, "EUR", per="retained customer", assumption="finance")


def test_money_is_effect_times_margin_draw_by_draw():
    effect = money.effect([0.01, 0.02, 0.03])
    out = value.incremental(effect, WORTH, rng=1)
    assert out.draws.values == pytest.approx([2, 4, 6])
    assert (out.currency, out.per, out.draw_kind) == ("EUR", "customer reached", "posterior")
    assert {a.name for a in out.assumptions} >= {"parallel trends", "stated value"}


def test_pull_forward_and_cannibalization_shrink_the_gain():
    out = value.incremental(
        money.effect([0.01, 0.02]), WORTH, rng=1, pull_forward=0.25, cannibalization=0.2
    )
    assert out.draws.values == pytest.approx(np.array([2, 4]) * 0.75 * 0.8)


def test_an_incentive_also_goes_to_those_who_would_have_stayed():
    out = value.incremental(money.effect([0.1, 0.1]), WORTH, rng=1, baseline=0.6, incentive=10)
    assert out.draws.values == pytest.approx(0.1 * 200 - 10 * (0.6 + 0.1))
    assert out.details["subsidy"] == pytest.approx(6.0)
    with pytest.raises(ConfigError, match="baseline is missing"):
        value.incremental(money.effect(), WORTH, rng=1, incentive=10)


def test_the_three_percentages_give_three_amounts():
    def gain(unit):
        change = Change(value=0.2, unit=unit)
        return float(value.incremental(change, WORTH, rng=1, baseline=0.8).draws[0]) / 200

    assert [gain(u) for u in ("pp", "rel", "rel_churn")] == pytest.approx([0.20, 0.16, 0.04])
    for unit in ("pp", "rel"):
        with pytest.raises(UnitsError, match="outside 0 to 1"):
            value.incremental(Change(value=0.2, unit=unit), WORTH, rng=1, baseline=0.9)
    with pytest.raises(UnitsError, match="baseline rate is needed"):
        value.incremental(Change(value=0.2, unit="rel"), WORTH, rng=1)


def test_a_score_is_not_money_without_a_causal_link():
    score = money.effect(money.draws([2.0, 3.0], unit="points"), scale="points")
    with pytest.raises(UnitsError, match="a score is not money"):
        value.incremental(score, WORTH, rng=1)
    link = money.effect(money.draws([0.01, 0.01], "link"))
    assert value.incremental(score, WORTH, rng=1, link=link).draws.values == pytest.approx([4, 6])
    slope = money.effect(money.draws([0.01, 0.02], "link"), details={"causal": False})
    with pytest.raises(NotCausalError, match="effect link"):
        value.incremental(score, WORTH, rng=1, link=slope)
    with pytest.raises(UnitsError, match="for effects on a score"):
        value.incremental(money.effect(), WORTH, rng=1, link=link)


def test_an_effect_and_a_value_of_one_source_stay_joint():
    effect = money.draws([0.01, 0.02, 0.03], "fit")
    worth = value.ValuePosterior(
        draws=money.draws([300, 200, 100], "fit"),
        currency="EUR",
        per="order",
        provenance=WORTH.provenance,
    )
    out = value.incremental(effect, worth, rng=1)
    assert out.draws.values == pytest.approx([3, 4, 3])


def test_results_of_the_same_data_need_a_reason_to_be_called_independent():
    def fit(source, values):
        return money.dr.from_array(values, source=source, data_ids=["panel"], attrs={"unit": "pp"})

    worth = value.ValuePosterior(
        draws=fit("spend", [1.0, 2.0]), currency="EUR", per="order", provenance=WORTH.provenance
    )
    effect = fit("did", [0.1, 0.2])
    with pytest.raises(AlignmentError, match="same data"):
        value.incremental(effect, worth, rng=1)
    out = value.incremental(effect, worth, rng=1, assume_independent="other half of customers")
    assert "other half" in out.draws.attrs["assumed_independent"]


def test_segments_keep_a_value_that_goes_with_the_effect():
    parts = {"dims": ("segment",), "coords": {"segment": ["a", "b"]}}
    effect = money.draws([[0.1, 0.0], [0.1, 0.0]], "fit", **parts)
    worth = value.ValuePosterior(
        draws=money.draws([[10, 30], [10, 30]], "worth", **parts),
        currency="EUR",
        per="order",
        provenance=WORTH.provenance,
    )
    out = value.incremental(effect, worth, rng=1)
    assert float(out.draws.mean()) == pytest.approx(0.5)
    naive = float(effect.mean()) * float(worth.draws.mean())
    assert naive == pytest.approx(1.0)
    other = worth.draws.assign_coords(segment=["a", "c"])
    with pytest.raises(AlignmentError, match="same labels"):
        value.incremental(
            effect,
            value.ValuePosterior(
                draws=other, currency="EUR", per="order", provenance=WORTH.provenance
            ),
            rng=1,
        )


@pytest.mark.parametrize("key", ["pull_forward", "cannibalization", "incentive", "baseline"])
def test_shares_out_of_bounds_are_refused_by_name(key):
    with pytest.raises(ConfigError, match=f"{key} is -0.1"):
        value.incremental(money.effect(), WORTH, rng=1, **{key: -0.1})


def test_other_things_than_values_are_refused():
    with pytest.raises(ConfigError, match="expected a ValuePosterior"):
        value.incremental(money.effect(), 200, rng=1)
    with pytest.raises(UnitsError, match="already money"):
        value.incremental(money.effect(scale="money"), WORTH, rng=1)
