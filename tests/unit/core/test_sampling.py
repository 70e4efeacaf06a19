"""One real model: sampled, interrupted, saved and refitted without compiling again."""

import os
import signal
import threading

import numpy as np
import pytest
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.errors import ConfigError, ConvergenceError, FileError


def sample_and_interrupt(compiled):
    """Send Ctrl-C during sampling; a slow machine may need longer to make its first draws.

    An interruption may also be lost, where Python raises it inside a callback that ignores it.
    """
    for seconds in (0.7, 2, 5, 12):
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            tree = sampling.sample(None, compiled=compiled, rng=1, draws=5_000_000, tune=100)
        except KeyboardInterrupt:
            continue
        if not tree.attrs["complete"]:
            return tree
    pytest.fail("no draw was made before the interruption")


# --- sampling ----------------------------------------------------------------------------


def test_a_simple_model_passes_the_gate_and_finds_its_posterior(fit):
    assert fit.attrs["gate_failures"] == "" and fit.attrs["complete"] == 1
    precision = 4 + 1 / 100
    draws = dr.from_datatree(fit, source="tiny")
    assert float(draws["mean"].mean()) == pytest.approx(4 / precision, abs=0.1)
    assert float(draws["mean"].std()) == pytest.approx(precision**-0.5, rel=0.1)
    assert draws["offset"].segment.values.tolist() == ["consumer", "business"]


def test_the_same_seed_gives_the_same_draws(fit, compiled):
    again = sampling.sample(None, compiled=compiled, rng=1, draws=1000, tune=500)
    xr.testing.assert_equal(fit["posterior"].to_dataset(), again["posterior"].to_dataset())
    other = sampling.sample(None, compiled=compiled, rng=2, draws=100, tune=200)
    assert not np.array_equal(other["posterior"]["mean"], again["posterior"]["mean"][:, :100])


def test_a_compiled_model_takes_other_data(compiled):
    other = compiled.with_data(y=np.array([9.0, 11.0, 10.0, 10.0]))
    tree = sampling.sample(None, compiled=other, rng=1, draws=300, tune=300)
    assert float(tree["posterior"]["mean"].mean()) == pytest.approx(10, abs=0.3)


def test_too_few_draws_fail_the_gate_and_the_error_keeps_them(compiled):
    tree = sampling.sample(None, compiled=compiled, rng=1, draws=20, tune=50)
    assert "bulk ESS" in tree.attrs["gate_failures"]
    with pytest.raises(ConvergenceError, match="bulk ESS") as caught:
        dr.from_datatree(tree, source="tiny")
    assert caught.value.fit is tree


@pytest.mark.parametrize(
    "wrong", [{"draws": 0}, {"tune": -1}, {"chains": 1}, {"draws": 1.5}, {"rng": -1}, {"rng": "x"}]
)
def test_wrong_lengths_and_seeds_are_refused(wrong, compiled):
    with pytest.raises(ConfigError):
        sampling.sample(None, compiled=compiled, **({"rng": 1} | wrong))


def test_nothing_is_printed_without_a_progress_bar(compiled, capfd):
    sampling.sample(None, compiled=compiled, rng=1, draws=50, tune=50)
    assert capfd.readouterr() == ("", "")


# --- Ctrl-C ----------------------------------------------------------------------------------


def test_ctrl_c_keeps_the_draws_so_far_and_marks_them(compiled):
    tree = sample_and_interrupt(compiled)
    assert tree.attrs["complete"] == 0
    kept = tree["posterior"].sizes["draw"]
    assert 0 < kept < 5_000_000 and tree["posterior"].sizes["chain"] == 2
    assert np.isfinite(tree["posterior"]["mean"].values).all()
    assert f"only {kept} draws a chain before it was interrupted" in tree.attrs["gate_failures"]
    with pytest.raises(ConvergenceError, match="interrupted"):
        dr.from_datatree(tree, source="tiny")
    usable = dr.from_datatree(tree, source="tiny", allow_unconverged=True)
    assert "interrupted" in usable["mean"].attrs["unreliable"]
    assert usable.sizes["sample"] == 2 * kept


def padded(lengths, longest=10):
    rows = np.array([[1.0 if i < n else np.nan for i in range(longest)] for n in lengths])
    data = xr.Dataset({"energy": (("chain", "draw"), rows)})
    count = xr.Dataset({"k": (("chain", "draw"), np.where(np.isnan(rows), 0, 7))})
    return xr.DataTree.from_dict({"posterior": count, "sample_stats": data})


