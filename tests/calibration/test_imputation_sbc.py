"""Simulation-based calibration of the ordinal imputer, with controls that must be rejected."""

from __future__ import annotations

import functools
import warnings

import pytest

from cximpact.core.errors import DataWarning
from cximpact.imputation.validation import sbc
from tests.support.ordinal_sbc import fit, ignore, quantities, simulate, too_narrow


@pytest.fixture(autouse=True)
def _small_groups():
    """Some groups of the simulated data have no answers, which is said each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        yield


@pytest.mark.slow
def test_sampling_is_calibrated():
    found = sbc(simulate, fit, quantities, n=60, rng=1)
    assert found.calibrated, found.explain()


@pytest.mark.slow
def test_fast_answer_is_calibrated():
    quick = functools.partial(fit, method="laplace", nodes=512)
    found = sbc(simulate, quick, quantities, n=100, rng=2)
    assert found.calibrated, found.explain()


@pytest.mark.slow
def test_a_posterior_that_ignores_the_answers_is_caught_by_the_log_likelihood():
    table = sbc(simulate, ignore, quantities, n=60, rng=3).summary().set_index("term")
    assert table.loc["log_likelihood", "rejected"]
    assert not table.drop(index="log_likelihood")["rejected"].any()


@pytest.mark.slow
def test_priors_that_are_too_tight_are_caught():
    found = sbc(simulate, too_narrow, quantities, n=100, rng=4)
    table = found.summary().set_index("term")
    assert table.loc["sigma_group", "rejected"]
    assert table.loc["log_likelihood", "rejected"] or table.loc["effect_group_0", "rejected"]
