import numpy as np
import pandas as pd
import pytest

from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    InsufficientDataError,
    MissingColumnError,
    MissingValueError,
    RankError,
    SmallSampleWarning,
    ZeroVarianceError,
)
from cximpact.effects.linkage import error_corrected, reliability_of


def world(seed=1, n=1500, rho=0.6) -> pd.DataFrame:
    """Sentiment with variance 1.25 and an exact covariate that goes with it; slopes 2 and -1."""
    rng = np.random.default_rng(seed)
    tenure = rng.normal(size=n)
    truth = 0.5 * tenure + rng.normal(size=n)
    noise = np.sqrt(1.25 * (1 / rho - 1))
    return pd.DataFrame(
        {
            "spend": 5 + 2 * truth - tenure + rng.normal(size=n),
            "sentiment": truth + noise * rng.normal(size=n),
            "second": truth + noise * rng.normal(size=n),
            "tenure": tenure,
            "store": rng.integers(0, 40, n),
            "w": rng.uniform(0.5, 2, n),
        }
    )


def fit(frame=None, **changes):
    given = {"outcome": "spend", "measured": {"sentiment": 0.6}, "covariates": ["tenure"], "rng": 1}
    return error_corrected(world() if frame is None else frame, **(given | changes))


@pytest.mark.parametrize("rho", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("weight", [None, "w"])
def test_one_column_is_the_naive_slope_over_the_reliability(rho, weight):
    frame = world()
    found = fit(frame, measured={"sentiment": rho}, covariates=[], weight=weight)
    w = frame["w"] if weight else np.ones(len(frame))
    x = frame["sentiment"] - np.average(frame["sentiment"], weights=w)
    naive = np.average(x * frame["spend"], weights=w) / np.average(x**2, weights=w)
    assert float(found.estimate[0]) == pytest.approx(naive / rho, rel=1e-12)
    assert found.details["naive"]["estimate"][0] == pytest.approx(naive, rel=1e-12)


def test_slopes_are_recovered_where_the_naive_regression_fails():
    found = fit(cluster="store")
    rows = found.tidy(0.99).set_index("term")
    for term, truth in (("term[sentiment]", 2), ("term[tenure]", -1)):
        assert rows.loc[term, "conf_low"] < truth < rows.loc[term, "conf_high"]
    naive = found.details["naive"].set_index("term")
    for term, truth in (("sentiment", 2), ("tenure", -1)):
        assert abs(naive.loc[term, "estimate"] - truth) > 6 * naive.loc[term, "std_error"]
    assert not is_causal(found)


def test_a_reliability_of_one_is_ordinary_regression_with_robust_errors():
    frame = world(n=300)
    found = fit(frame, measured={"sentiment": 1.0})
    full = np.column_stack([np.ones(300), frame[["sentiment", "tenure"]]])
    inverse = np.linalg.inv(full.T @ full)
    slopes = inverse @ full.T @ frame["spend"].to_numpy()
    rest = frame["spend"].to_numpy() - full @ slopes
    hc1 = inverse @ (full * rest[:, None] ** 2).T @ full @ inverse * 300 / 297
    np.testing.assert_allclose(found.estimate, slopes[1:])
    np.testing.assert_allclose(found.std_error, np.sqrt(np.diag(hc1))[1:])


def test_the_error_counts_that_the_variance_was_estimated():
    """Against the spread over bootstrap samples."""
    frame = world(n=400)
    rng = np.random.default_rng(0)
    slopes = []
    for _ in range(400):
        x = frame.iloc[rng.integers(0, 400, 400)]
        m = np.cov(x[["sentiment", "tenure"]].T)
        m[0, 0] *= 0.6
        c = [np.cov(x[k], x["spend"])[0, 1] for k in ("sentiment", "tenure")]
        slopes.append(np.linalg.solve(m, c))
    np.testing.assert_allclose(fit(frame).std_error, np.std(slopes, axis=0), rtol=0.12)


def test_an_estimated_reliability_makes_the_slope_less_sure():
    frame = world(n=500)
    rho = reliability_of(frame["sentiment"], frame["second"], rng=2)
    found = fit(frame, measured={"sentiment": rho})
    fixed = fit(frame, measured={"sentiment": float(rho.estimate)})
    np.testing.assert_allclose(found.estimate, fixed.estimate)
    slope = float(found.estimate[0])
    # with one true column given tenure: d slope / d rho by a difference
    step = 1e-5
    up = fit(frame, measured={"sentiment": float(rho.estimate) + step}).estimate
    by_rho = (float(up[0]) - slope) / step
    error = float(rho.summary()["std_error"].iloc[0])
    expected = np.sqrt(float(fixed.std_error[0]) ** 2 + (by_rho * error) ** 2)
    assert float(found.std_error[0]) == pytest.approx(expected, rel=1e-3)


def test_a_reliability_that_cannot_be_is_refused():
    frame = world(n=400)
    frame["echo"] = frame["sentiment"] + 0.3 * np.random.default_rng(0).normal(size=400)
    with pytest.raises(RankError, match=r"'sentiment' has 0.6 and the others explain 0\.9"):
        fit(frame, covariates=["echo"])
    fit(frame, measured={"sentiment": 0.99}, covariates=["echo"])


def test_clusters_and_seeds():
    frame = world(n=400).assign(copy=lambda f: np.arange(len(f)))
    twice = pd.concat([frame, frame], ignore_index=True)
    clustered, plain = fit(twice, cluster="copy"), fit(frame)
    np.testing.assert_allclose(clustered.std_error, plain.std_error, rtol=0.01)
    np.testing.assert_array_equal(fit(frame).draws, fit(frame).draws)
    with pytest.warns(SmallSampleWarning, match="only 4 clusters"):
        fit(frame.assign(store=frame["store"] % 4), cluster="store")


@pytest.mark.parametrize(
    ("frame", "options", "error", "match"),
    [
        (None, {"measured": {}}, ConfigError, "columns with their reliability"),
        (None, {"measured": "sentiment"}, ConfigError, "columns with their reliability"),
        (None, {"measured": {"sentiment": 1.2}}, ConfigError, "reliability of 'sentiment' is 1.2"),
        (None, {"measured": {"sentiment": 0}}, ConfigError, "above 0"),
        (None, {"measured": {"sentimnt": 0.6}}, MissingColumnError, "sentimnt.*sentiment"),
        (None, {"covariates": ["sentiment"]}, ConfigError, "two roles"),
        (
            world().assign(twin=lambda f: f["tenure"]),
            {"covariates": ["tenure", "twin"]},
            RankError,
            "follows from the other",
        ),
        (world().assign(sentiment=1.0), {}, ZeroVarianceError, "sentiment"),
        (world(n=3), {}, InsufficientDataError, "3 rows for 3"),
        (world().assign(spend=np.nan), {}, MissingValueError, "'spend'"),
    ],
)
def test_bad_columns_are_refused(frame, options, error, match):
    with pytest.raises(error, match=match):
        fit(frame, **options)


def test_categories_are_warned_of_and_an_exact_fit_is_refused():
    frame = world().assign(sentiment=lambda f: (f["sentiment"] > 0).astype(int))
    with pytest.warns(AssumptionWarning, match="holds only 0 and 1"):
        fit(frame)
    exact = world().assign(spend=lambda f: 3 * f["tenure"])
    with pytest.raises(ZeroVarianceError, match="exactly"):
        fit(exact, measured={"tenure": 1.0}, covariates=[])
