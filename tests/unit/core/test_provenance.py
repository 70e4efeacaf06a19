"""Equal work compares equal, whenever and wherever it was done."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.core.provenance import Provenance
from cximpact.core.versions import versions


@dataclass(frozen=True)
class Settings:
    alpha: float = 0.5
    names: tuple[str, ...] = ("a",)


def make(**changes):
    base = {"method": "did", "data_hash": "d", "settings": {"a": 1, "b": [1.5, None]}, "seed": 3}
    return Provenance(**(base | changes))


def test_equal_work_compares_and_hashes_equal():
    assert make() == make(settings={"b": (1.5, None), "a": np.int64(1)})
    assert len({make(), make()}) == 1
    assert make() != "did"


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "es"},
        {"data_hash": "e"},
        {"settings": {"a": 2}},
        {"seed": 4},
        {"versions": {"numpy": "1"}},
        {"parents": ("p",)},
        {"notes": ("n",)},
    ],
)
def test_every_field_counts(changes):
    assert make(**changes) != make()


@pytest.mark.parametrize("name", ["method", "data_hash", "settings", "seed"])
def test_the_source_depends_on_method_data_settings_and_seed(name):
    other = {"method": "es", "data_hash": "e", "settings": {}, "seed": 9}[name]
    assert make(**{name: other}).source != make().source
    assert make(notes=("n",), versions={"x": "1"}).source == make().source


def test_long_arrays_that_print_alike_are_told_apart():
    one, two = np.zeros(5000), np.zeros(5000)
    two[2500] = 1
    assert str(one) == str(two)
    assert make(settings={"x": one}).source != make(settings={"x": two}).source


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Settings(), Settings(alpha=0.6)),
        (len, sum),
        ({1, 2}, {1, 3}),
        (pd.Series([1]), pd.Series([2])),
        (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")),
    ],
)
def test_settings_of_many_types_are_told_apart_and_repeat(one, two):
    assert make(settings={"x": one}).source != make(settings={"x": two}).source
    assert make(settings={"x": one}) == make(settings={"x": one})


def test_settings_without_a_lasting_description_are_refused():
    with pytest.raises(ConfigError, match="no lasting description"):
        _ = make(settings={"x": object()}).source


def test_provenance_can_be_written_as_json():
    text = json.dumps(
        make(settings={"x": np.arange(3), "s": Settings(), "f": np.float32(0.5)}).as_dict()
    )
    assert json.loads(text)["settings"]["f"] == 0.5


def test_settings_are_copied_and_frozen():
    settings = {"a": 1}
    one = make(settings=settings)
    settings["a"] = 2
    assert one.settings["a"] == 1
    with pytest.raises(TypeError):
        one.settings["a"] = 3


def test_a_changed_copy_is_made_by_replace():
    assert replace(make(), notes=("more",)).notes == ("more",)
    assert Provenance(**{**vars(make()), "notes": ("n",)}).source == make().source


@pytest.mark.parametrize("name", ["notes", "parents"])
def test_a_single_text_is_not_taken_for_many(name):
    with pytest.raises(ConfigError, match="expected a tuple"):
        make(**{name: "one"})


def test_versions_are_read_without_importing():
    found = versions("numpy", "pymc", "surely-not-installed")
    assert found["numpy"] == np.__version__ and "pymc" in found
    assert "surely-not-installed" not in found and next(iter(found)) == "cximpact"


def test_versions_know_the_usual_libraries():
    assert {"cximpact", "python", "numpy", "xarray"} <= versions().keys()
