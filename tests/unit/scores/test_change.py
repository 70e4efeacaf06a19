import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core.errors import (
    ConfigError,
    DesignError,
    DuplicateKeyError,
    IdTypeError,
    InsufficientDataError,
    ScaleError,
    ZeroVarianceError,
)
from cximpact.data import SurveyWave
from cximpact.scores import (
    CSAT5,
    NPS,
    answers_for_change,
    difference,
    minimum_detectable_change,
    panel_change,
    score_sd,
    standard_error,
)
from tests.support import golden

NUMBERS = golden.load("scores")["numbers"]
CLASSES = [-100, 0, 100]
FIRST = standard_error([30, 70, 100], CLASSES, ddof=0)
SECOND = standard_error([24, 66, 110], CLASSES, ddof=0)


def wave(ids, answers, **options) -> SurveyWave:
    frame = pd.DataFrame({"id": ids, "score": answers})
    return SurveyWave(frame, answer="score", scale=NPS, customer="id", **options)


def test_the_change_of_the_textbook_example():
    row = difference((35, FIRST), (43, SECOND)).iloc[0]
    assert row["estimate"] == 8
    assert golden.close(row["std_error"], NUMBERS["change_se"])
    assert golden.close(row["statistic"], NUMBERS["change_z"])
    assert golden.close(row["p_value"], NUMBERS["change_p"])
    assert row["prob_positive"] == pytest.approx(1 - row["p_value"] / 2)


def test_the_probability_of_reaching_a_goal():
    row = difference((35, 3), (43, 4), goal=10).iloc[0]
    assert row["prob_goal"] == pytest.approx(stats.norm.cdf(-2 / 5))
    assert "prob_goal" not in difference((35, 3), (43, 4))


def test_covariance_narrows_the_change():
    row = difference((35, 5), (43, 5), covariance=12.5).iloc[0]
    assert row["std_error"] == 5


def test_no_variance_is_no_test():
    with pytest.raises(ZeroVarianceError, match="variance 0"):
        difference((100, 0), (100, 0))
    with pytest.raises(ZeroVarianceError, match="covariance is too large"):
        difference((35, 5), (43, 5), covariance=30)


def test_minimum_detectable_changes():
    options = {"prob": 0.95, "power": 0.8}
    assert golden.close(minimum_detectable_change(FIRST, FIRST, **options), NUMBERS["mdc_nps"])
    error = 18 / np.sqrt(400)
    assert golden.close(minimum_detectable_change(error, error, **options), NUMBERS["mdc_mean"])


def test_answers_needed_for_five_points():
    sd = score_sd([30, 70, 100], CLASSES)
    assert answers_for_change(5, sd, prob=0.95) == answers_for_change(-5, sd, prob=0.95) == 3313
    n = 2 * ((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * sd / 5) ** 2
    assert golden.close(n, "3312.2")


def test_answers_needed_make_the_change_detectable():
    n = answers_for_change(4, 70)
    assert minimum_detectable_change(70 / np.sqrt(n), 70 / np.sqrt(n)) <= 4
    assert minimum_detectable_change(70 / np.sqrt(n - 1), 70 / np.sqrt(n - 1)) > 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: answers_for_change(0, 70), "change is 0"),
        (lambda: difference((1, 2, 3), (1, 2)), "expected \\(estimate, std_error\\)"),
        (lambda: difference((1, -2), (1, 2)), "before std_error is -2"),
        (lambda: minimum_detectable_change(1, 1, power=80), "Did you mean 0.8"),
    ],
)
def test_bad_numbers_are_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


def test_the_overlap_of_a_panel_enters_the_variance():
    rng = np.random.default_rng(3)
    mood = rng.normal(size=300)
    first = np.clip(np.round(7 + 2 * mood[:200] + rng.normal(size=200)), 0, 10)
    second = np.clip(np.round(8 + 2 * mood[50:] + rng.normal(size=250)), 0, 10)
    row = panel_change(wave(np.arange(200), first), wave(np.arange(50, 300), second)).iloc[0]
    a, b = NPS.score_weights[first.astype(int)], NPS.score_weights[second.astype(int)]
    s12 = np.cov(a[50:], b[:150])[0, 1]
    variance = a.var(ddof=1) / 200 + b.var(ddof=1) / 250 - 2 * 150 / (200 * 250) * s12
    assert row["std_error"] == pytest.approx(np.sqrt(variance))
    assert row["estimate"] == pytest.approx(b.mean() - a.mean())
    assert (row["n_before"], row["n_after"], row["n_both"]) == (200, 250, 150)
    assert row["correlation"] == pytest.approx(np.corrcoef(a[50:], b[:150])[0, 1])


def test_a_full_panel_is_the_paired_test():
    rng = np.random.default_rng(4)
    first, second = rng.integers(0, 11, 80), rng.integers(0, 11, 80)
    row = panel_change(wave(np.arange(80), first), wave(np.arange(80), second)).iloc[0]
    paired = (NPS.score_weights[second] - NPS.score_weights[first]).astype(float)
    assert row["std_error"] == pytest.approx(paired.std(ddof=1) / np.sqrt(80))


def test_disjoint_waves_are_independent_whatever_the_order():
    first, second = wave([1, 2, 3], [9, 3, 7]), wave([6, 4, 5], [10, 8, 9])
    row = panel_change(first, second).iloc[0]
    assert row["n_both"] == 0
    assert np.isnan(row["correlation"])


def test_people_without_an_answer_do_not_count():
    ids, answers, later = [1, 2, 3, 4], [9, 3, 7, 10], wave([1, 2, 5], [10, 8, 2])
    full = panel_change(wave(ids, answers), later)
    gaps = panel_change(wave([*ids, 5], [*answers, np.nan]), later)
    pd.testing.assert_frame_equal(full, gaps)


GOOD = ([1, 2, 3], [9, 3, 7])


@pytest.mark.parametrize(
    ("after", "error", "message"),
    [
        (lambda: wave([1, 1, 3], [9, 3, 7]), DuplicateKeyError, "1 row, at position 1"),
        (lambda: wave(["1", "2", "3"], [9, 3, 7]), IdTypeError, "integer before and string after"),
        (lambda: wave([1, 2], [9, np.nan]), InsufficientDataError, "after has 1 answers"),
        (
            lambda: SurveyWave(pd.DataFrame({"s": [1, 5]}), answer="s", scale=CSAT5),
            ScaleError,
            "before is on scale NPS, after on CSAT5",
        ),
        (
            lambda: SurveyWave(pd.DataFrame({"s": [1, 5]}), answer="s", scale=NPS),
            DesignError,
            "after names no customer column",
        ),
        (lambda: wave(*GOOD, weight="id"), DesignError, "after has weights"),
    ],
)
def test_waves_that_cannot_be_compared_are_refused(after, error, message):
    with pytest.raises(error, match=message):
        panel_change(wave(*GOOD), after())
