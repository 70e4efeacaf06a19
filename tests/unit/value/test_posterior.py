"""What a value says about itself."""

import numpy as np
import pytest

from cximpact import value
from cximpact.core.errors import AlignmentError, ConfigError, NonFiniteError
from cximpact.core.results import Provenance
from tests.support import money


def worth(draws=None, **changes):
    settings = {
        "draws": money.normal(100, 10, "v") if draws is None else draws,
        "currency": "EUR",
        "per": "order",
        "provenance": Provenance(method="test"),
    }
    return value.ValuePosterior(**(settings | changes))


def test_it_carries_its_unit_and_is_read_only():
    it = worth()
    assert it.draws.attrs["unit"] == "EUR per order" == it.unit
    with pytest.raises(ValueError, match="read-only"):
        it.draws.values[0] = 1


def test_tidy_has_the_common_columns():
    row = worth().tidy(prob=0.8).iloc[0]
    assert row["term"] == "value per order" and row["conf_level"] == 0.8
    assert row["estimate"] == pytest.approx(100) and row["std_error"] == pytest.approx(10)


def test_explain_prints_no_digit_below_the_monte_carlo_error():
    text = worth(discount_rate=0.1, payment="end").explain()
    assert "is 100 EUR per order" in text  # error 10 / sqrt(500) = 0.45: no decimals
    assert "90% simulation interval" in text and "Discounted at 0.1" in text


def test_segments_have_a_row_each():
    coords = {"segment": ["a", "b"]}
    it = worth(money.draws(np.ones((3, 2)), "v", dims=("segment",), coords=coords))
    assert it.tidy()["term"].tolist() == ["segment[a]", "segment[b]"]
    assert "segment[b] is 1.000 EUR" in it.explain()


def test_html_escapes_what_people_named():
    assert "<b>" not in worth(per="<b>order")._repr_html_()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"per": " "}, ConfigError, "name the unit of behavior"),
        ({"horizon": "liftime"}, ConfigError, "Did you mean 'lifetime'"),
        ({"discount_rate": -2}, ConfigError, "discount_rate is -2"),
        ({"payment": "ende"}, ConfigError, "Did you mean 'end'"),
        ({"draws": money.draws([1, np.inf])}, NonFiniteError, "value draws"),
        ({"draws": money.draws([1, 2]).drop_attrs()}, AlignmentError, "sample_order"),
    ],
)
def test_bad_fields_are_refused(changes, error, message):
    with pytest.raises(error, match=message):
        worth(**changes)


def test_it_can_be_drawn():
    assert worth().plot() is not None
