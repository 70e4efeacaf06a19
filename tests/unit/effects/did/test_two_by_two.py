"""The result of the two by two: what it claims and says, and its settings."""

import numpy as np
import pytest

from cximpact.core.causal import check_causal
from cximpact.core.errors import ConfigError, SmallSampleWarning
from cximpact.effects import EventStudy, TwoByTwo
from tests.support.did import cross_section, fixture_f1, panel, people, simple_panel

DATA = panel(simple_panel(np.random.default_rng(1)))


def test_the_interval_is_the_t_interval_with_clusters_less_one():
    from scipy import stats

    result = TwoByTwo().fit(DATA, rng=1)
    row = result.summary(0.8).iloc[0]
    half = stats.t.ppf(0.9, 23) * float(result.std_error)
    assert row["conf_high"] == pytest.approx(float(result.estimate) + half)
    assert row["conf_low"] == pytest.approx(float(result.estimate) - half)


def test_two_groups_in_two_periods_are_four_means():
    table = simple_panel(np.random.default_rng(2), periods=2, start=2)
    mean = table.groupby([table["g"] == 2, "t"])["y"].mean()
    expected = mean[True, 2] - mean[True, 1] - mean[False, 2] + mean[False, 1]
    for inference in ("cluster", "welch", "few_treated"):
        found = TwoByTwo(inference=inference).fit(panel(table))
        assert float(found.estimate) == pytest.approx(expected)


def test_the_claim_names_its_conditions():
    result = TwoByTwo().fit(DATA)
    names = [a.name for a in result.assumptions]
    assert names == ["parallel trends", "no anticipation", "no spill-over"]
    assert "3 periods before treatment" in result.assumptions[0].evidence
    assert check_causal(result) is result
    assert result.estimand.target == "att"
    crossed = TwoByTwo().fit(cross_section(people(np.random.default_rng(3))))
    assert "stable composition" in [a.name for a in crossed.assumptions]
    short = panel(simple_panel(np.random.default_rng(4), start=2))
    assert "one period" in TwoByTwo().fit(short).assumptions[0].evidence


@pytest.mark.parametrize(
    ("keep", "match"),
    [
        ("g > 9 or unit < 7", "3 of 19 clusters are treated"),
        ("g < 9 or unit < 4", "2 of 10 clusters are untreated"),
        ("unit < 12", "there are 9 clusters"),
    ],
)
def test_few_clusters_are_warned_of_at_the_caller(keep, match):
    table = simple_panel(np.random.default_rng(5)).query(keep)
    if "9" in match and "19" not in match:
        table = table.query("unit not in (1, 2, 4)")
    with pytest.warns(SmallSampleWarning, match=match) as caught:
        TwoByTwo().fit(panel(table))
    assert caught[0].filename == __file__


def test_few_treated_says_nothing_of_clusters_being_few(recwarn):
    TwoByTwo(inference="few_treated").fit(
        panel(simple_panel(np.random.default_rng(6)).query("g > 9 or unit < 4"))
    )
    assert not recwarn


def test_the_seed_decides_the_draws_and_not_the_estimate():
    one, same, other = (TwoByTwo().fit(DATA, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.draws, same.draws)
    assert not np.array_equal(one.draws, other.draws)
    assert float(one.estimate) == float(other.estimate)
    assert one.provenance.data_hash == other.provenance.data_hash


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"inference": "clusters"}, "Did you mean 'cluster'"),
        ({"scale": "percent"}, "expected one of"),
        ({"draws": 99}, "at least 100"),
    ],
)
def test_settings_are_checked(settings, match):
    with pytest.raises(ConfigError, match=match):
        TwoByTwo(**settings)


def test_settings_of_the_event_study_are_checked():
    with pytest.raises(ConfigError, match="scale"):
        EventStudy(scale="x")
    with pytest.raises(ConfigError, match="draws"):
        EventStudy(draws=0)


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.AssumptionWarning")
def test_a_result_prints_itself():
    result = TwoByTwo().fit(panel(fixture_f1()))
    assert "1.97" in result.explain()
    assert "from 72 rows" in result.explain()
    assert "ATT" in result._repr_html_()
    assert result.tidy()["n"].tolist() == [72]
