"""Draws know what they belong to, and say so after everything that xarray does to them."""

import numpy as np
import pytest
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError
from cximpact.core.sample_order import effective_draws, fitted_order

N = 50
SEGMENTS = ["x", "y"]


def make(source, seed=0, **options):
    values = np.random.default_rng(seed).normal(size=(N, 2))
    return dr.from_array(
        values, source=source, dims=["segment"], coords={"segment": SEGMENTS}, **options
    )


A, B = make("a", 1), make("b", 2)


@pytest.mark.parametrize(
    "mix",
    [
        lambda: A + B,
        lambda: A * 2 - B,
        lambda: np.maximum(A, B),
        lambda: xr.where(A > 0, A, B),
        lambda: A.where(A > 0, B),
        lambda: A.clip(min=B),
        lambda: A.fillna(B),
        lambda: xr.dot(A, B, dim="segment"),
        lambda: xr.concat([A, B], dim="kpi"),
        lambda: xr.apply_ufunc(np.add, A, B),
        lambda: xr.Dataset({"a": A}) + xr.Dataset({"a": B}),
        lambda: xr.Dataset({"a": A}).assign(b=B),
        lambda: xr.Dataset({"a": A}).assign(b=B)["b"],
        lambda: xr.Dataset({"a": A}).assign(b=B).to_dataarray(),
        lambda: A > B,
    ],
)
def test_raw_arithmetic_on_unpaired_draws_is_refused_by_the_next_step(mix):
    with pytest.raises(AlignmentError):
        dr.order_of(mix())


def test_a_dataset_of_several_orders_is_named_as_such():
    with pytest.raises(AlignmentError, match=r"variables .* come from different sample orders"):
        dr.order_of(xr.Dataset({"a": A}).assign(b=B))


def test_unpaired_draws_do_not_fit_into_one_dataset():
    with pytest.raises(ValueError, match="sample_key"):
        xr.Dataset({"a": A, "b": B})


@pytest.mark.parametrize(
    "rearranged",
    [
        lambda: A.isel(segment=0).sortby(A.isel(segment=0)),
        lambda: A.isel(sample=slice(None, None, 2)),
        lambda: A.isel(sample=slice(1, None)),
        lambda: A.isel(sample=np.arange(N)[::-1]),
        lambda: A.roll(sample=1, roll_coords=True),
        lambda: A[A.isel(segment=0, drop=True) > 0],
        lambda: A.reset_coords(drop=True),
        lambda: A.isel(sample=slice(0, 0)),
    ],
)
def test_rearranged_draws_are_refused(rearranged):
    with pytest.raises(AlignmentError):
        dr.order_of(rearranged())


@pytest.mark.parametrize(
    "step",
    [
        lambda a: a * 2 + 1,
        lambda a: np.exp(a),
        lambda a: a.sum("segment"),
        lambda a: a.mean("segment"),
        lambda a: a.cumsum("segment"),
        lambda a: a.diff("segment"),
        lambda a: a.sel(segment="x"),
        lambda a: a.sel(segment="x", drop=True),
        lambda a: a.isel(segment=[1, 0]),
        lambda a: a.quantile(0.5, dim="segment"),
        lambda a: a.clip(min=0),
        lambda a: a.where(a > 0, 0),
        lambda a: a.rename("other"),
        lambda a: a.transpose("segment", "sample"),
        lambda a: a.expand_dims(kpi=["nps"]),
        lambda a: a.groupby("segment").sum(),
        lambda a: a - a.mean("sample"),
        lambda a: a * xr.DataArray([1.0, 2.0], dims="segment"),
        lambda a: xr.concat([a, a * 2], dim="kpi"),
        lambda a: xr.Dataset({"a": a, "b": a * 2})["b"],
        lambda a: xr.Dataset({"a": a, "b": a * 2}),
        lambda a: a.isel(sample=slice(0, 10)),
        lambda a: a.astype(int),
    ],
)
def test_honest_steps_keep_the_label(step):
    assert dr.order_of(step(A)) == {"a": "fit"}


def test_a_variable_of_a_dataset_carries_the_label_and_the_dataset_itself_does_not():
    data = dr.with_order(xr.Dataset({"a": A, "share": ("segment", [0.5, 0.5])}), {"fit": "fit"})
    assert dr.order_of(data["a"]) == dr.order_of(data) == {"fit": "fit"}
    assert "sample_order" not in data.attrs | data["share"].attrs
    stacked = dr.map(lambda d: d[["a"]].to_dataarray("kpi"), data)
    assert stacked.dims[0] == "sample" and dr.order_of(stacked) == {"fit": "fit"}
    with pytest.raises(AlignmentError, match="no sample_order"):
        dr.order_of(data[["a"]].to_dataarray())


