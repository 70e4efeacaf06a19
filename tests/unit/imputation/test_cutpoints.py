from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from cximpact.imputation.cutpoints import cutpoints_at, cuts_of


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_derivatives_of_the_cutpoints(link):
    y, step = np.array([0.4, -1.2, 0.3, 0.8]), 1e-5
    here = cutpoints_at(y, link)
    for j, unit in enumerate(step * np.eye(4)):
        up, down = cutpoints_at(y + unit, link), cutpoints_at(y - unit, link)
        assert here.slope[:, j] == pytest.approx((up.cuts - down.cuts) / (2 * step), abs=1e-8)
        bend = (up.slope - down.slope) / (2 * step)
        assert here.bend[:, :, j] == pytest.approx(bend, abs=1e-7)


def test_cutpoints_are_exact_where_cumulated_probabilities_round_to_one():
    log_p0 = np.log(np.array([1 - 1e-18, 0.5e-18, 0.5e-18]))
    logit, probit = cuts_of(log_p0, "logit"), cuts_of(log_p0, "probit")
    assert logit == pytest.approx(-np.log([1e-18, 0.5e-18]), rel=1e-12)
    assert probit == pytest.approx(-special.ndtri([1e-18, 0.5e-18]), rel=1e-9)
