"""Making draws, computing with them and putting them side by side."""

import numpy as np
import pytest
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import (
    AlignmentError,
    ConfigError,
    ConvergenceError,
    DtypeError,
    NonFiniteError,
)


def fit(failures: str | None = "", **attrs) -> xr.DataTree:
    rng = np.random.default_rng(1)
    posterior = xr.Dataset(
        {
            "beta": (("chain", "draw"), rng.normal(size=(2, 30))),
            "seg": (("chain", "draw", "segment"), rng.normal(size=(2, 30, 3))),
        },
        coords={"chain": [0, 1], "draw": np.arange(30), "segment": list("abc")},
    )
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree.attrs = ({} if failures is None else {"gate_failures": failures}) | attrs
    return tree


# --- from_array ----------------------------------------------------------------------


def test_an_array_becomes_labelled_read_only_draws():
    values = np.arange(6.0).reshape(3, 2)
    draws = dr.from_array(
        values, source="s", dims=["segment"], coords={"segment": ["x", "y"]}, attrs={"unit": "EUR"}
    )
    assert draws.dims == ("sample", "segment") and "sample" not in draws.coords
    assert draws.attrs["unit"] == "EUR" and dr.order_of(draws) == {"s": "fit"}
    with pytest.raises(ValueError, match="read-only"):
        draws[0, 0] = 9
    values[0, 0] = 99
    assert float(draws[0, 0]) == 0


def test_data_ids_ride_along():
    assert dr.order_of(dr.from_array([1, 2], source="s", data_ids=["d"])) == {
        "s": "fit",
        "data:d": "s",
    }


