"""Coverage of predictive sets: exact where randomized, and judged fairly where not."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.imputation.validation.coverage import coverage_table
from cximpact.imputation.validation.pit import randomized_pit


def table_of(pmf, true, n, seed, **options):
    rng = np.random.default_rng(seed)
    count = rng.multinomial(n, true)
    return coverage_table(pmf, count, randomized_pit(pmf, count, rng), **options)


def test_coverage_by_hand():
    """The shortest 80 % set of (.2, .3, .5) is the upper two; 7 of 10 answers lie in it."""
    pmf, count = np.array([[0.2, 0.3, 0.5]]), np.array([[3, 3, 4]])
    table = coverage_table(pmf, count, np.linspace(0.05, 0.95, 10), probs=[0.8])
    shortest = table[table["kind"] == "shortest"].iloc[0]
    assert shortest[["expected", "estimate"]].to_list() == pytest.approx([0.8, 0.7])
    randomized = table[table["kind"] == "randomized"].iloc[0]
    assert randomized["estimate"] == pytest.approx(0.8)
    assert randomized["conf_low"] == stats.binom.ppf(0.05, 10, 0.8) / 10


def test_calibrated_sets_keep_their_promise():
    pmf = np.random.default_rng(0).dirichlet(np.ones(11), 300)
    table = table_of(pmf, pmf, 40, 1)
    assert len(table) == 6
    error = np.sqrt(table["expected"] * (1 - table["expected"]) / 12_000)
    assert (np.abs(table["estimate"] - table["expected"]) < 4 * error).all()
    held = table.loc[table["kind"] == "shortest", "expected"].to_numpy()
    assert (held > [0.5, 0.8, 0.9]).all()  # whole answers hold more than asked


def test_the_band_is_met_as_often_as_said():
    pmf = np.array([[0.1, 0.2, 0.4, 0.3]])
    inside = [table_of(pmf, pmf, 400, seed, probs=[0.8])["inside"].iloc[0] for seed in range(400)]
    assert np.mean(inside) == pytest.approx(0.91, abs=0.05)


def test_sets_that_are_too_narrow_are_found():
    true = np.full((1, 5), 0.2)
    narrow = np.array([[0.02, 0.18, 0.6, 0.18, 0.02]])
    table = table_of(narrow, true, 2000, 2)
    assert not table["inside"].any()
    assert (table["estimate"] < table["expected"]).all()


def test_masses_are_checked():
    with pytest.raises(ConfigError, match="probs"):
        table_of(np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]]), 10, 0, probs=[80])
