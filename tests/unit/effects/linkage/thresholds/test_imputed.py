import numpy as np
import pandas as pd
import pytest

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError, CongenialityError, InsufficientDataError
from cximpact.data import SurveyWave
from cximpact.effects.imputed import fit_imputed
from cximpact.effects.linkage import dose_response, threshold, threshold_imputed
from cximpact.effects.linkage.thresholds.imputed import MixedSearch, check_alike
from cximpact.imputation import OrdinalImputer
from cximpact.imputation.complete import complete
from cximpact.scores import CSAT5


def world():
    """Those who answer 4 or 5 stay more; two in five did not answer."""
    rng = np.random.default_rng(4)
    n = 4000
    answers = rng.integers(1, 6, n).astype(float)
    stayed = (rng.random(n) < 0.4 + 0.25 * (answers >= 4)).astype(int)
    frame = pd.DataFrame({"y": answers, "stayed": stayed, "everybody": answers})
    frame["group"] = rng.integers(0, 2, n)
    frame["y"] = frame["y"].mask(rng.random(n) < 0.4)
    return frame


def completed(frame, factors, m=8):
    wave = SurveyWave(frame, answer="y", scale=CSAT5, factors=factors)
    return complete(OrdinalImputer(method="laplace").fit(wave, rng=1), m, rng=2)


@pytest.fixture(scope="module")
def frame():
    return world()


@pytest.fixture(scope="module")
def sets(frame):
    return completed(frame, ["stayed", "group"])


@pytest.fixture(scope="module")
def found(sets):
    return threshold_imputed(sets, outcome="stayed", rng=3)


def test_the_posterior_is_the_mean_over_the_sets(sets, found):
    each = [threshold(t, score="answer", outcome="stayed", rng=1) for t in sets.sets()]
    mean = np.mean([e.threshold_probability.values for e in each], axis=0)
    assert found.threshold_probability.values == pytest.approx(mean)
    assert found.threshold_by_outcome.values[0] == pytest.approx(mean)
    models = np.mean([e.model_probability.values for e in each], axis=0)
    assert found.model_probability.values == pytest.approx(models)
    odds = np.mean([np.exp(e.log_bayes_factor) for e in each])
    assert found.log_bayes_factor == pytest.approx(np.log(odds))
    assert found.draws.sizes["sample"] == 4000
    drawn = np.array([(found.threshold_draws == c).mean() for c in (2, 3, 4, 5)])
    assert drawn == pytest.approx(mean, abs=0.03)


def test_sets_that_say_different_things_are_averaged(frame):
    one, two = (
        threshold(frame.iloc[rows], score="everybody", outcome="stayed", rng=1).found
        for rows in (slice(0, 80), slice(80, 160))
    )
    mixed = MixedSearch(
        candidates=one.candidates,
        outcomes=one.outcomes,
        log_evidence=one.log_evidence,
        parts=(one, two),
    )
    assert np.abs(one.probability - two.probability).max() > 0.05
    assert mixed.probability == pytest.approx((one.probability + two.probability) / 2)
    models = (one.model_probability.values + two.model_probability.values) / 2
    assert mixed.model_probability.values == pytest.approx(models)


def test_draws_of_jump_threshold_and_curve_go_together(found):
    ends = found.behavior([1, 5])
    jump = ends.sel(score_level=5) - ends.sel(score_level=1)
    assert jump.values == pytest.approx(found.draws.values)
    assert "missing at random" in found.explain()
    assert "mean over 8 sets" in found.explain()


def test_uncertainty_is_between_that_of_all_and_of_those_who_answered(frame, found):
    full = threshold(frame, score="everybody", outcome="stayed", rng=1)
    own = frame.dropna()
    answered = threshold(own, score="y", outcome="stayed", rng=1)
    errors = [float(f.draws.std()) for f in (full, found, answered)]
    assert errors[0] < errors[1]
    assert abs(float(found.draws.mean() - full.draws.mean())) < 3 * errors[1]


def test_imputed_without_the_outcome_the_link_is_refused(frame):
    blind = completed(frame, ["group"])
    for attempt in (
        lambda: threshold_imputed(blind, outcome="stayed", columns=["stayed"], rng=3),
        lambda: fit_imputed(
            lambda t: dose_response(t, score="answer", outcome="stayed", rng=1),
            blind,
            needed=[],
            role="regressor",
            outcome="stayed",
            columns=["stayed"],
        ),
    ):
        with pytest.raises(CongenialityError, match="'stayed'"):
            attempt()
    table = next(iter(blind.sets(["stayed"])))
    naive = threshold(table, score="answer", outcome="stayed", rng=1)
    full = threshold(frame, score="everybody", outcome="stayed", rng=1)
    assert float(naive.draws.mean()) < 0.75 * float(full.draws.mean())


FEW_SETS = pytest.mark.filterwarnings("ignore:m is 8")


@FEW_SETS
def test_a_curve_is_pooled_by_rubins_rules(frame, sets):
    pooled = fit_imputed(
        lambda t: dose_response(t, score="answer", outcome="stayed", rng=1),
        sets,
        needed=[],
        role="regressor",
        outcome="stayed",
    )
    full = dose_response(frame, score="everybody", outcome="stayed", rng=1)
    assert (pooled.std_error.values > full.std_error.values).all()
    gap = (pooled.estimate.values - full.estimate.values) / pooled.std_error.values
    assert np.abs(gap).max() < 3
    dr.check_joint(pooled.draws, pooled.contrasts().draws)


@FEW_SETS
def test_a_whole_threshold_is_not_pooled_by_rubins_rules_but_its_jump_is(sets):
    options = {"needed": [], "role": "regressor", "outcome": "stayed"}

    def whole(table):
        return threshold(table, score="answer", outcome="stayed", rng=1)

    with pytest.raises(AlignmentError, match="as_effect"):
        fit_imputed(whole, sets, **options)
    jump = fit_imputed(lambda t: whole(t).as_effect(), sets, **options)
    assert float(jump.draws.mean()) == pytest.approx(0.25, abs=0.1)


def test_sets_with_other_scores_are_refused(frame):
    full = threshold(frame, score="everybody", outcome="stayed", rng=1)
    fewer = threshold(frame[frame["everybody"] > 1], score="everybody", outcome="stayed", rng=1)
    check_alike(full, full)
    with pytest.raises(InsufficientDataError, match="from 1 to 5 with 4.*from 2 to 5 with 3"):
        check_alike(full, fewer)