@pytest.mark.parametrize(
    ("values", "options", "error", "words"),
    [
        ([], {}, AlignmentError, "at least one draw"),
        (3.0, {}, AlignmentError, "at least one draw"),
        ([[1, 2]], {}, AlignmentError, r"shape \(1, 2\); expected \(sample\)"),
        ([[1, 2], [3]], {}, AlignmentError, "unequal length"),
        (["1", "2"], {}, DtypeError, "expected numbers"),
        ([1j, 2], {}, DtypeError, "complex"),
        ([None, 1], {}, DtypeError, "object"),
        ([1, 2], {"coords": {"sample": [0, 1]}}, AlignmentError, "without coordinate"),
        ([[1, 2]], {"dims": ["sample"]}, AlignmentError, "without coordinate"),
        ([[1, 2]], {"dims": ["g"], "coords": {"g": [1]}}, AlignmentError, "do not fit"),
        ([[[1]]], {"dims": ["g", "g"]}, AlignmentError, "named once"),
        ([1, 2], {"source": ""}, AlignmentError, "expected a name"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(values, options, error, words):
    with pytest.raises(error, match=words):
        dr.from_array(values, **({"source": "s"} | options))


# --- from_datatree ------------------------------------------------------------------


def test_a_sound_fit_becomes_a_joint_dataset():
    tree = fit(min_ess=55.0)
    data = dr.from_datatree(tree, source="m", data_ids=["d"])
    assert data["seg"].dims == ("sample", "segment") and data.sizes["sample"] == 60
    np.testing.assert_array_equal(data["beta"], tree["posterior"]["beta"].values.ravel())
    assert set(data.coords) == {"segment", "sample_key"}
    assert dr.check_joint(data["beta"], data["seg"], data) == {"m": "fit", "data:d": "m"}
    assert data["beta"].attrs["ess"] == 55


def test_draws_of_a_fit_are_frozen_and_not_shared_with_it():
    tree = fit()
    data = dr.from_datatree(tree, source="m")
    with pytest.raises(ValueError, match="read-only"):
        data["beta"][0] = 1
    before = float(data["beta"][0])
    tree["posterior"]["beta"].values[0, 0] = 99
    assert float(data["beta"][0]) == before


@pytest.mark.parametrize("failures", [None, "R-hat 1.200 is not below 1.01", "only 12 draws"])
def test_a_fit_that_failed_the_gate_is_refused_unless_overruled(failures):
    with pytest.raises(ConvergenceError, match="allow_unconverged=True"):
        dr.from_datatree(fit(failures), source="m")
    data = dr.from_datatree(fit(failures), source="m", allow_unconverged=True)
    result = dr.map(lambda d: d["beta"] * 2, data)
    for marked in (data, data["beta"], result):
        assert marked.attrs["unreliable"].startswith("m: ")


def test_variables_can_be_chosen_and_mistyped_ones_are_named():
    assert list(dr.from_datatree(fit(), source="m", var_names=["beta"])) == ["beta"]
    assert list(dr.from_datatree(fit(), source="m", var_names="beta")) == ["beta"]
    with pytest.raises(ConfigError, match=r"no variable 'bta'.* Did you mean 'beta'"):
        dr.from_datatree(fit(), source="m", var_names=["bta"])
    with pytest.raises(ConfigError, match="no group 'prior'"):
        dr.from_datatree(fit(), source="m", group="prior")


def test_a_fit_with_holes_is_refused():
    tree = fit()
    tree["posterior"]["beta"].values[1, 3] = np.nan
    with pytest.raises(NonFiniteError, match="posterior variable 'beta' has 1 value"):
        dr.from_datatree(tree, source="m")
    assert dr.from_datatree(tree, source="m", var_names=["seg"]).sizes["sample"] == 60


# --- map and concat --------------------------------------------------------------------


A = dr.from_array(np.arange(10.0), source="s", name="a", attrs={"unit": "EUR"})


def test_map_names_labels_and_freezes_its_result():
    out = dr.map(lambda a: a * xr.DataArray([1.0, 2.0], dims="k"), A, name="twice")
    assert out.name == "twice" and out.dims == ("sample", "k") and dr.order_of(out) == {"s": "fit"}
    with pytest.raises(ValueError, match="read-only"):
        out[0, 0] = 1


def test_map_relabels_what_a_function_built_from_plain_numbers():
    out = dr.map(lambda a: xr.DataArray(a.values**2, dims="sample"), A)
    assert dr.order_of(out) == {"s": "fit"} and float(out[3]) == 9


def test_map_does_not_freeze_what_the_function_took_from_elsewhere():
    mine = np.ones(10)
    dr.map(lambda a: xr.DataArray(mine, dims="sample"), A)
    mine[0] = 2
    assert mine[0] == 2


@pytest.mark.parametrize(
    "function",
    [
        lambda a: a.mean("sample"),
        lambda a: a.isel(sample=slice(0, 5)),
        lambda a: a.sortby(a, ascending=False),
        lambda a: a.values,
        lambda a: a.assign_coords(sample=np.arange(10)),
    ],
)
def test_map_refuses_functions_that_lose_or_move_draws(function):
    with pytest.raises(AlignmentError, match="the function"):
        dr.map(function, A)


def test_concat_puts_joint_draws_side_by_side():
    out = dr.concat([A, A * 2], dim="kpi", labels=["one", "two"])
    assert out.dims == ("sample", "kpi") and out.attrs["unit"] == "EUR"
    assert dr.check_joint(out, A)
    np.testing.assert_array_equal(out.sel(kpi="two"), 2 * A)


def test_concat_takes_back_what_was_selected_from_the_same_dimension():
    wide = dr.from_array(
        np.arange(6.0).reshape(3, 2), source="s", dims=["k"], coords={"k": ["a", "b"]}
    )
    again = dr.concat([wide.sel(k="a"), wide.sel(k="b")], dim="k", labels=["a", "b"])
    np.testing.assert_array_equal(again, wide)


@pytest.mark.parametrize(
    ("blocks", "dim", "labels"),
    [
        ([A, A], "k", ["one"]),
        ([A], "sample", ["one"]),
        ([], "k", []),
        ([A.expand_dims(g=[1]), A.expand_dims(g=[2])], "k", [0, 1]),
        ([A.expand_dims(g=[1])], "g", [0]),
        ([A, dr.from_array(np.arange(10.0), source="t")], "k", [0, 1]),
    ],
)
def test_concat_refuses_what_does_not_fit(blocks, dim, labels):
    with pytest.raises(AlignmentError):
        dr.concat(blocks, dim=dim, labels=labels)


def test_check_values_finds_what_is_no_number():
    assert dr.check_values(A) is A
    with pytest.raises(NonFiniteError, match="effect has 1 value"):
        dr.check_values(A.where(A > 0), "effect")
    with pytest.raises(DtypeError):
        dr.check_values(A > 1)
