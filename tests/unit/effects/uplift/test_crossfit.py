"""Folds that keep customers together, and predictions by models that did not see the customer."""

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsRegressor

import cximpact as cx
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    InsufficientDataError,
    NoTreatedError,
    OverlapError,
)
from cximpact.effects.uplift.crossfit import (
    CrossFit,
    Nuisances,
    assign_folds,
    check_overlap,
    cross_fit,
)

N = 400


def rows(**columns):
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"y": rng.normal(size=N), "t": np.tile([0, 1], N // 2), "x": rng.normal(size=N)}
    ).assign(**columns)
    roles = {c: c for c in ("unit", "cluster") if c in table}
    data = cx.CrossSection(table, outcome="y", treatment="t", features=["x"], **roles)
    return data.to_arrays()


def test_a_customer_is_in_one_fold_and_arms_are_shared_out():
    found = rows(unit=np.repeat(np.arange(N // 4), 4))
    fold = assign_folds(found, 5, np.random.default_rng(1))
    assert (pd.Series(fold).groupby(found.group).nunique() == 1).all()
    single = rows()
    fold = assign_folds(single, 5, np.random.default_rng(1))
    table = pd.crosstab(fold, single.arm)
    assert (table == N // 10).all(axis=None)


def test_the_models_of_a_fold_did_not_see_it():
    # a model that remembers its rows predicts them without error, so out of fold it must not
    found = rows()
    settings = CrossFit(propensity_model="none")
    memory = KNeighborsRegressor(n_neighbors=1)
    x = found.table.to_numpy()
    fitted = cross_fit(settings, memory, x, found, 2, np.random.default_rng(1))
    own = fitted.mean[np.arange(N), found.arm]
    assert np.abs(own - found.outcome).min() > 0
    assert np.corrcoef(own, found.outcome)[0, 1] < 0.2


def test_shares_of_the_arms_serve_as_propensity():
    found = rows(t=(np.arange(N) % 4 == 0).astype(int))
    fitted = cross_fit(
        CrossFit(propensity_model="none"),
        "linear",
        found.table.to_numpy(),
        found,
        2,
        np.random.default_rng(1),
    )
    np.testing.assert_allclose(fitted.propensity[:, 1], 0.25, atol=0.01)
    np.testing.assert_allclose(fitted.propensity_of(found.table.to_numpy()[:2])[:, 1], 0.25)


def test_a_pooled_model_predicts_for_both_arms():
    rng = np.random.default_rng(2)
    t = np.tile([0, 1], N // 2)
    found = rows(y=t * 2.0 + rng.normal(size=N) * 0.1)
    fitted = cross_fit(
        CrossFit(propensity_model="none"),
        "linear",
        found.table.to_numpy(),
        found,
        2,
        np.random.default_rng(1),
        pooled=True,
    )
    assert (fitted.mean[:, 1] - fitted.mean[:, 0]).mean() == pytest.approx(2, abs=0.05)


def test_repeats_are_averaged():
    parts = [
        Nuisances(
            mean=np.full((2, 2), v),
            propensity=np.full((2, 2), 0.5),
            estimated=True,
            means=[],
            shares=[],
            family="binary",
        )
        for v in (1.0, 3.0)
    ]
    assert Nuisances.averaged(parts).mean.tolist() == [[2, 2], [2, 2]]
    assert Nuisances.averaged(parts[:1]) is parts[0]


def test_an_arm_that_is_missing_in_a_fold_is_named():
    found = rows(t=[1, *[0] * (N - 1)])
    with pytest.raises(NoTreatedError, match="use fewer folds"):
        cross_fit(CrossFit(), "linear", found.table.to_numpy(), found, 2, np.random.default_rng(1))


def test_more_folds_than_customers_are_refused():
    found = rows(cluster=np.repeat([0, 1, 2, 3], N // 4))
    with pytest.raises(InsufficientDataError, match="4 customers or clusters"):
        assign_folds(found, 5, np.random.default_rng(1))


def test_overlap_is_looked_at():
    check_overlap(np.array([[0.5, 0.5], [0.1, 0.9]]))
    with pytest.warns(AssumptionWarning, match="1 of 2 customers have a propensity below 0.01"):
        check_overlap(np.array([[0.5, 0.5], [0.005, 0.995]]))
    with pytest.raises(OverlapError, match=r"1 of 2 customers.*target='trimmed'"):
        check_overlap(np.array([[0.5, 0.5], [1e-5, 1 - 1e-5]]))


@pytest.mark.parametrize(
    "settings", [{"folds": 1}, {"repeats": 0}, {"family": "x"}, {"propensity_model": "x"}]
)
def test_settings_are_checked(settings):
    with pytest.raises(ConfigError, match=r"crossfit\."):
        CrossFit(**settings)
