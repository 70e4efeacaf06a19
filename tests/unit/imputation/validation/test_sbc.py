"""Simulation-based calibration of a conjugate model: the right fit passes, wrong ones do not."""

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import AlignmentError, ConfigError, InsufficientDataError
from cximpact.imputation.validation.sbc import chi2_p_value, sbc

N = 10


def simulate(rng):
    theta = rng.normal()
    return np.array([theta]), theta + rng.normal(size=N)


def posterior(width=1.0, shift=0.0, draws=200):
    def fit(data, rng):
        mean, sd = data.sum() / (N + 1), np.sqrt(1 / (N + 1))
        return mean + shift * sd + width * sd * rng.normal(size=draws)

    return fit


def ignores_data(data, rng):
    return rng.normal(size=200)


def quantities(theta, data):
    log_lik = -0.5 * ((data - theta[:, None]) ** 2).sum(axis=1)
    return {"theta": theta, "positive": theta > 0, "log_likelihood": log_lik}


def run(fit, n=200, **options):
    return sbc(simulate, fit, quantities, n=n, rng=1, **options)


def test_the_exact_posterior_passes():
    result = run(posterior())
    table = result.summary().set_index("term")
    assert result.calibrated
    assert (table["chi2_p"] > 0.001).all()
    assert table["mean_rank"].to_numpy() == pytest.approx([0.5] * 3, abs=0.07)
    assert table.loc["theta", "spread"] == pytest.approx(1, abs=0.2)
    assert "no fault was found" in result.explain()


def test_a_fit_that_ignores_its_data_is_found_by_the_log_likelihood_alone():
    result = run(ignores_data)
    table = result.summary().set_index("term")
    assert table["rejected"].to_dict() == {
        "theta": False,
        "positive": False,
        "log_likelihood": True,
    }
    assert "log_likelihood (draws too low" in result.explain()


def test_a_posterior_that_is_too_narrow_is_found():
    result = run(posterior(width=0.6))
    table = result.summary().set_index("term")
    assert table.loc["theta", "rejected"] and table.loc["theta", "spread"] > 1.3
    assert "theta (draws too narrow" in result.explain()


def test_a_shifted_posterior_is_found():
    result = run(posterior(shift=0.8))
    assert "theta (draws too high" in result.explain()
    assert not result.calibrated


def test_right_fits_pass_as_often_as_said():
    passed = [
        sbc(simulate, posterior(draws=19), quantities, n=40, n_draws=19, prob=0.9, rng=seed)
        for seed in range(20)
    ]
    assert np.mean([result.calibrated for result in passed]) >= 0.8


def test_chi2_by_another_way():
    """40 ranks of 0..99: 8 bins do not divide 100, so 5 of 8 expected ranks."""
    ranks = np.arange(40)
    expected = stats.chisquare([20, 20, 0, 0, 0]).pvalue
    assert chi2_p_value(ranks, 99) == pytest.approx(expected)


def test_same_seed_same_ranks_and_more_simulations_keep_the_first():
    one, more = run(posterior(), n=20), run(posterior(), n=25)
    assert one.ranks.equals(more.ranks.head(20))


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(ConfigError, match="add 'log_likelihood'"):
        sbc(simulate, posterior(), lambda theta, data: {"theta": theta}, n=20, rng=1)
    with pytest.raises(InsufficientDataError, match="50 draws; expected at least n_draws=99"):
        run(posterior(draws=50))
    with pytest.raises(AlignmentError, match="2 true values"):
        sbc(lambda rng: (np.zeros(2), np.zeros(N)), posterior(), quantities, n=20, rng=1)
