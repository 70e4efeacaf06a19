from __future__ import annotations

import numpy as np
import pytest

from tests.support.ordinal import STYLES, every_term, mixed


def gradient_by_differences(posterior, theta, step=1e-5):
    def value(at):
        return posterior.value_and_gradient(at)[0]

    units = step * np.eye(posterior.n_free)
    return np.array([(value(theta + u) - value(theta - u)) / (2 * step) for u in units])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_gradient_is_that_of_the_value(link, style):
    posterior = mixed(every_term(link, style)[0])
    theta = np.random.default_rng(4).normal(0, 0.4, posterior.n_free)
    _, gradient = posterior.value_and_gradient(theta)
    expected = gradient_by_differences(posterior, theta)
    assert gradient == pytest.approx(expected, abs=1e-7 * np.abs(gradient).max())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_curvature_is_that_of_the_gradient(link, style):
    posterior = mixed(every_term(link, style)[0])
    theta, n = np.random.default_rng(5).normal(0, 0.4, posterior.n_free), posterior.n_inner
    units = 1e-5 * np.eye(posterior.n_free)[:n]
    expected = [
        (posterior.value_and_gradient(theta + u)[1] - posterior.value_and_gradient(theta - u)[1])
        for u in units
    ]
    curvature = posterior.curvature(theta)
    assert curvature == pytest.approx(
        np.array(expected)[:, :n] / 2e-5, abs=1e-7 * np.abs(curvature).max()
    )


def test_parameters_do_not_depend_on_the_coordinates():
    posterior, _ = every_term(style="scale")
    theta = np.random.default_rng(6).normal(0, 0.4, posterior.n_free)
    other = mixed(posterior)
    moved = theta.copy()
    for block in other.blocks:
        moved[block.where] *= np.exp((block.centered - 1) * theta[block.scale_at])
    for name, value in posterior.named(theta).items():
        assert other.named(moved)[name] == pytest.approx(value)


def test_effects_of_every_listed_factor_sum_to_zero():
    posterior, _ = every_term()
    named = posterior.named(np.random.default_rng(7).normal(size=posterior.n_free))
    for name in ("segment", "region", "month", "drift_month", "segment:region"):
        assert named[f"effect_{name}"].sum() == pytest.approx(0.0, abs=1e-10)
    assert abs(named["effect_agent"].sum()) > 0.1