@pytest.mark.parametrize("name", ["index", "plain"])
def test_a_coordinate_on_sample_is_refused(name):
    indexed = A.assign_coords(sample=np.arange(N))
    indexed = indexed if name == "index" else indexed.drop_indexes("sample")
    with pytest.raises(AlignmentError, match="carries a coordinate or index"):
        dr.order_of(indexed)


def test_a_multiindex_from_arviz_is_refused():
    tree = xr.DataArray(np.zeros((2, 5)), dims=["chain", "draw"]).stack(sample=("chain", "draw"))
    with pytest.raises(AlignmentError, match="drop_vars"):
        dr.order_of(tree)


@pytest.mark.parametrize("label", ["not json", "{}", "[1]", "3", ""])
def test_a_damaged_label_is_refused(label):
    with pytest.raises(AlignmentError, match="sample_order"):
        dr.order_of(A.assign_attrs(sample_order=label))


def test_a_forged_label_does_not_match_the_key():
    with pytest.raises(AlignmentError, match="sample_key"):
        dr.order_of(A.assign_attrs(sample_order='{"b": "fit"}'))


@pytest.mark.parametrize("thing", [[1, 2], np.zeros(3), None, xr.DataTree()])
def test_things_that_are_no_draws_are_refused(thing):
    with pytest.raises(AlignmentError, match="expected labelled xarray draws"):
        dr.order_of(thing)


def test_draws_without_the_sample_dimension_are_refused():
    with pytest.raises(AlignmentError, match="dimension 'sample'"):
        dr.order_of(A.mean("sample"))


def test_joint_blocks_agree_on_every_source_and_on_their_length():
    assert dr.check_joint(A, A * 2, A.sum("segment")) == {"a": "fit"}
    with pytest.raises(AlignmentError, match="unequal length"):
        dr.check_joint(A, A.isel(sample=slice(0, 10)))
    with pytest.raises(AlignmentError, match="'a', 'b' are not in one joint order"):
        dr.check_joint(A, B)
    with pytest.raises(AlignmentError, match="no draws"):
        dr.check_joint()


def test_data_are_named_with_the_source_that_used_them():
    assert fitted_order("m", ["d1", "data:d2"]) == {"m": "fit", "data:d1": "m", "data:d2": "m"}
    assert fitted_order("m", "d1") == {"m": "fit", "data:d1": "m"}


@pytest.mark.parametrize(
    ("source", "ids"), [("", []), (" ", []), (3, []), ("m", [""]), ("m", [None])]
)
def test_sources_need_names(source, ids):
    with pytest.raises(AlignmentError, match="expected a name"):
        fitted_order(source, ids)


def test_labels_need_draws_and_a_source():
    with pytest.raises(AlignmentError):
        dr.with_order(xr.DataArray([1.0], dims="segment"), {"a": "fit"})
    with pytest.raises(AlignmentError):
        dr.with_order(A, {})


def test_effective_draws_are_at_most_the_draws():
    assert effective_draws(A) == N
    assert effective_draws(A.assign_attrs(ess=20.0)) == 20
    assert effective_draws(A.assign_attrs(ess=1e6)) == N


def test_marks_of_all_blocks_are_united_once():
    a, b = A.assign_attrs(unreliable="fit 1: bad"), A.assign_attrs(unreliable="fit 2: worse")
    assert dr.map(lambda x, y: x + y, a, b).attrs["unreliable"] == "fit 1: bad | fit 2: worse"
    assert dr.map(lambda x, y: x + y, a, a * 2).attrs["unreliable"] == "fit 1: bad"
    paired = dr.pair(a, B, rng=1)
    assert (paired[0] + paired[1]).attrs["unreliable"] == "fit 1: bad"


def test_labels_survive_netcdf(tmp_path):
    data = xr.Dataset({"a": A, "b": A.sum("segment").assign_attrs(unit="EUR")})
    data.to_netcdf(tmp_path / "draws.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "draws.nc", engine="h5netcdf") as file:
        back = file.load()
    assert dr.check_joint(A, back["a"], back["b"], back) == {"a": "fit"}
    assert back["b"].attrs["unit"] == "EUR"
    A.rename("one").to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
    with xr.open_dataarray(tmp_path / "one.nc", engine="h5netcdf") as file:
        assert dr.order_of(file.load()) == {"a": "fit"}
