"""The slope and its error against dense least squares, and what it may not be used for."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.core.causal import check_causal
from cximpact.effects import association


def table(n=120):
    rng = np.random.default_rng(1)
    score = rng.integers(0, 11, n)
    year, store = rng.integers(2015, 2019, n), rng.integers(0, 12, n)
    noise = rng.standard_normal(12)[store] + rng.standard_normal(n)
    outcome = 3 + 0.4 * score + 0.2 * (year - 2015) + noise
    return pd.DataFrame({"score": score, "spend": outcome, "year": year, "store": store})


def dense(data, dummies, cluster, k):
    x = np.column_stack([data["score"], dummies]).astype(float)
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ (x.T @ data["spend"])
    scores = pd.DataFrame(x * (data["spend"] - x @ beta).to_numpy()[:, None])
    sums = scores.groupby(np.asarray(cluster)).sum().to_numpy()
    n, g = len(data), len(sums)
    covariance = bread @ (sums.T @ sums) @ bread * g / (g - 1) * (n - 1) / (n - k)
    return beta[0], np.sqrt(covariance[0, 0]), g - 1


def agrees(found, expected):
    numbers = (float(found.estimate), float(found.std_error), found.df)
    return numbers == pytest.approx(expected, rel=1e-9)


def test_clusters_and_levels():
    data = table()
    found = association(data, score="score", outcome="spend", within="year", cluster="store")
    assert agrees(found, dense(data, pd.get_dummies(data["year"]), data["store"], 5))


def test_without_clusters_it_is_the_hc1_error():
    data = table()
    found = association(data, score="score", outcome="spend")
    assert agrees(found, dense(data, np.ones((len(data), 1)), data.index, 2))


def test_levels_within_clusters_do_not_count():
    data = table()
    found = association(data, score="score", outcome="spend", within="store", cluster="store")
    assert agrees(found, dense(data, pd.get_dummies(data["store"]), data["store"], 2))


def test_it_is_no_effect():
    found = association(table(), score="score", outcome="spend")
    assert found.estimand.target == "association"
    with pytest.raises(errors.NotCausalError, match="not how things go together"):
        check_causal(found)


def test_gaps_are_refused_or_counted():
    data = table().astype({"score": "Int64"})
    data.loc[[3, 7], "score"] = pd.NA
    data.loc[7, "spend"] = np.nan
    with pytest.raises(errors.MissingOutcomeError, match="2 rows, at positions 3, 7"):
        association(data, score="score", outcome="spend")
    found = association(data, score="score", outcome="spend", missing="drop")
    assert found.n == 118
    assert "2 rows without a score or an outcome were left out" in found.explain()
    whole = association(table().drop(index=[3, 7]), score="score", outcome="spend")
    assert float(found.estimate) == pytest.approx(float(whole.estimate))


def test_the_unit_of_the_score_does_not_decide_whether_it_varies():
    data = table().assign(score=lambda d: d["score"] * 1e-9)
    found = association(data, score="score", outcome="spend")
    plain = association(table(), score="score", outcome="spend")
    assert float(found.estimate) * 1e-9 == pytest.approx(float(plain.estimate))


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        ({"score": 5}, {}, errors.ZeroVarianceError, "score does not vary"),
        ({"spend": 5.5}, {}, errors.ZeroVarianceError, "outcome does not vary"),
        ({"spend": lambda d: 2 * d["score"]}, {}, errors.ZeroVarianceError, "exactly"),
        ({"store": 1}, {"cluster": "store"}, errors.ClusterError, "one cluster"),
        ({"year": range(120)}, {"within": "year"}, errors.ZeroVarianceError, "score does not"),
        ({"spend": "much"}, {}, errors.DtypeError, "expected numbers"),
        ({"spend": np.inf}, {}, errors.NonFiniteError, "infinite in 120 rows"),
        ({}, {"cluster": "shop"}, errors.MissingColumnError, "'shop'"),
        ({}, {"missing": "ignore"}, errors.ConfigError, "missing"),
    ],
)
def test_bad_input_is_refused(change, options, error, match):
    data = table().assign(**change)
    before = data.copy(deep=True)
    with pytest.raises(error, match=match):
        association(data, score="score", outcome="spend", **options)
    pd.testing.assert_frame_equal(data, before)


def test_too_few_rows_are_refused():
    with pytest.raises(errors.InsufficientDataError, match="2 rows for 2 parameters"):
        association(table().iloc[:2], score="score", outcome="spend")
    with pytest.raises(errors.EmptyDataError):
        association(table().iloc[:0], score="score", outcome="spend")


def test_several_groups_are_least_squares_with_all_their_intercepts():
    rng = np.random.default_rng(8)
    n = 400
    frame = pd.DataFrame({"year": rng.integers(0, 5, n), "shop": rng.integers(0, 30, n)})
    frame["s"] = rng.normal(size=n) + 0.3 * frame["shop"]
    frame["y"] = 0.5 * frame["s"] - frame["year"] + rng.normal(size=n)
    found = association(
        frame, score="s", outcome="y", within=["year", "shop"], cluster="shop", rng=1
    )
    dummies = pd.get_dummies(frame[["year", "shop"]].astype(str), drop_first=True, dtype=float)
    x = np.column_stack([frame["s"], np.ones(n), dummies])
    b, *_ = np.linalg.lstsq(x, frame["y"])
    np.testing.assert_allclose(found.estimate, b[0], rtol=1e-8)
    inverse, left = np.linalg.inv(x.T @ x), frame["y"] - x @ b
    sums = pd.DataFrame(x * left.to_numpy()[:, None]).groupby(frame["shop"]).sum().to_numpy()
    raw = np.sqrt((inverse @ sums.T @ sums @ inverse)[0, 0])
    # intercepts of the shops are nested in the clusters and not counted
    factor = np.sqrt(30 / 29 * (n - 1) / (n - 6))
    np.testing.assert_allclose(found.std_error, raw * factor, rtol=1e-7)
