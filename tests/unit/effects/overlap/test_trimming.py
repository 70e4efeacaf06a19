"""Who is kept, how the population is renamed, and where the variance is least."""

import numpy as np
import pytest

from cximpact.core import errors
from cximpact.effects.overlap import crump_cutoff, trim


def test_the_population_is_renamed():
    e = np.linspace(0, 1, 101)
    found = trim(e)
    assert (found.n, found.share) == (81, pytest.approx(81 / 101))
    assert found.keep[10] and found.keep[90] and not found.keep[9] and not found.keep[91]
    assert found.population == "customers with a propensity between 0.1 and 0.9 (80% of 101)"
    assert "20 of 101 customers are left out" in found.explain()
    assert found.population in found.explain()
    with pytest.raises(ValueError, match="read-only"):
        found.keep[0] = True


def test_limits_and_names():
    e = np.array([0.04, 0.3, 0.97])
    found = trim(e, 0.05, 0.98, population="members")
    assert found.keep.tolist() == [False, True, True]
    assert found.population.startswith("members with a propensity between 0.05 and 0.98")
    assert trim(e, 0.05).high == 0.95
    assert trim(e, 0.0).keep.all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spread", [0.2, 1.5, 3.0])
def test_the_cutoff_has_the_least_variance(spread, weighted):
    rng = np.random.default_rng(1)
    e = 1 / (1 + np.exp(-spread * rng.standard_normal(3000)))
    w = rng.uniform(0.2, 3, 3000) if weighted else np.ones(3000)
    g = 1 / (e * (1 - e))

    def variance(cut):
        kept = (e >= cut) & (e <= 1 - cut)
        return (w * g)[kept].sum() / w[kept].sum() ** 2

    found = crump_cutoff(e, w if weighted else None)
    grid = np.linspace(0, 0.4, 2001)
    assert variance(found) <= min(variance(cut) for cut in grid) * (1 + 1e-4)
    assert (found == 0) == (spread == 0.2)


def test_a_uniform_propensity_has_a_cutoff_near_one_tenth():
    e = (np.arange(20_000) + 0.5) / 20_000
    # gamma = 2 E[g | g <= gamma] with the integral of 1 / (e (1 - e)), solved by hand
    found = crump_cutoff(e)
    left = 1 / (found * (1 - found))
    right = 2 * 2 * np.log((1 - found) / found) / (1 - 2 * found)
    assert left == pytest.approx(right, rel=1e-3)
    assert 0.08 < found < 0.12


def test_equal_propensities_stay_together():
    e = np.repeat([0.5, 0.01], [50, 50])
    assert 0.01 < crump_cutoff(e) < 0.5
    assert crump_cutoff(np.full(10, 0.01)) == 0.0
    assert crump_cutoff(e, np.repeat([1.0, 0.0], 50)) == 0.0


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda e: trim(e, 0.6), errors.ConfigError, "low below high"),
        (lambda e: trim(e, -1), errors.ConfigError, "low is -1"),
        (lambda e: trim(e, 0.45, 0.46), errors.OverlapError, "no propensity lies between"),
        (lambda e: crump_cutoff(np.append(e, 1.0)), errors.OverlapError, "1 row"),
        (lambda e: crump_cutoff(e, [-1, 1, 1]), errors.WeightError, "negative"),
    ],
)
def test_bad_input_is_refused(call, error, match):
    with pytest.raises(error, match=match):
        call(np.array([0.2, 0.5, 0.9]))
