from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.imputation.learning import density, learning, overlap, plot_learning


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
def test_overlap_equals_that_of_two_normals(shift):
    values = np.random.default_rng(1).normal(shift, 1, 20_000)
    assert overlap(values, 1.0) == pytest.approx(2 * stats.norm.cdf(-shift / 2), abs=0.02)


@pytest.mark.parametrize(("sd", "learned"), [(0.39, True), (0.41, False)])
def test_posterior_must_be_narrower_than_most_of_the_prior(sd, learned):
    values = sd * stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    found = learning(values, 0.5)
    assert found["learned"] is learned
    assert found["sd"] == pytest.approx(sd, rel=0.01)


def test_density_does_not_leak_over_the_end_of_its_support():
    values = np.abs(np.random.default_rng(2).normal(0, 1, 20_000))
    at, height = density(values, stats.halfnorm().support())
    assert at[0] == 0
    assert np.trapezoid(height, at) == pytest.approx(1, abs=0.005)
    assert height[0] == pytest.approx(stats.halfnorm.pdf(0), rel=0.05)


def test_picture_has_the_prior_and_a_row_for_each_parameter():
    rng = np.random.default_rng(3)
    rows = {"opened": rng.normal(0.4, 0.1, 400), "completed": rng.normal(0, 0.5, 400)}
    ax = plot_learning(stats.norm(scale=0.5), rows, name="lam")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["prior", "opened", "completed"]
    assert any("(-0.8 to 0.8)" in text.get_text() for text in ax.texts)
