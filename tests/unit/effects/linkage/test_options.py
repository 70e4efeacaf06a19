import pytest

from cximpact.core.errors import ConfigError
from cximpact.effects.linkage.options import options_of
from cximpact.effects.linkage.thresholds import ThresholdOptions


def test_options_are_made_by_name():
    assert options_of(ThresholdOptions, {"draws": 7}).draws == 7
    assert options_of(ThresholdOptions, {}).missing == "raise"


def test_an_unknown_option_is_named_with_the_closest():
    with pytest.raises(ConfigError, match="option 'draw' is unknown.*'draws'"):
        options_of(ThresholdOptions, {"draw": 7})
