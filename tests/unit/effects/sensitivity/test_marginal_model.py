"""The marginal sensitivity model: estimates at Lambda 1, bounds by program, tipping points."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core import errors
from cximpact.effects.overlap import logistic_propensity
from cximpact.effects.sensitivity import MarginalSensitivity
from tests.unit.effects.sensitivity.test_tilted_mean import program_balanced, program_free

FEW = {"replications": 60}


def world(n=80, seed=1, effect=0.5):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    e = 1 / (1 + np.exp(-0.8 * x))
    t = (rng.random(n) < e).astype(int)
    return {"outcome": x + effect * t + rng.standard_normal(n), "treatment": t, "propensity": e}


def one_row(options, data, **more):
    settings = MarginalSensitivity(**(FEW | options))
    return settings.fit(**data, rng=1, **more).table.iloc[-1]


@pytest.mark.parametrize("target", ["ate", "att", "atc"])
def test_balanced_bounds_by_program(target):
    data = world()
    y, e, t = data["outcome"], data["propensity"], data["treatment"] == 1
    row = one_row({"lambdas": 2.0, "target": target}, data)
    ones, flat = np.ones(y.size), np.zeros(y.size)

    def other(side, odds, sign):
        return program_balanced(y[side], odds[side], ones[side], flat[side], 2.0, sign)

    share = t.mean()
    for column, sign in (("low", -1), ("high", 1)):
        on_treated = y[t].mean() - other(~t, e / (1 - e), -sign)
        on_untreated = other(t, (1 - e) / e, sign) - y[~t].mean()
        expected = {
            "att": on_treated,
            "atc": on_untreated,
            "ate": share * on_treated + (1 - share) * on_untreated,
        }
        assert row[column] == pytest.approx(expected[target])


@pytest.mark.parametrize("target", ["ate", "att", "atc"])
def test_stabilized_bounds_by_program(target):
    data = world(seed=2)
    y, e, t = data["outcome"], data["propensity"], data["treatment"] == 1
    row = one_row({"lambdas": 1.5, "target": target, "method": "stabilized"}, data)
    ones = np.ones(y.size)

    def mean(side, odds, base, sign):
        return program_free(y[side], odds[side], ones[side], base, 1.5, sign)

    for column, sign in (("low", -1), ("high", 1)):
        odds = (1 - e) / e, e / (1 - e)
        expected = {
            "ate": mean(t, odds[0], 1.0, sign) - mean(~t, odds[1], 1.0, -sign),
            "att": y[t].mean() - mean(~t, odds[1], 0.0, -sign),
            "atc": mean(t, odds[0], 0.0, sign) - y[~t].mean(),
        }
        assert row[column] == pytest.approx(expected[target], abs=1e-7)


def test_without_confounding_it_is_the_doubly_robust_estimate():
    data = world(seed=3)
    y, e, t = data["outcome"], data["propensity"], data["treatment"]
    m0, m1 = 0.3 * e, 0.3 * e + 1
    found = MarginalSensitivity(lambdas=1, method="stabilized", **FEW).fit(
        **data, predictions=np.column_stack([m0, m1]), rng=1
    )
    treated, untreated = t / e / (t / e).mean(), (1 - t) / (1 - e) / ((1 - t) / (1 - e)).mean()
    gamma = m1 - m0 + treated * (y - m1) - untreated * (y - m0)
    assert found.estimate == pytest.approx(gamma.mean())
    row = found.table.iloc[0]
    assert row["low"] == pytest.approx(row["high"])
    balanced = MarginalSensitivity(lambdas=1, target="att", **FEW).fit(
        **data, predictions=np.column_stack([m0, m1]), rng=1
    )
    odds = e / (1 - e) * (1 - t)
    counterfactual = m0[t == 1].mean() + odds @ (y - m0) / odds.sum()
    assert balanced.estimate == pytest.approx(y[t == 1].mean() - counterfactual)


def test_strata_and_predictions_sharpen_and_no_balance_widens():
    data = world(2000)
    x = np.log(data["propensity"] / (1 - data["propensity"])) / 0.8
    plain = one_row({"lambdas": 2}, data)
    wide = one_row({"lambdas": 2, "method": "stabilized"}, data)
    strata = one_row({"lambdas": 2}, data, strata=pd.qcut(x, 5).codes)
    model = one_row({"lambdas": 2}, data, predictions=np.column_stack([x, x + 0.5]))
    widths = [row["high"] - row["low"] for row in (model, strata, plain, wide)]
    assert widths == sorted(widths)
    assert widths[0] < 0.8 * widths[2]


def test_saturated_strata_give_the_bounds_of_each_cell():
    """With a discrete x the sharp bounds are those of its cells, averaged."""
    rng = np.random.default_rng(4)
    x = rng.integers(0, 3, 600)
    e = np.array([0.3, 0.5, 0.6])[x]
    t = rng.random(600) < e
    y = x + t + rng.standard_normal(600)
    e = np.array([t[x == k].mean() for k in range(3)])[x]
    whole = one_row({"lambdas": 2}, {"outcome": y, "treatment": t, "propensity": e}, strata=x)
    ends = np.zeros(2)
    for k in range(3):
        at = x == k
        cell = {"outcome": y[at], "treatment": t[at], "propensity": e[at]}
        row = one_row({"lambdas": 2}, cell)
        ends += at.mean() * np.array([row["low"], row["high"]])
    assert (whole["low"], whole["high"]) == pytest.approx(tuple(ends))


@pytest.mark.parametrize("target", ["ate", "att", "atc"])
def test_normal_outcomes_have_sharp_bounds_in_closed_form(target):
    """Effect plus or minus (Lambda - 1 / Lambda) phi(Phi^-1(Lambda / (Lambda + 1)))."""
    data = world(200_000, seed=5)
    x = np.log(data["propensity"] / (1 - data["propensity"])) / 0.8
    predictions = np.column_stack([x, x + 0.5])
    row = one_row(
        {"lambdas": 2, "target": target, "replications": 50}, data, predictions=predictions
    )
    half = 1.5 * stats.norm.pdf(stats.norm.ppf(2 / 3))
    assert (row["low"], row["high"]) == pytest.approx((0.5 - half, 0.5 + half), abs=0.02)


@pytest.mark.parametrize("method", ["balanced", "stabilized"])
@pytest.mark.parametrize("effect", [0.8, -0.8])
def test_tipping_points_are_where_bounds_and_interval_reach_zero(method, effect):
    data = world(400, effect=effect)
    found = MarginalSensitivity(method=method, **FEW).fit(**data, rng=1)
    nearer = ("low", "conf_low") if effect > 0 else ("high", "conf_high")
    assert 1 < found.conf_breakdown < found.breakdown
    for tip, column in zip((found.breakdown, found.conf_breakdown), nearer, strict=True):
        settings = MarginalSensitivity(method=method, lambdas=[tip * 0.999, tip * 1.001], **FEW)
        ends = settings.fit(**data, rng=1).table[column] * np.sign(effect)
        assert ends.iloc[0] > 0 > ends.iloc[1]


def test_weights_clusters_and_seeds():
    data = world(300)
    twice = {k: np.repeat(v, 2) for k, v in data.items()}
    once = one_row({}, data, weights=np.full(300, 2.0))
    assert one_row({}, twice)["low"] == pytest.approx(once["low"])
    # pairs of copies are no news: with clusters the interval is that of the single rows
    clustered = one_row({}, twice, cluster=np.repeat(np.arange(300), 2))
    alone = one_row({}, data)
    assert clustered["conf_low"] == pytest.approx(alone["conf_low"])
    assert one_row({}, twice)["conf_low"] > alone["conf_low"]
    assert alone.equals(one_row({}, data))


def test_the_interval_is_of_percentiles_of_weighted_samples():
    data = world(200)
    drawn = []

    def model(weights):
        drawn.append(weights)
        return data["propensity"]

    settings = MarginalSensitivity(lambdas=2, prob=0.9, replications=99)
    row = settings.fit(data["outcome"], data["treatment"], model, rng=1).table.iloc[0]
    single = MarginalSensitivity(lambdas=2, replications=50)
    ends = [single.fit(**data, weights=w, rng=1).table.iloc[0][["low", "high"]] for w in drawn[1:]]
    low, high = np.sort(np.array(ends, dtype=float), axis=0).T
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((low[4], high[-5]))


def test_rows_without_weight_do_not_matter():
    data = world(200)
    w = np.append(np.ones(100), np.zeros(100))
    wild = data | {"outcome": np.append(data["outcome"][:100], np.full(100, 1e6))}
    found, other = one_row({}, wild, weights=w), one_row({}, data, weights=w)
    assert found["conf_low"] == pytest.approx(other["conf_low"])
    assert found["conf_high"] == pytest.approx(other["conf_high"])


def test_propensities_are_estimated_again_in_every_sample():
    data = world(300)
    seen = []

    def model(weights):
        seen.append(weights)
        return data["propensity"]

    settings = MarginalSensitivity(**FEW)
    found = settings.fit(data["outcome"], data["treatment"], model, rng=1)
    fixed = settings.fit(**data, rng=1)
    pd.testing.assert_frame_equal(found.table, fixed.table)
    assert len(seen) == 61 and (seen[0] == 1).all() and found.refitted and not fixed.refitted
    x = pd.DataFrame({"x": np.log(data["propensity"] / (1 - data["propensity"]))})
    estimated = logistic_propensity(x, data["treatment"])
    refitted = settings.fit(data["outcome"], data["treatment"], estimated, rng=1)
    assert "estimated again" in refitted.explain()


def test_sentences():
    found = MarginalSensitivity(**FEW).fit(**world(400, effect=0.8), rng=1)
    text = found.explain()
    assert f"A factor of {found.breakdown:.3g} brings it to zero" in text
    assert "taken as known" in text
    nothing = MarginalSensitivity(**FEW).fit(**world(400, effect=0.3), rng=1)
    assert nothing.conf_breakdown == 1.0
    assert "holds zero even without" in nothing.explain()
    far = world(400)
    far["outcome"] = 5.0 * far["treatment"] + np.tile([0.1, 0.2], 200)
    never = MarginalSensitivity(**FEW).fit(**far, rng=1)
    assert never.breakdown == np.inf
    assert "No factor up to a million" in never.explain()
    assert "Marginal sensitivity model" in never._repr_html_()


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        (
            {"propensity": lambda d: np.where(d == d.max(), 1.0, d)},
            {},
            errors.OverlapError,
            "0 or 1",
        ),
        ({"propensity": lambda d: d + 1}, {}, errors.ScaleError, "outside 0 to 1"),
        ({"propensity": lambda d: d[:-1]}, {}, errors.DtypeError, "79 values for 80"),
        ({"treatment": lambda d: d * 0}, {}, errors.NoTreatedError, "none of 80"),
        ({"treatment": lambda d: d + 1}, {}, errors.TreatmentError, "'1', '2'"),
        ({"outcome": lambda d: d * 0}, {}, errors.ZeroVarianceError, "is 0 for all"),
        ({"outcome": lambda d: d[:-1]}, {}, errors.DtypeError, "79 values"),
        ({}, {"predictions": np.zeros(80)}, errors.DtypeError, "shape"),
        ({}, {"predictions": np.full((80, 2), np.nan)}, errors.MissingValueError, "predictions"),
        ({}, {"strata": np.arange(80)}, errors.OverlapError, "80 of 80 strata"),
        ({}, {"cluster": np.zeros(80)}, errors.ClusterError, "one cluster"),
        ({}, {"cluster": [None] * 80}, errors.MissingValueError, "80 rows"),
        ({}, {"weights": np.full(80, -1)}, errors.WeightError, "negative"),
    ],
)
def test_bad_arrays_are_refused(change, options, error, match):
    data = world()
    for name, function in change.items():
        data[name] = function(data[name])
    with pytest.raises(error, match=match):
        MarginalSensitivity(**FEW).fit(**data, rng=1, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"lambdas": 0.5},
        {"lambdas": []},
        {"target": "late"},
        {"method": "sharp"},
        {"prob": 90},
        {"replications": 3},
    ],
)
def test_bad_settings_are_refused(options):
    with pytest.raises(errors.ConfigError):
        MarginalSensitivity(**options)


def test_strata_are_not_for_the_stabilized_method():
    with pytest.raises(errors.ConfigError, match="balances nothing"):
        one_row({"method": "stabilized"}, world(), strata=np.zeros(80))
