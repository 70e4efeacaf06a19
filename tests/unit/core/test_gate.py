"""Each criterion of the convergence gate can fail on its own."""

import arviz as az
import numpy as np
import pytest
import xarray as xr

from cximpact.core.sampling import diagnostics, gate

CHAINS, DRAWS = 4, 500


def tree(*, energy=None, diverging=0, **variables):
    rng = np.random.default_rng(1)
    shape = (CHAINS, DRAWS)
    flags = np.zeros(shape, dtype=bool)
    flags.flat[:diverging] = True
    energy = rng.normal(size=shape) if energy is None else energy
    variables = variables or {"x": rng.normal(size=shape)}
    posterior = {
        name: (("chain", "draw", *[f"{name}_dim{i}" for i in range(v.ndim - 2)]), v)
        for name, v in variables.items()
    }
    stats = {"diverging": (("chain", "draw"), flags), "energy": (("chain", "draw"), energy)}
    groups = {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(stats)}
    return xr.DataTree.from_dict(groups)


def noise(*more, seed=2):
    return np.random.default_rng(seed).normal(size=(CHAINS, DRAWS, *more))


def autocorrelated(phi, seed=3):
    steps, out = noise(seed=seed), np.zeros((CHAINS, DRAWS))
    for t in range(1, DRAWS):
        out[:, t] = phi * out[:, t - 1] + np.sqrt(1 - phi**2) * steps[:, t]
    return out


def failures(*args, **kwargs):
    return gate(tree(*args, **kwargs)).attrs["gate_failures"]


def test_independent_draws_pass():
    assert failures() == ""


def test_chains_in_different_places_fail_r_hat():
    shifted = noise() + np.array([0, 0, 0, 0.5])[:, None]
    assert "R-hat 1.0" in failures(x=shifted) and "is not below 1.01" in failures(x=shifted)


def test_slow_chains_fail_the_bulk_size():
    text = failures(x=autocorrelated(0.9))
    assert "bulk ESS" in text and "is not above 400" in text


def test_repeated_extremes_fail_the_tail_size_alone():
    sticky = np.where(
        np.abs(autocorrelated(0.99)) > 1, 3.0 * np.sign(autocorrelated(0.99)), noise()
    )
    fit = gate(tree(x=sticky))
    assert "tail ESS" in fit.attrs["gate_failures"]


def test_one_divergence_fails():
    assert failures(diverging=1) == "1 divergent transitions"


def test_energy_that_moves_too_little_fails():
    assert failures(energy=autocorrelated(0.95)).startswith("E-BFMI")


def test_energy_that_stands_still_fails():
    assert "E-BFMI nan" in failures(energy=np.ones((CHAINS, DRAWS)))


def test_the_energy_fraction_agrees_with_arviz():
    fit = tree(energy=autocorrelated(0.5))
    expected = float(np.min(az.bfmi(fit)["energy"].values))
    assert gate(fit).attrs["ebfmi"] == pytest.approx(expected, rel=0.01)


def test_an_interrupted_fit_fails_whatever_its_figures():
    fit = gate(tree(), complete=False)
    assert fit.attrs["gate_failures"] == "only 500 draws a chain before it was interrupted"
    assert fit.attrs["complete"] == 0


def test_one_bad_element_among_many_is_found():
    many = noise(20)
    many[0, :, 13] += 1.0
    assert "R-hat" in failures(good=noise(seed=5), x=many)


def test_elements_that_are_constant_by_construction_are_passed_over():
    many = noise(3)
    many[:, :, 0] = 0.0
    assert failures(x=many, fixed=np.ones((CHAINS, DRAWS))) == ""


def test_chains_stuck_in_different_places_fail():
    stuck = np.repeat(np.arange(CHAINS, dtype=float)[:, None], DRAWS, axis=1)
    assert "R-hat" in failures(x=stuck, good=noise())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_fail(bad):
    holes = noise()
    holes[1, 7] = bad
    assert "R-hat" in failures(x=holes, good=noise())


def test_nothing_that_varies_is_no_fit():
    assert "R-hat inf" in failures(x=np.ones((CHAINS, DRAWS)))


def test_a_handful_of_draws_fails():
    assert "R-hat inf" in gate(tree().isel(draw=slice(0, 3))).attrs["gate_failures"]


def test_a_fit_without_sampler_statistics_fails():
    bare = xr.DataTree.from_dict({"posterior": tree()["posterior"].to_dataset()})
    assert "divergent" in gate(bare).attrs["gate_failures"]


def test_the_verdict_is_given_on_a_copy_and_can_be_read_back():
    fit = tree()
    judged = gate(fit)
    assert "gate_failures" not in fit.attrs and diagnostics(fit) == {}
    found = diagnostics(judged)
    assert set(found) == {
        "max_rhat", "min_ess", "divergences", "ebfmi", "complete", "gate_failures",
    }  # fmt: skip
    assert found["max_rhat"] == pytest.approx(float(az.rhat(fit)["x"]))
    assert found["min_ess"] == pytest.approx(
        min(float(az.ess(fit, method=m)["x"]) for m in ("bulk", "tail"))
    )
