"""Uplift by segment from end to end: what a result says, and where it goes from there."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import special

import cximpact as cx
from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    ConvergenceError,
    NoTreatedError,
    SmallSampleWarning,
)
from cximpact.effects.uplift.hierarchical import HierarchicalUplift
from cximpact.effects.uplift.segment_policy import best_policy
from tests.support.segments import customers

TABLE, TRUTH = customers(np.random.default_rng(1))
BY = ("region", "tenure")


def section(table=TABLE, outcome="bought", **more):
    return cx.CrossSection(table, outcome=outcome, treatment="treated", features=BY, **more)


def fit(data, by=BY, seed=1, **more):
    return HierarchicalUplift(by=by, draws=2000, **more).fit(data, rng=seed)


@cache
def usual(outcome="bought"):
    return fit(section(outcome=outcome))


def test_segments_are_named_and_their_effects_are_near_the_truth():
    found = usual()
    assert found.draws.dims == ("sample", "segment")
    assert list(found.draws["segment"].values) == list(TRUTH.index)
    assert found.estimand.scale == found.draws.attrs["unit"] == "pp"
    assert found.n == len(TABLE)
    assert is_causal(found)
    rows = found.summary()
    assert (np.abs(rows["estimate"] - TRUTH.to_numpy()) < 3.5 * rows["std_error"]).all()
    assert (rows["std_error"] < found.details["own"]["std_error"]).all()
    assert rows["mcse"].max() < 0.05 * rows["std_error"].min() * 2


def test_details_belong_to_the_draws():
    found, more = usual(), usual().details
    joint = [more[k] for k in ("baseline", "population", "new_segment", "mean", "spread")]
    dr.check_joint(found.draws, *joint)
    share = TABLE.groupby(list(BY)).size().to_numpy() / len(TABLE)
    np.testing.assert_allclose(more["population"], found.draws.values @ share)
    assert sum(more["customers"].values()) == len(TABLE)
    raw = TABLE.groupby([*BY, "treated"])["bought"].mean().unstack()
    np.testing.assert_allclose(more["own"]["estimate"], (raw[1] - raw[0]).to_numpy())
    control = more["baseline"].mean("sample").values
    assert np.corrcoef(control, raw[0])[0, 1] > 0.95
    assert list(more["mean"]["of"].values) == ["baseline", "effect"]
    np.testing.assert_allclose(more["correlation"].values[:, [0, 1], [0, 1]], 1.0)
    assert ((more["own_weight"] > 0) & (more["own_weight"] < 1)).all()
    assert float(more["new_segment"].std()) > float(more["population"].std())
    assert float(more["probability_greater"][0, 0]) == 0.5
    assert more["pooled_only"] == []


def test_a_new_segment_is_drawn_from_what_segments_share():
    more, rng = usual().details, np.random.default_rng(4)
    mean, spread = more["mean"].values, more["spread"].values
    r = more["correlation"].values[:, 0, 1]
    z = rng.standard_normal((50, *mean.shape))
    a = mean[:, 0] + spread[:, 0] * z[..., 0]
    d = mean[:, 1] + spread[:, 1] * (r * z[..., 0] + np.sqrt(1 - r**2) * z[..., 1])
    drawn = special.expit(a + d) - special.expit(a)
    found = more["new_segment"].values
    assert found.mean() == pytest.approx(drawn.mean(), abs=4 * drawn.std() / np.sqrt(1000))
    assert found.std() == pytest.approx(drawn.std(), rel=0.1)


def test_text_and_provenance_say_what_was_done():
    found = usual()
    text = found.explain()
    for part in ("credible", "Partial pooling", "over all customers".capitalize(), "logits"):
        assert part in text
    assert found.provenance.settings["by"] == BY
    assert found.diagnostics["family"] == "binomial"
    assert found.diagnostics["gate_failures"] == ""


def test_spend_is_compared_in_its_own_unit():
    found = usual("spend")
    assert found.estimand.scale == "outcome"
    assert found.diagnostics["family"] == "normal"
    raw = TABLE.groupby([*BY, "treated"])["spend"].mean().unstack()
    own = (raw[1] - raw[0]).to_numpy()
    np.testing.assert_allclose(found.details["own"]["estimate"], own)
    pooled, center = found.summary()["estimate"], float(found.details["population"].mean())
    assert np.abs(pooled - center).mean() < np.abs(own - center).mean()
    moved = fit(section(TABLE.assign(spend=TABLE["spend"] * 1000), "spend"))
    error = 1000 * found.summary()["std_error"].max()
    gap = moved.summary()["estimate"] - 1000 * pooled
    assert np.abs(gap).max() < 0.12 * error  # a sampler's error; rounding sets it off elsewhere


def test_a_seed_gives_the_same_draws_in_any_engine_and_order_of_rows():
    again = fit(section(pl.from_pandas(TABLE.sample(frac=1.0, random_state=1))))
    np.testing.assert_allclose(again.draws, usual().draws, rtol=1e-8)
    assert again.provenance.source == usual().provenance.source
    other = fit(section(), seed=2)
    assert not np.array_equal(other.draws, usual().draws)
    with pytest.raises(cx.core.errors.AlignmentError):
        dr.pair(other.draws, usual("bought").draws, rng=1)


def test_swapping_the_arms_turns_the_sign():
    swapped = fit(section(TABLE.assign(treated=1 - TABLE["treated"])))
    total = swapped.details["population"], usual().details["population"]
    assert float(total[0].mean()) == pytest.approx(-float(total[1].mean()), abs=0.003)


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.SmallSampleWarning")
def test_several_arms():
    rng = np.random.default_rng(2)
    table = TABLE.assign(arm=rng.choice(["none", "mail", "call"], len(TABLE)))
    lift = table["arm"].map({"none": 0.0, "mail": 0.05, "call": 0.3})
    table["bought"] = (rng.random(len(TABLE)) < 0.2 + lift).astype(int)
    data = cx.CrossSection(
        table, outcome="bought", treatment="arm", control="none", features=["region"]
    )
    found = fit(data, "region")
    assert found.draws.dims == ("sample", "arm", "region")
    rows = found.summary().set_index(["arm", "region"])
    assert (np.abs(rows.loc["call", "estimate"] - 0.3) < 0.08).all()
    assert (np.abs(rows.loc["mail", "estimate"] - 0.05) < 0.08).all()
    assert found.details["population"].dims == ("sample", "arm")
    assert "probability_greater" not in found.details
    policy = best_policy(found, value=10, cost={"call": 2, "mail": 0.1}, currency="EUR")
    assert set(policy.choice.values()) == {"call"}


def test_few_segments_warn_that_the_prior_decides():
    with pytest.warns(SmallSampleWarning, match=r"there are 2 segments.*effect_spread") as seen:
        fit(section(), "tenure")
    assert seen[0].filename == __file__


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.SmallSampleWarning")
def test_a_segment_without_an_arm_is_refused_or_learned_from_the_others():
    west = (TABLE["region"] == "west") & (TABLE["tenure"] == "new") & (TABLE["treated"] == 1)
    data = section(TABLE[~west])
    with pytest.raises(NoTreatedError, match=r"west \| new"):
        fit(data)
    with pytest.warns(AssumptionWarning, match=r"west \| new' lacks an arm") as seen:
        found = fit(data, empty="pool")
    assert seen[0].filename == __file__
    assert found.details["pooled_only"] == ["west | new"]
    assert "1 segments lack an arm" in found.explain()
    errors = found.summary().set_index("segment")["std_error"]
    assert errors.idxmax() == "west | new"
    assert found.details["own_weight"].sel(segment="west | new") == pytest.approx(0, abs=1e-9)


def test_it_goes_into_a_return_on_investment():
    found = usual()
    sizes = {s: 1000 for s in TRUTH.index}
    initiative = cx.roi.Initiative(
        name="mail",
        n=sizes,
        effect=found,
        mechanism="one_time",
        value=50.0,
        currency="EUR",
        costs={"per_treated": 1.0},
    )
    result = cx.roi.simulate([initiative], horizon=1, discount_rate=0.0, rng=3)
    gain = 50 * 1000 * found.draws.sum("segment")
    assert float(result.npv().mean()) == pytest.approx(float(gain.mean()) - 8000, rel=1e-6)
    assert float(result.npv().std()) == pytest.approx(float(gain.std()), rel=1e-6)


@pytest.mark.slow
def test_a_fit_that_fails_the_gate_is_refused_or_marked(monkeypatch):
    gate = sampling.gate

    def failed(tree, **more):
        out = gate(tree, **more)
        out.attrs["gate_failures"] = "3 divergent transitions"
        return out

    monkeypatch.setattr(sampling, "gate", failed)
    with pytest.raises(ConvergenceError, match="3 divergent"):
        fit(section())
    found = fit(section(), allow_unconverged=True)
    assert "UNRELIABLE" in found.explain()
    assert "unreliable" in found.details["population"].attrs


def test_priors_are_in_logits_or_in_units_of_the_outcome():
    from cximpact.effects.uplift.segment_cells import collapse

    counts, spend = collapse(section(), BY), collapse(section(outcome="spend"), BY)
    usual_priors = HierarchicalUplift(by=BY).priors(counts)
    assert (usual_priors.baseline_location, usual_priors.baseline_scale) == (0.0, 2.5)
    assert (usual_priors.effect_scale, usual_priors.effect_spread) == (1.0, 0.5)
    own = HierarchicalUplift(by=BY, effect_spread=0.1, correlation=1.0).priors(spend)
    assert own.effect_spread == 0.1
    assert own.concentration == 1.0
    assert own.baseline_spread == pytest.approx(spend.scale)
    assert own.baseline_location == pytest.approx(TABLE["spend"].mean())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": []}, "names no feature"),
        ({"by": "estimate"}, "a name that results use"),
        ({"by": "arm"}, "a name that results use"),
        ({"by": "x", "effect_spread": 0.0}, "effect_spread is 0.0"),
        ({"by": "x", "correlation": -1}, "correlation is -1"),
        ({"by": "x", "empty": "poll"}, "Did you mean 'pool'"),
        ({"by": "x", "draws": 10}, "draws is 10"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ConfigError, match=message):
        HierarchicalUplift(**settings)


def test_data_are_left_as_they_were():
    before = TABLE.copy()
    usual()
    pd.testing.assert_frame_equal(TABLE, before)
