from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from cximpact.imputation import kernels
from cximpact.imputation.cutpoints import cutpoints_at


@pytest.mark.parametrize("x", [-300.0, -21.0, -19.9, -3.0, 0.0, 2.0, 9.0])
def test_log_normal_cdf(x):
    assert kernels.log_normal_cdf(x) == pytest.approx(special.log_ndtr(x), rel=1e-9, abs=1e-16)


@pytest.mark.parametrize("log_p", [-400.0, -40.0, -5.0, -1.0, np.log(0.5)])
def test_normal_quantile_of_a_log_probability(log_p):
    expected = special.ndtri_exp(log_p)
    assert kernels.normal_quantile(log_p) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("low", "high"), [(-8.0, -7.0), (7.0, 8.0), (30.0, 31.0), (-1.0, 2.0)])
def test_log_probability_between_points_in_either_tail(low, high):
    a, b = (low, high) if low < 0 else (-high, -low)
    expected = special.log_ndtr(b) + np.log(-np.expm1(special.log_ndtr(a) - special.log_ndtr(b)))
    assert kernels.log_normal_between(low, high) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_compiled_cutpoints_are_those_of_the_reference(link):
    rng = np.random.default_rng(0)
    for spread in (0.3, 2.0, 8.0):
        y = rng.normal(0, spread, 6)
        cuts, slope, log_p0 = kernels.cutpoints(y, link == "logit")
        expected = cutpoints_at(y, link)
        assert cuts == pytest.approx(expected.cuts, rel=1e-9, abs=1e-12)
        assert slope == pytest.approx(expected.slope, rel=1e-7, abs=1e-10)
        assert log_p0 == pytest.approx(expected.log_p0, abs=1e-12)
