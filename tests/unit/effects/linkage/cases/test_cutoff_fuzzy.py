import math

import numpy as np
import pytest
from scipy import stats

from cximpact.effects.did.honest.fixed_length import folded_quantile
from cximpact.effects.linkage.cases.cutoff_fuzzy import JumpRatio
from cximpact.effects.linkage.cases.instrument import Wald

COVARIANCE = np.array([[1.0, 0.3], [0.3, 0.5]])


def ratio(outcome=1.0, treatment=5.0, bias=(0.4, 0.2), covariance=COVARIANCE) -> JumpRatio:
    return JumpRatio(
        outcome=outcome,
        treatment=treatment,
        covariance=covariance,
        outcome_bias=bias[0],
        treatment_bias=bias[1],
    )


def test_without_bias_it_is_the_anderson_rubin_set():
    found = ratio(bias=(0.0, 0.0)).confidence_set(0.9)
    oracle = Wald(reduced=1.0, first=5.0, covariance=COVARIANCE, df=1e9).confidence_set(0.9)
    np.testing.assert_allclose(found.hull, oracle.hull, atol=1e-6)


def test_an_end_is_where_the_test_just_does_not_reject():
    jump = ratio()
    for end in jump.confidence_set(0.9).hull:
        contrast = np.array([1.0, -end])
        error = math.sqrt(contrast @ COVARIANCE @ contrast)
        bias = 0.4 + abs(end) * 0.2
        assert abs(1 - 5 * end) == pytest.approx(error * folded_quantile(0.9, bias / error))
        assert jump.level(end) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("outcome", "treatment", "kind"),
    [(0.5, 0.5, "whole line"), (6.0, 0.5, "rays"), (1.0, 5.0, "bounded"), (-1.0, -5.0, "bounded")],
)
def test_a_small_jump_of_treatment_bounds_nothing(outcome, treatment, kind):
    jump = ratio(outcome, treatment)
    found = jump.confidence_set(0.9)
    assert found.kind == kind
    assert found.contains(outcome / treatment)
    assert np.isfinite(jump.draw(501, rng=1)).all()


def test_more_bias_makes_the_set_larger():
    inner, outer = (ratio(bias=b).confidence_set(0.9).hull for b in ((0.1, 0.0), (0.1, 0.4)))
    assert outer[0] < inner[0]
    assert inner[1] < outer[1]


def test_draws_have_the_quantiles_of_the_sets():
    jump = ratio()
    drawn = jump.draw(20_001, rng=1)
    for prob in (0.5, 0.9):
        tail = (1 - prob) / 2
        ends = np.quantile(drawn, [tail, 1 - tail])
        np.testing.assert_allclose(ends, jump.confidence_set(prob).hull, rtol=0.01, atol=1e-3)
    assert len(drawn) == 20_001


def test_a_treatment_that_is_sure_to_jump_by_one_gives_the_sharp_interval():
    covariance = np.diag([1.0, 1e-30])
    found = ratio(2.0, 1.0, (0.5, 0.0), covariance).confidence_set(0.9)
    half = folded_quantile(0.9, 0.5)
    np.testing.assert_allclose(found.hull, (2 - half, 2 + half), rtol=1e-6)
    assert half > stats.norm.ppf(0.95)
