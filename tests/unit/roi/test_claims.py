"""Claims that circulate, tested for when they hold."""

import numpy as np
import pytest

from cximpact import roi
from cximpact.core.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "evidence", "verdict"),
    [
        ("retention_profit", {"retention": 0.85, "discount_rate": 0.10}, "holds"),
        ("retention_profit", {"retention": 0.80, "discount_rate": 0.10}, "fails"),
        ("retention_profit", {"retention": 0.75, "discount_rate": 0.0}, "holds"),
        (
            "program_profit",
            {"program_given_profit": 0.81, "program": 0.81, "profit": 0.3},
            "fails",
        ),
        ("program_profit", {"program_given_profit": 0.81, "program": 0.4, "profit": 0.3}, "holds"),
        (
            "complainants_return",
            {"return_rate": 0.7, "n": 500, "return_rate_without": 0.69, "n_without": 500},
            "fails",
        ),
        (
            "complainants_return",
            {"return_rate": 0.7, "n": 500, "return_rate_without": 0.4, "n_without": 300},
            "holds",
        ),
        (
            "loyal_spend_more",
            {"spend_loyal": 140, "spend_others": 100, "spend_loyal_before": 135},
            "fails",
        ),
        (
            "loyal_spend_more",
            {"spend_loyal": 140, "spend_others": 100, "spend_loyal_before": 105},
            "holds",
        ),
        ("professionals_unsuccessful", {"unsuccessful": 0.70, "n": 400}, "holds"),
        ("professionals_unsuccessful", {"unsuccessful": 0.50, "n": 400}, "fails"),
    ],
)
def test_a_claim_holds_in_its_regime_only(name, evidence, verdict):
    found = roi.check_claim(name, **evidence)
    assert found.verdict == verdict
    assert np.isfinite(found.found) and found.reason in found.explain()


def test_a_claim_turned_round_has_no_lift():
    found = roi.check_claim("program_profit", program_given_profit=0.81, program=0.81, profit=0.3)
    assert found.found == pytest.approx(1.0)
    assert "30% are profitable against 30% of all" in found.reason


def test_without_its_comparison_a_claim_cannot_be_tested():
    found = roi.check_claim("complainants_return", return_rate=0.7, n=500)
    assert found.verdict == "not testable" and np.isnan(found.found)
    assert "return_rate_without: share that came back without one" in found.reason


def test_every_claim_names_its_trap():
    table = roi.claims()
    assert len(table) == 5 and table["trap"].str.len().min() > 20
    for name in table["claim"]:
        assert roi.check_claim(name).verdict == "not testable"


@pytest.mark.parametrize(
    ("name", "evidence", "match"),
    [
        ("retention_profits", {}, "Did you mean 'retention_profit'"),
        ("retention_profit", {"retentoin": 0.8}, "Did you mean 'retention'"),
        ("program_profit", {"program_given_profit": 0.8, "program": 0, "profit": 1}, "nobody has"),
        ("professionals_unsuccessful", {"unsuccessful": 72, "n": 10}, "at most 1"),
    ],
)
def test_evidence_that_cannot_be(name, evidence, match):
    with pytest.raises(ConfigError, match=match):
        roi.check_claim(name, **evidence)
