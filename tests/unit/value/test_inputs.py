"""The door for effects."""

import numpy as np
import pytest
import xarray as xr

from cximpact.core.errors import AlignmentError, ConfigError, NonFiniteError, UnitsError
from cximpact.core.units import Change
from cximpact.value.inputs import effect_input, rate_change
from cximpact.value.posterior import ValuePosterior
from cximpact.value.stated import fixed
from tests.support import money


def test_each_form_of_an_effect_gets_its_scale():
    assert effect_input(money.effect()).scale == "pp"
    assert effect_input(Change(value=0.1, unit="rel_churn")).scale == "relative_churn"
    assert effect_input(money.draws([1, 2], unit="outcome")).scale == "outcome"
    amount = fixed(3, "EUR", per="customer", assumption="pilot")
    assert isinstance(amount, ValuePosterior) and effect_input(amount).scale == "money"


@pytest.mark.parametrize(
    ("effect", "error", "message"),
    [
        (0.05, UnitsError, r"bare number.*Change\(value=0.05"),
        (True, ConfigError, "of type bool"),
        ("5%", ConfigError, "of type str"),
        (None, ConfigError, "of type NoneType"),
        (money.draws([0.1, 0.2], unit="%"), UnitsError, r"attrs\['unit'\] '%'"),
        (money.draws([0.1, np.nan]), NonFiniteError, "1 values"),
        (xr.DataArray([0.1, 0.2], dims="sample"), AlignmentError, "sample_order"),
        (money.draws([5.0, 6.0]), UnitsError, "Did you mean 0.055"),
    ],
)
def test_what_is_no_effect_is_refused(effect, error, message):
    with pytest.raises(error, match=message):
        effect_input(effect, "effect")


def test_draws_that_leave_the_rate_are_clipped_and_counted():
    tau = xr.DataArray([0.01, 0.05, -0.02, 0.0], dims="sample")
    kept, share = rate_change(tau, "pp", xr.DataArray(0.97), "effect")
    assert kept.values == pytest.approx([0.01, 0.03, -0.02, 0.0])
    assert share == 0.25


def test_an_unreliable_fit_is_noted():
    noted = money.draws([0.1, 0.2]).assign_attrs(unreliable="fit: R-hat 1.2")
    assert "R-hat 1.2" in effect_input(noted).notes[0]
