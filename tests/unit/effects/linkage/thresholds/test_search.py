import numpy as np
import pytest
from scipy import special

from cximpact.effects.linkage.thresholds.binary import BinaryPart
from cximpact.effects.linkage.thresholds.outcomes import Outcome
from cximpact.effects.linkage.thresholds.search import search
from cximpact.effects.linkage.thresholds.shapes import candidates

SCORE = np.arange(5.0)


def outcome(name, successes, n=40.0):
    part = BinaryPart(
        score=SCORE,
        x=np.empty((5, 0)),
        successes=np.array(successes, dtype=float),
        trials=np.full(5, n),
        beta=(1.0, 1.0),
    )
    return Outcome(name=name, family="binary", parts=(part,))


def shapes(shape="step", **options):
    return candidates(
        SCORE, shape, **({"levels": None, "prior": None, "model_prior": None} | options)
    )


VISITS, SPEND = outcome("visits", [8, 8, 9, 15, 14]), outcome("spend", [5, 6, 12, 12, 13])


def test_outcomes_share_the_threshold():
    both = search(shapes(), [VISITS, SPEND])
    each = [search(shapes(), [one]).threshold_probability.values for one in (VISITS, SPEND)]
    product = each[0] * each[1]
    assert both.threshold_probability.values == pytest.approx(product / product.sum())
    assert both.by_outcome().values == pytest.approx(np.array(each))
    assert both.by_outcome().coords["outcome"].values.tolist() == ["visits", "spend"]


def test_the_prior_of_the_models_moves_them_and_not_the_evidence():
    even = search(shapes(), [VISITS])
    odd = search(shapes(model_prior={"step": 9, "none": 1}), [VISITS])
    assert odd.log_bayes_factor == pytest.approx(even.log_bayes_factor)
    odds = [float(f.model_probability[0] / f.model_probability[1]) for f in (even, odd)]
    assert odds[1] / odds[0] == pytest.approx(9)
    assert np.log(odds[0]) == pytest.approx(even.log_bayes_factor)


def test_the_prior_of_thresholds_multiplies():
    even = search(shapes(), [VISITS]).threshold_probability
    told = search(shapes(prior={2: 1, 3: 4}), [VISITS]).threshold_probability
    ratio = float(even.sel(threshold=3) / even.sel(threshold=2))
    assert float(told.sel(threshold=3) / told.sel(threshold=2)) == pytest.approx(4 * ratio)


def test_drawn_candidates_have_their_probabilities():
    found = search(shapes("any"), [VISITS])
    chosen = found.draw(40_000, np.random.default_rng(1), shape="any")
    share = np.bincount(chosen, minlength=found.probability.size) / chosen.size
    assert share == pytest.approx(found.probability, abs=0.01)


def test_a_step_is_taken_for_granted_where_one_is_asked_for():
    found = search(shapes(), [VISITS])
    chosen = found.draw(2000, np.random.default_rng(1), shape="step")
    assert not (found.candidates.is_model("none")[chosen]).any()


def test_coefficients_go_with_their_candidate():
    found = search(shapes(), [VISITS])
    chosen = np.repeat([0, 3], 4000)
    ((values,),) = found.coefficients(chosen, np.random.default_rng(1))
    rates = special.expit(values)
    assert rates[:4000].mean(axis=0) == pytest.approx([9 / 42, 47 / 162], abs=0.01)
    assert rates[4000:].mean(axis=0) == pytest.approx([41 / 162, 15 / 42], abs=0.01)
