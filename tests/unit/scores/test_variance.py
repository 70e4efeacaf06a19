import numpy as np
import pytest

from cximpact.core.errors import ConfigError, DesignError, WeightError
from cximpact.scores import kish_deff, score_sd, standard_error
from tests.support import golden

NUMBERS = golden.load("scores")["numbers"]
COUNTS, CLASSES = [30, 70, 100], [-100, 0, 100]
CSAT_COUNTS, BOXES = [5, 10, 25, 90, 70], [1, 2, 3, 4, 5]


def test_standard_errors_of_the_nps():
    assert golden.close(standard_error(COUNTS, CLASSES, ddof=0), NUMBERS["nps_se_ddof0"])
    assert golden.close(standard_error(COUNTS, CLASSES), NUMBERS["nps_se_ddof1"])
    assert golden.close(score_sd(COUNTS, CLASSES), NUMBERS["nps_sd"])


def test_standard_errors_of_csat():
    assert golden.close(score_sd(CSAT_COUNTS, BOXES, ddof=1), NUMBERS["csat_sd"])
    assert golden.close(standard_error(CSAT_COUNTS, BOXES), NUMBERS["csat_mean_se"])
    share = standard_error(CSAT_COUNTS, [0, 0, 0, 1, 1], ddof=0)
    assert golden.close(share, NUMBERS["csat_share_wald_se"])


def test_a_declared_random_sample_is_corrected_for_the_finite_population():
    found = standard_error(COUNTS, CLASSES, population=1000, design="srs")
    assert golden.close(found, NUMBERS["fpc_se_ddof1"])
    # The other convention: ddof 0 with (N - n) / (N - 1)
    other = standard_error(COUNTS, CLASSES, ddof=0) * np.sqrt(800 / 999)
    assert golden.close(other, "4.59577")
    assert found != pytest.approx(other, abs=1e-3)


def test_a_census_has_no_standard_error():
    assert standard_error(COUNTS, CLASSES, population=200, design="srs") == 0


@pytest.mark.parametrize("design", [None, "convenience"])
def test_self_selected_respondents_get_no_finite_population_correction(design):
    with pytest.raises(DesignError, match=r"choose to answer .* impute the rest"):
        standard_error(COUNTS, CLASSES, population=1000, design=design)


def test_more_answers_than_people_are_refused():
    with pytest.raises(DesignError, match="200 answers from a population of 150"):
        standard_error(COUNTS, CLASSES, population=150, design="srs")


def test_the_design_effect_of_unequal_weights():
    weights = np.r_[np.full(60, 10), np.full(140, 400 / 140)]
    assert golden.close(kish_deff(weights), NUMBERS["kish_deff"])
    assert 200 / kish_deff(weights) == pytest.approx(140, abs=1e-10)
    assert kish_deff(np.full(9, 3.0)) == pytest.approx(1)


def test_one_answer_has_no_spread_of_the_process():
    assert np.isnan(score_sd([0, 1, 0], CLASSES, ddof=1))
    assert score_sd([0, 1, 0], CLASSES) == 0


def test_bad_options_are_refused():
    with pytest.raises(ConfigError, match="ddof is 2"):
        score_sd(COUNTS, CLASSES, ddof=2)
    with pytest.raises(ConfigError, match="2 entries for 3 counts"):
        score_sd(COUNTS, [0, 1])
    with pytest.raises(WeightError, match="negative in 1 row, at position 1"):
        kish_deff([1, -1])
