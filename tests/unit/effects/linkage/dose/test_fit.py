import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, OverlapError, TimeOrderError, ZeroVarianceError
from cximpact.effects.linkage import dose_response
from tests.support import sfo
from tests.support.thresholds import chosen_world, kink_world, step_world


def test_the_curve_is_in_order_and_near_the_truth():
    found = dose_response(kink_world(1), score="s", outcome="y", rng=1)
    table = found.tidy()
    truth = 0.2 + 0.08 * np.maximum(np.arange(11) - 5, 0)
    assert found.draws.dims == ("sample", "score_level")
    assert table["estimate"].is_monotonic_increasing
    covered = (table["conf_low"] <= truth) & (truth <= table["conf_high"])
    assert covered.sum() >= 9
    assert found.diagnostics["largest_violation"] < 2


def test_errors_are_those_before_putting_in_order():
    frame = step_world(2)
    found = dose_response(frame, score="s", outcome="y", rng=1)
    by = frame.groupby("s")["y"]
    n = len(frame)
    raw = np.sqrt(by.var(ddof=0) / by.size() * n / (n - 1))
    assert found.std_error.values == pytest.approx(raw.to_numpy())
    assert found.draws.std("sample").values == pytest.approx(raw.to_numpy(), rel=0.1)
    assert found.df == n - 1


def test_leaving_falls_as_the_score_rises():
    frame = step_world(3)
    frame["left"] = 1 - frame["y"]
    stays = dose_response(frame, score="s", outcome="y", rng=1)
    leaves = dose_response(frame, score="s", outcome="left", increasing=False, rng=1)
    assert leaves.estimate.values == pytest.approx(1 - stays.estimate.values)
    wrong = dose_response(frame, score="s", outcome="left", rng=1)
    assert wrong.diagnostics["largest_violation"] > 3


def test_several_outcomes_are_drawn_together():
    rng = np.random.default_rng(1)
    frame = step_world(4)
    frame["also"] = np.where(rng.random(len(frame)) < 0.9, frame["y"], 1 - frame["y"])
    found = dose_response(frame, score="s", outcome=["y", "also"], rng=1)
    assert found.draws.dims == ("sample", "score_level", "outcome")
    top = found.draws.sel(score_level=10).values
    assert np.corrcoef(top.T)[0, 1] > 0.5
    alone = dose_response(frame, score="s", outcome="also", rng=1)
    assert found.estimate.sel(outcome="also").values == pytest.approx(alone.estimate.values)


def test_spend_is_parted_into_whether_and_how_much():
    frame = step_world(5)
    frame["spend"] = frame["y"] * np.exp(2 + np.random.default_rng(1).normal(size=len(frame)))
    found = dose_response(frame, score="s", outcome="spend", family="hurdle", rng=1)
    assert found.draws.coords["outcome"].values.tolist() == ["spend > 0", "log spend, if any"]
    logs = np.log(frame.loc[(frame["spend"] > 0) & (frame["s"] >= 0), "spend"])
    amount = found.estimate.sel(outcome="log spend, if any")
    assert float(amount.min()) < logs.mean() < float(amount.max())


def test_adjusting_undoes_self_selection():
    frame = chosen_world(2)
    naive = dose_response(frame, score="t", outcome="y", rng=1).contrasts().tidy().iloc[0]
    fair = dose_response(
        frame, score="t", outcome="y", covariates=["liking"], method="aipw", folds=2, rng=1
    )
    row = fair.contrasts().tidy().iloc[0]
    assert naive["estimate"] == pytest.approx(0.76419, abs=0.1)
    assert naive["conf_low"] > 0.2
    assert row["conf_low"] < 0.2 < row["conf_high"]
    assert "probability below 0.01 of level" in fair.explain()


def test_an_adjusted_curve_may_be_left_out_of_order():
    frame = chosen_world(3)
    frame["t"] = 1 - frame["t"]
    options = {"score": "t", "outcome": "y", "covariates": ["liking"], "method": "aipw"}
    free = dose_response(frame, **options, folds=2, monotone=False, rng=1)
    kept = dose_response(frame, **options, folds=2, rng=1)
    assert float(free.estimate[1] - free.estimate[0]) < -0.1
    assert float(kept.estimate[1] - kept.estimate[0]) == 0
    assert free.diagnostics["largest_violation"] == kept.diagnostics["largest_violation"] > 1


def test_the_bayesian_curve_agrees_with_the_isotonic_one():
    frame = step_world(6)
    options = {"score": "s", "outcome": "y", "bands": [0, 4, 7]}
    bayesian = dose_response(
        frame, **options, method="bayesian", draws=400, rng=1, allow_unconverged=True
    )
    isotonic = dose_response(frame, **options, rng=1)
    gap = bayesian.draws.mean("sample") - isotonic.estimate
    assert float(abs(gap).max()) < 0.02
    assert bayesian.draw_kind == "posterior"
    assert bayesian.tidy()["term"].tolist() == [
        "score_level[0]",
        "score_level[4]",
        "score_level[7]",
    ]


def test_same_seed_same_numbers_and_the_frame_is_left_alone():
    frame = step_world(7, n=300)
    before = frame.copy()
    one, other = (dose_response(frame, score="s", outcome="y", rng=3) for _ in range(2))
    assert (one.draws.values == other.draws.values).all()
    assert one.provenance == other.provenance
    assert one.provenance != dose_response(frame, score="s", outcome="y", rng=4).provenance
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"covariates": ["x"]}, ConfigError, "adjusts for nothing"),
        ({"method": "aipw"}, ConfigError, "needs covariates"),
        ({"method": "bayesian", "cluster": "x"}, ConfigError, "independent"),
        ({"method": "aipw", "covariates": ["x"], "family": "hurdle"}, ConfigError, "as it is"),
        ({"method": "spline"}, ConfigError, "method"),
        ({"band": [0]}, ConfigError, "option 'band'.*'bands'"),
        ({"outcome": []}, ConfigError, "outcome"),
        ({"learner": "oracle"}, ConfigError, "learner"),
        ({"folds": 1}, ConfigError, "folds"),
        ({"outcome_time": "x"}, ConfigError, "go together"),
        ({"outcome": "one"}, ZeroVarianceError, "'one'"),
        ({"method": "aipw", "covariates": ["s2"]}, OverlapError, "bands="),
        ({"score_time": "day", "outcome_time": "before"}, TimeOrderError, "before the score"),
    ],
)
def test_bad_input_is_named(options, error, words):
    frame = step_world(8, n=200).assign(one=1.0, day=2, before=1)
    frame["x"], frame["s2"] = frame["s"] % 3, frame["s"] * 1.5 + 1
    with pytest.raises(error, match=words):
        dose_response(frame, **({"score": "s", "outcome": "y", "rng": 1} | options))


def test_at_the_airport_the_curve_is_flat(real_data):
    frame = sfo.survey()[["nps", "food_buy"]].dropna().astype(float)
    found = dose_response(frame, score="nps", outcome="food_buy", rng=1, bands=[0, 7, 9])
    means = frame.groupby(pd.cut(frame["nps"], [-1, 6, 8, 10]), observed=True)["food_buy"].mean()
    assert means.round(3).tolist() == [0.502, 0.545, 0.528]
    row = found.contrasts().tidy().iloc[-1]
    assert row["conf_low"] < 0 < row["conf_high"]
    assert abs(row["estimate"]) < 0.05
