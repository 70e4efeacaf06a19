import numpy as np
import pytest
from scipy import special

from cximpact.core.errors import ConvergenceError
from cximpact.effects.linkage.dose.monotone_fit import fit_monotone
from cximpact.effects.linkage.dose.monotone_model import BASE_SD, TOTAL_SD

TRIALS, SUCCESSES = np.array([30, 20, 25]), np.array([9, 8, 6])


def counts():
    level = np.repeat(np.arange(3), TRIALS)
    y = np.concatenate(
        [np.repeat([1.0, 0.0], [k, n - k]) for k, n in zip(SUCCESSES, TRIALS, strict=True)]
    )
    return level, np.empty((level.size, 0)), y


def exact():
    """Posterior means on a fine grid of base, total and the first part."""
    base = np.linspace(-4, 3, 141)[:, None, None]
    total = np.linspace(0.005, 6, 300)[None, :, None]
    share = (np.arange(40) + 0.5)[None, None, :] / 40
    theta = np.stack(np.broadcast_arrays(base, base + total * share, base + total), axis=-1)
    log = -0.5 * (base / BASE_SD) ** 2 - 0.5 * (total / TOTAL_SD) ** 2
    log = log + theta @ SUCCESSES - np.logaddexp(0, theta) @ TRIALS
    mass = np.exp(log - log.max())
    p = special.expit(theta)
    mean = np.einsum("btsk,bts->k", p, mass) / mass.sum()
    square = np.einsum("btsk,bts->k", p**2, mass) / mass.sum()
    return mean, np.sqrt(square - mean**2)


def test_draws_are_those_of_the_posterior_on_a_grid():
    fit = fit_monotone(*counts(), increasing=True, draws=2000, rng=1, allow_unconverged=True)
    mean, sd = exact()
    assert fit.values.shape == (2000, 3)
    assert fit.values.mean(axis=0) == pytest.approx(mean, abs=0.01)
    assert fit.values.std(axis=0) == pytest.approx(sd, rel=0.12)
    assert (np.diff(fit.values, axis=1) >= 0).all()
    assert fit.diagnostics["max_rhat"] < 1.05


def test_amounts_come_back_in_their_unit():
    rng = np.random.default_rng(2)
    level, x = np.repeat(np.arange(3), 200), rng.normal(size=(600, 1))
    x = (x - x.mean()) / x.std()
    y = np.array([130.0, 110.0, 105.0])[level] + 8 * x[:, 0] + 10 * rng.normal(size=600)
    fit = fit_monotone(level, x, y, increasing=False, draws=1000, rng=1, allow_unconverged=True)
    assert fit.values.mean(axis=0) == pytest.approx([130, 110, 105], abs=2.2)
    assert fit.values.std(axis=0) == pytest.approx(10 / np.sqrt(200), rel=0.3)


def test_a_fit_that_is_too_short_is_refused():
    with pytest.raises(ConvergenceError, match="ESS"):
        fit_monotone(*counts(), increasing=True, draws=20, rng=1)
