"""Clusters that hold both arms, and the bias that spill-over makes there."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core import errors
from cximpact.effects.overlap import interference_check


def stores(mixed=True):
    return pd.DataFrame(
        {"store": [1, 1, 1, 2, 2, 3], "t": [1, 0, 0, 1, 1, 0] if mixed else [0, 0, 0, 1, 1, 0]}
    )


@pytest.mark.parametrize("engine", [lambda d: d, pl.from_pandas, lambda d: d.astype({"t": bool})])
def test_clusters_with_both_arms_are_counted(engine):
    with pytest.warns(errors.AssumptionWarning, match="1 of 3 clusters"):
        found = interference_check(engine(stores()), "t", "store")
    assert found.table.to_dict("list") == {
        "cluster": [1, 2, 3],
        "n": [3, 2, 1],
        "treated": [1, 2, 0],
        "share": [pytest.approx(1 / 3), 1, 0],
    }
    assert (found.n_clusters, found.n_mixed, found.exposed) == (3, 1, pytest.approx(2 / 3))
    assert found.share_mixed == pytest.approx(1 / 3)
    assert "67% of the untreated share one" in found.explain()
    assert found.tidy().equals(found.table)


def test_treatment_of_whole_clusters_is_quiet():
    found = interference_check(stores(mixed=False), "t", "store")
    assert (found.n_mixed, found.exposed) == (0, 0)
    assert "none of the untreated share one" in found.explain()


def test_spill_over_within_stores_biases_and_is_flagged():
    """A treated neighbor helps as well, by half: comparing neighbors sees half the effect."""
    rng = np.random.default_rng(1)
    store = np.repeat(np.arange(400), 10)
    t = rng.integers(0, 2, store.size)
    around = pd.Series(t).groupby(store).transform("mean").to_numpy()
    y = 1.0 * t + 1.0 * around + rng.standard_normal(store.size)
    naive = y[t == 1].mean() - y[t == 0].mean()
    assert naive == pytest.approx(1.1, abs=0.15)  # all treated against none would be 2
    with pytest.warns(errors.AssumptionWarning, match="400 of 400|39. of 400"):
        interference_check(pd.DataFrame({"t": t, "store": store}), "t", "store")
    whole = rng.permutation(np.arange(400) % 2)[store]
    y = 1.0 * whole + 1.0 * whole + rng.standard_normal(store.size)
    assert y[whole == 1].mean() - y[whole == 0].mean() == pytest.approx(2, abs=0.15)
    assert not interference_check(pd.DataFrame({"t": whole, "s": store}), "t", "s").n_mixed


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"t": 1}, errors.NoControlError, "all 6"),
        ({"t": 0}, errors.NoTreatedError, "none of 6"),
        ({"t": [0, 1, 2, 0, 1, 2]}, errors.TreatmentError, "'0', '1', '2'"),
        ({"t": list("ababab")}, errors.TreatmentError, "'a', 'b'"),
        ({"t": [0, 1, None, 0, 1, 1]}, errors.MissingValueError, "'t' is missing in 1 row"),
        ({"store": [1, None, 1, 2, 2, 2]}, errors.MissingValueError, "'store' is missing"),
    ],
)
def test_bad_input_is_refused(change, error, match):
    with pytest.raises(error, match=match):
        interference_check(stores().assign(**change), "t", "store")


def test_unknown_columns_are_refused():
    with pytest.raises(errors.MissingColumnError, match="'shop'"):
        interference_check(stores(), "t", "shop")
    with pytest.raises(errors.EmptyDataError):
        interference_check(stores()[:0], "t", "store")
