"""Whatever lies in the folder of a data set, only our own errors come out."""

import contextlib
import os
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact import datasets
from cximpact.core.errors import CxImpactError
from cximpact.datasets import cdnow, hillstrom, medicare, sfo
from cximpact.datasets.files import DataSource

LOADERS = {
    "load_sfo_survey": sfo.SOURCE,
    "load_hillstrom": hillstrom.SOURCE,
    "load_cdnow": cdnow.SOURCES["transactions"],
    "load_medicare_stars": medicare.SOURCE,
}


@pytest.mark.parametrize("loader", LOADERS)
@given(content=st.binary(max_size=60), packed=st.booleans(), files=st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_nothing_but_our_own_errors_escapes(loader: str, content: bytes, packed: bool, files: int):
    source: DataSource = LOADERS[loader]
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / source.dataset
        folder.mkdir()
        for file in list(source.files)[:files]:
            (folder / (file.local if packed else file.name)).write_bytes(content)
        with (
            mock.patch.dict(os.environ, {"CXIMPACT_DATA": root}),
            contextlib.ExitStack() as stack,
        ):
            stack.enter_context(pytest.raises(CxImpactError))
            getattr(datasets, loader)(cache=Path(root) / "cache", download=False)
        assert not (Path(root) / "cache").exists()


@given(
    kappa=st.floats(allow_nan=True, allow_infinity=True),
    n_stores=st.integers(-2, 6),
    joiners=st.integers(-1, 3),
    effect=st.one_of(st.floats(-20, 20), st.none(), st.booleans()),
)
@settings(max_examples=25, deadline=None)
def test_a_world_is_whole_or_refused(kappa: float, n_stores: int, joiners: int, effect: object):
    setting = {"kappa": kappa, "n_stores": n_stores, "joiners": joiners, "effect": effect}
    try:
        world = datasets.simulate_world(1, **setting)
    except CxImpactError:
        return
    assert len(world.customers) == 12 * n_stores * joiners
    known = world.customers.drop(columns=["ces", "first_treated"])
    assert not known.isna().any(axis=None)
    assert all(value == value for value in world.truth.values())
    tables = datasets.world_tables(world, 1)
    assert len(tables["surveys"]) == len(world.customers)
