import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import OverlapError
from cximpact.effects.linkage.dose.levels import levels_of
from cximpact.effects.linkage.dose.means import adjusted_means, raw_means
from cximpact.effects.linkage.rows import link_rows


def rows_of(frame, covariates=(), **options):
    rows = link_rows(frame, {"score": "s", "outcome": "y"}, covariates, **options)
    return rows, levels_of(rows.numbers["score"], None), rows.numbers["outcome"][:, None]


def world(seed=1, n=900):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    s = (x + rng.normal(size=n) > 0).astype(int) + (x + rng.normal(size=n) > 1)
    y = x + np.array([0.0, 0.5, 1.0])[s] + rng.normal(size=n)
    return pd.DataFrame({"s": s, "y": y, "x": x, "w": rng.random(n) + 0.5, "c": np.arange(n) // 3})


def test_raw_means_and_errors_are_those_of_each_level():
    frame = world()
    found = raw_means(*rows_of(frame))
    by = frame.groupby("s")["y"]
    assert found.value[:, 0] == pytest.approx(by.mean().to_numpy())
    n = len(frame)
    variance = by.var(ddof=0) / by.size() * n / (n - 1)
    assert np.diag(found.covariance) == pytest.approx(variance.to_numpy())
    assert found.df == n - 1


def test_weights_and_clusters_count():
    frame = world()
    found = raw_means(*rows_of(frame, weight="w"))
    top = frame[frame["s"] == 2]
    assert found.value[2, 0] == pytest.approx(np.average(top["y"], weights=top["w"]))
    kish = top["w"].sum() ** 2 / (top["w"] ** 2).sum()
    assert found.support["n_effective"].iloc[2] == pytest.approx(kish)
    twice = pd.concat([frame, frame])
    one, doubled = (raw_means(*rows_of(f.assign(c=f.index), cluster="c")) for f in (frame, twice))
    assert doubled.covariance == pytest.approx(one.covariance)
    assert doubled.df == one.df


def test_rows_of_one_cluster_at_several_levels_covary():
    found = raw_means(*rows_of(world(), cluster="c"))
    assert found.covariance[0, 1] != 0
    assert raw_means(*rows_of(world())).covariance[0, 1] == 0


def test_a_level_of_like_rows_is_not_certain():
    frame = pd.DataFrame({"s": np.repeat([0, 1, 2], [40, 8, 1]), "y": 0.0})
    frame.loc[:19, "y"] = 1.0
    found = raw_means(*rows_of(frame))
    pooled = 10 / 46
    assert found.covariance[1, 1] == pytest.approx(pooled / 8)
    assert found.covariance[2, 2] == pytest.approx(pooled)


def test_adjusted_means_are_those_of_everybody():
    frame = world(2, n=4000)
    truth = frame["x"].mean() + np.array([0.0, 0.5, 1.0])
    found = adjusted_means(*rows_of(frame, ["x"]), learner="linear", folds=3, rng=1)
    gap = (found.value[:, 0] - truth) / np.sqrt(np.diag(found.covariance))
    assert np.abs(gap).max() < 2.5
    raw = raw_means(*rows_of(frame))
    naive = (raw.value[:, 0] - truth) / np.sqrt(np.diag(raw.covariance))
    assert np.abs(naive).max() > 10


def test_levels_without_people_alike_are_refused():
    rng = np.random.default_rng(1)
    x = rng.normal(size=600)
    frame = pd.DataFrame({"s": np.digitize(x, [-1, 1]), "x": x, "y": rng.normal(size=600)})
    with pytest.raises(OverlapError, match=r"levels 0.*bands="):
        adjusted_means(*rows_of(frame, ["x"]), learner="linear", folds=2, rng=1)
    few = world(n=60)
    few.loc[few["s"] == 2, "s"] = 1
    few.loc[0, "s"] = 9
    with pytest.raises(OverlapError, match=r"9 \(1\) have fewer than 4 rows"):
        adjusted_means(*rows_of(few, ["x"]), learner="linear", folds=2, rng=1)


def test_the_support_names_who_has_nobody_alike():
    found = adjusted_means(*rows_of(world(), ["x"]), learner="linear", folds=2, rng=1)
    assert (found.support["n_effective"] < found.support["n"]).all()
    assert found.support["share_without_like"].between(0, 0.5).all()


def test_what_the_covariates_explain_is_no_error_of_a_contrast():
    frame = world(4, n=600)
    rng = np.random.default_rng(4)
    frame["y"] = 20 * frame["x"] + np.array([0.0, 0.5, 1.0])[frame["s"]] + rng.normal(size=600)
    found = adjusted_means(*rows_of(frame, ["x"]), learner="linear", folds=2, rng=1)
    cov = found.covariance
    error = np.sqrt(cov[2, 2] + cov[0, 0] - 2 * cov[0, 2])
    assert error < 0.7
    assert found.value[2, 0] - found.value[0, 0] == pytest.approx(1.0, abs=3 * error)