@pytest.mark.parametrize(
    ("lengths", "chains", "draws"),
    [([10, 8], 2, 8), ([9, 10, 5, 0], 2, 9), ([6, 6, 5, 5], 4, 5), ([0, 3, 4], 2, 3)],
)
def test_partial_chains_are_trimmed_so_that_most_draws_stay(lengths, chains, draws):
    tree = sampling._trimmed(padded(lengths))
    assert dict(tree["posterior"].sizes) == {"chain": chains, "draw": draws}
    assert (tree["posterior"]["k"] == 7).all()


@pytest.mark.parametrize("lengths", [[0, 0], [5, 0]])
def test_without_two_chains_there_is_nothing_to_keep(lengths):
    with pytest.raises(KeyboardInterrupt):
        sampling._trimmed(padded(lengths))


class Handle:
    """A sampler that fails in a chosen way."""

    def __init__(self, error):
        self.error = error

    def wait(self):
        raise self.error


def test_a_sampler_that_cannot_start_is_explained(monkeypatch):
    error = RuntimeError("All initialization points failed\nCaused by: inf")
    monkeypatch.setattr("nutpie.sample", lambda *a, **k: Handle(error))
    with pytest.raises(ConvergenceError, match="could not run: All initialization points failed"):
        sampling.sample(None, compiled=object(), rng=1)


# --- files ---------------------------------------------------------------------------------


def with_customers(tree):
    data = {name: node.to_dataset() for name, node in tree.children.items()}
    rows = xr.Dataset({"answer": ("customer", [9.0, 10.0])}, coords={"customer": ["Ann", "Bob"]})
    stats = data["sample_stats"]
    message = np.full(stats["diverging"].shape, None, dtype=object)
    message[0, 0] = "energy error"
    data["sample_stats"] = stats.assign(divergence_message=(("chain", "draw"), message))
    out = xr.DataTree.from_dict(
        data | {"observed_data": rows, "constant_data": rows, "log_likelihood": rows}
    )
    out.attrs = tree.attrs
    return out


def test_a_saved_fit_comes_back_with_its_verdict(fit, tmp_path):
    back = sampling.load(sampling.save(fit, tmp_path / "new" / "fit.nc"))
    assert back["posterior"].to_dataset().equals(fit["posterior"].to_dataset())
    assert sampling.diagnostics(back) == sampling.diagnostics(fit)
    assert dr.order_of(dr.from_datatree(back, source="tiny")) == {"tiny": "fit"}


def test_a_failed_verdict_survives_the_file(fit, tmp_path):
    bad = sampling.gate(fit.isel(draw=slice(0, 50)), complete=False)
    back = sampling.load(sampling.save(bad, tmp_path / "bad.nc"))
    with pytest.raises(ConvergenceError, match="only 50 draws"):
        dr.from_datatree(back, source="tiny")


def test_customers_stay_out_of_the_file_unless_asked(fit, tmp_path):
    tree = with_customers(fit)
    path = sampling.save(tree, tmp_path / "fit.nc")
    assert set(sampling.load(path).children) == {"posterior", "sample_stats"}
    assert b"Ann" not in path.read_bytes()
    whole = sampling.load(sampling.save(tree, tmp_path / "all.nc", with_data=True))
    assert whole["observed_data"]["customer"].values.tolist() == ["Ann", "Bob"]


def test_messages_of_divergences_are_written_as_text(fit, tmp_path):
    back = sampling.load(sampling.save(with_customers(fit), tmp_path / "fit.nc"))
    messages = back["sample_stats"]["divergence_message"].values
    assert messages[0, 0] == "energy error" and messages[1, 1] == ""


def test_a_file_that_is_being_read_can_be_replaced(fit, tmp_path):
    path = sampling.save(fit, tmp_path / "fit.nc")
    with xr.open_datatree(path, engine="h5netcdf"):
        sampling.save(fit.isel(draw=slice(0, 10)), path)
    assert sampling.load(path)["posterior"].sizes["draw"] == 10
    assert [p.name for p in tmp_path.iterdir()] == ["fit.nc"]


def test_files_that_cannot_be_written_or_read_are_named(fit, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FileError, match=r"cannot write .*fit\.nc"):
        sampling.save(fit, tmp_path / "file" / "fit.nc")
    with pytest.raises(FileError, match=r"cannot read .*absent\.nc.*No such file"):
        sampling.load(tmp_path / "absent.nc")
    with pytest.raises(FileError, match="cannot read"):
        sampling.load(tmp_path / "file")
