"""One call for a regression: against dense algebra, and where self-selection is the trap."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core import errors
from cximpact.effects.sensitivity import benchmark_bounds, confounding, robustness_value
from tests.unit.effects.sensitivity.test_benchmarks import COVARIATES, table


def selected(n=200_000, seed=1):
    """Customers who like the brand take part, and spend more anyway; the effect is .2."""
    rng = np.random.default_rng(seed)
    liking, chance, noise = rng.standard_normal((3, n))
    t = (liking + chance > 0).astype(int)
    return pd.DataFrame({"y": 0.5 * liking + 0.2 * t + noise, "t": t, "liking": liking})


def test_self_selection_is_seen_through_with_the_cause_and_bounded_without():
    data = selected()
    naive = confounding(data, "y", "t")
    truth = 0.2 + 0.5 * 2 * np.sqrt(2 / np.pi) / np.sqrt(2)
    assert truth == pytest.approx(0.76419, abs=1e-5)
    assert naive.regression.estimate == pytest.approx(truth, abs=0.02)
    adjusted = confounding(data, "y", "t", ["liking"])
    assert adjusted.regression.estimate == pytest.approx(0.2, abs=0.02)
    # what was left out: strengths of the liking, which alone explain the difference
    r2_treatment = np.corrcoef(data["t"], data["liking"])[0, 1] ** 2
    r2_outcome = adjusted.regression.r2_outcome["liking"]
    omitted = naive.omit(r2_outcome, r2_treatment)
    assert omitted.adjusted_estimate == pytest.approx(adjusted.regression.estimate, rel=1e-9)
    # what would explain it away explains less of treatment than the liking does
    f = truth * 0.5 / np.sqrt(1 + 0.25 * (1 - 1 / np.pi))
    assert naive.robustness == pytest.approx((np.sqrt(f**4 + 4 * f**2) - f**2) / 2, abs=0.01)
    assert naive.robustness < r2_treatment
    assert "more than 30% of what is left of both" in naive.explain()
    assert naive.benchmarks.empty


def test_against_dense_least_squares():
    data = table()
    found = confounding(data, "y", "t", COVARIATES)
    x = np.column_stack([np.ones(200), data["x"], data["z"], pd.get_dummies(data["g"]).iloc[:, 1:]])
    x = np.column_stack([x, data["t"]]).astype(float)
    b, rss = np.linalg.lstsq(x, data["y"])[:2]
    error = np.sqrt(rss[0] / 194 * np.linalg.inv(x.T @ x)[-1, -1])
    assert (found.regression.estimate, found.regression.std_error) == pytest.approx((b[-1], error))
    assert (found.regression.df, found.regression.n, found.regression.test_error) == (
        194,
        200,
        found.regression.std_error,
    )
    t = b[-1] / error
    assert found.partial_r2 == pytest.approx(t**2 / (t**2 + 194))
    assert found.robustness == pytest.approx(robustness_value(t, 194))
    assert found.robustness_test == pytest.approx(robustness_value(t, 194, alpha=0.05))
    half = confounding(data, "y", "t", COVARIATES, q=0.5)
    assert half.robustness == pytest.approx(robustness_value(t, 194, q=0.5))
    alone = benchmark_bounds(data, "y", "t", COVARIATES, COVARIATES, k=1, prob=0.95)
    once = found.benchmarks[found.benchmarks["k"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(once, alone)


def test_clustered_tests():
    data = table().assign(store=np.arange(200) % 20)
    found = confounding(data, "y", "t", COVARIATES, cluster="store")
    plain = confounding(data, "y", "t", COVARIATES)
    x = np.column_stack([np.ones(200), data["x"], data["z"], pd.get_dummies(data["g"]).iloc[:, 1:]])
    x = np.column_stack([x, data["t"]]).astype(float)
    bread = np.linalg.inv(x.T @ x)
    u = data["y"] - x @ (bread @ x.T @ data["y"])
    sums = pd.DataFrame(x * u.to_numpy()[:, None]).groupby(data["store"]).sum().to_numpy()
    sandwich = bread @ sums.T @ sums @ bread * 20 / 19 * 199 / 194
    assert found.regression.test_error == pytest.approx(np.sqrt(sandwich[-1, -1]))
    assert (found.regression.n_clusters, found.regression.test_df) == (20, 19)
    assert found.robustness == plain.robustness
    row = found.tidy().iloc[0]
    half = 2.0930240544 * found.regression.test_error  # t with 19 degrees of freedom
    assert row["conf_high"] - row["estimate"] == pytest.approx(half)
    # at its robustness value on both sides, the adjusted t is just critical
    r = found.robustness_test
    omitted = found.omit(r, r)
    wider = found.regression.test_error / found.regression.std_error
    assert omitted.adjusted_t / wider == pytest.approx(2.0930240544)
    bounds, others = found.benchmarks.iloc[0], plain.benchmarks.iloc[0]
    assert bounds["std_error"] / others["std_error"] == pytest.approx(wider)
    assert bounds["estimate"] == others["estimate"]
    half = bounds["conf_high"] - bounds["estimate"]
    assert half == pytest.approx(2.0930240544 * bounds["std_error"])
    grid = found.contours(0.3, 2).iloc[0]
    assert grid["t"] == pytest.approx(grid["estimate"] / found.regression.test_error, rel=0.01)
    assert "clustered in 20" in found.explain()


def test_contours_are_the_omitted_variable_over_a_grid():
    found = confounding(table().assign(y=lambda d: -d["y"]), "y", "t", COVARIATES)
    grid = found.contours(0.3, 4)
    assert len(grid) == 16
    row = grid.iloc[7]
    omitted = found.omit(row["r2_outcome"], row["r2_treatment"])
    assert (row["r2_treatment"], row["r2_outcome"]) == pytest.approx((0.1, 0.3))
    assert row["estimate"] == pytest.approx(omitted.adjusted_estimate)
    assert row["t"] == pytest.approx(omitted.adjusted_t)


def test_sentences_and_tables():
    found = confounding(table(), "y", "t", COVARIATES, k=(1, 2))
    text = found.explain()
    assert "Something as strong as 'x', the covariate that matters most" in text
    assert "Something 2 times as strong" in confounding(table(), "y", "t", ["z"], k=2).explain()
    assert list(found.tidy()["term"]) == ["t", "partial_r2", "robustness", "robustness_test"]
    assert "Sensitivity of t on y" in found._repr_html_()
    assert len(found.benchmarks) == 6


def test_what_is_impossible_is_left_open():
    rng = np.random.default_rng(3)
    x = rng.standard_normal(300)
    data = pd.DataFrame({"x": x, "t": x + 0.3 * rng.standard_normal(300)})
    data["y"] = data["t"] + rng.standard_normal(300)
    found = confounding(data, "y", "t", ["x"])
    assert found.benchmarks["estimate"].isna().all()
    assert "as strong as" not in found.explain()


def test_any_engine_and_an_untouched_input():
    data = table()
    before = data.copy(deep=True)
    found = confounding(data, "y", "t", COVARIATES)
    other = confounding(pl.from_pandas(data), "y", "t", COVARIATES)
    pd.testing.assert_frame_equal(data, before)
    assert other.regression.estimate == pytest.approx(found.regression.estimate)


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        ({"y": 3.0}, {}, errors.ZeroVarianceError, "outcome 'y' is 3"),
        ({"t": 1}, {}, errors.NoControlError, "all 200"),
        ({"t": 0}, {}, errors.NoTreatedError, "no row is treated"),
        ({"t": 5}, {}, errors.ZeroVarianceError, "treatment 't' is 5"),
        ({"t": "a"}, {}, errors.DtypeError, "'t' .role 'treatment'."),
        ({"z": 1.0}, {}, errors.ZeroVarianceError, "covariate 'z'"),
        ({"z": lambda d: 2 * d["x"] + 1}, {}, errors.RankError, "'[xz]' can be told"),
        ({"z": lambda d: 1 - d["t"]}, {}, errors.RankError, "can be told"),
        ({"z": np.nan}, {}, errors.MissingValueError, "200 rows"),
        ({"z": np.inf}, {}, errors.NonFiniteError, "'z' is infinite"),
        ({"y": lambda d: d["t"] + d["x"]}, {}, errors.ZeroVarianceError, "fitted exactly"),
        ({"g": range(200)}, {"covariates": ["y"]}, errors.ConfigError, "two roles"),
        ({"s": 1}, {"cluster": "s"}, errors.ClusterError, "one cluster"),
        ({"s": np.nan}, {"cluster": "s"}, errors.MissingValueError, "needs a cluster"),
        ({}, {"cluster": "shop"}, errors.MissingColumnError, "'shop'"),
        ({}, {"covariates": ["xx"]}, errors.MissingColumnError, "'xx'"),
        ({}, {"alpha": 1.5}, errors.ConfigError, "alpha"),
    ],
)
def test_bad_input_is_refused(change, options, error, match):
    data = table().assign(**change)
    with pytest.raises(error, match=match):
        confounding(data, "y", "t", **({"covariates": ["x", "z"]} | options))


def test_too_few_rows_are_refused():
    with pytest.raises(errors.InsufficientDataError, match="5 rows for 4 coefficients"):
        confounding(table().iloc[:5], "y", "t", ["x", "z"])
