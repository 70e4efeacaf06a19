"""The weights of a two-way coefficient add up to it."""

import numpy as np
import pytest

from cximpact.core.causal import check_causal
from cximpact.core.errors import AssumptionWarning, NotCausalError
from cximpact.effects import TwoByTwo
from cximpact.effects.did import two_way_weights
from cximpact.effects.did.design import did_table
from cximpact.effects.did.two_way_weights import negative_share
from tests.support.did import cross_section, fixture_f1, panel, people, simple_panel


def test_f1_is_the_weighted_sum_of_its_true_effects():
    table = fixture_f1()
    weights = two_way_weights(did_table(panel(table)))
    true = table.groupby(["g", "t"])["tau"].mean()
    effects = [true[c, t] for c, t in zip(weights["cohort"], weights["period"], strict=True)]
    assert weights["weight"].sum() == pytest.approx(1)
    assert weights["weight"] @ np.array(effects) == pytest.approx(1.875)
    assert len(weights) == 6


def test_always_compared_cells_can_weigh_less_than_nothing():
    table = fixture_f1().query("unit < 8").assign(g=lambda d: d["g"].replace(3.0, 2.0))
    weights = two_way_weights(did_table(panel(table)))
    late = weights.query("cohort == 2 and period >= 5")["weight"]
    assert (late < 0).all()
    assert negative_share(weights) == pytest.approx(-late.sum())


def test_one_start_weighs_every_treated_cell_alike():
    weights = two_way_weights(did_table(panel(simple_panel(np.random.default_rng(1)))))
    assert weights["weight"].tolist() == pytest.approx([1 / 3] * 3)


def test_people_weigh_by_their_number():
    weights = two_way_weights(did_table(cross_section(people(np.random.default_rng(2)))))
    assert weights["weight"].sum() == pytest.approx(1)
    assert weights["weight"].nunique() == 2


def test_the_result_reports_them_and_is_kept_from_money():
    with pytest.warns(AssumptionWarning, match=r"negative weights sum to 0\.00\)") as caught:
        result = TwoByTwo().fit(panel(fixture_f1()))
    assert caught[0].filename == __file__
    assert result.details["weights"]["weight"].sum() == pytest.approx(1)
    assert result.diagnostics["negative_weights"] == negative_share(result.details["weights"])
    assert "equal effects across cohorts" in [a.name for a in result.assumptions]
    with pytest.raises(NotCausalError):
        check_causal(result)
