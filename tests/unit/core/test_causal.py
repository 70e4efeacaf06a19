"""Descriptive results are told apart from effects."""

import pytest

from cximpact.core.causal import DESCRIPTIVE_TARGETS, check_causal, is_causal
from cximpact.core.errors import NotCausalError
from tests.support import money


def test_an_att_is_causal_unless_its_details_say_no():
    assert is_causal(money.effect())
    assert not is_causal(money.effect(details={"causal": False}))


@pytest.mark.parametrize("target", sorted(DESCRIPTIVE_TARGETS))
def test_a_descriptive_target_is_refused_by_name(target):
    with pytest.raises(NotCausalError, match=r"initiative 'x'\.effect .* things go together"):
        check_causal(money.effect(target=target), "initiative 'x'.effect")


def test_an_explicit_flag_outweighs_the_target():
    assert is_causal(money.effect(target="risk", details={"causal": True}))
