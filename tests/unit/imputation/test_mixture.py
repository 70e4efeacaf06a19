from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.data import SurveyWave, cells
from cximpact.imputation.links import category_probabilities
from cximpact.imputation.mixture import Mixture
from cximpact.imputation.quadrature import normal_rule
from cximpact.scores import CSAT5

N = 400
P0 = np.array([0.1, 0.15, 0.25, 0.3, 0.2])


def mixture(answers, sd=1.0, evidence=None, weight=None):
    frame = pd.DataFrame({"segment": list("ab") * (len(answers) // 2), "answer": answers})
    frame["weight"] = 1.0 if weight is None else weight
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, factors=["segment"], weight="weight")
    rule = normal_rule(15)
    cuts = np.tile(special.logit(np.cumsum(P0)[:-1]), (N, 1))
    draws = dr.from_array(cuts, source="made up", dims=("cut",), name="cuts").to_dataset()
    return Mixture(
        draws=draws,
        cells=cells(wave),
        eta=np.tile([0.4, -0.4], (N, 1)),
        sd=sd,
        rule=rule,
        evidence=evidence or (lambda rows: np.zeros((N, 2, rule.n_nodes))[rows]),
    )


def score(of, target="finite", by=None):
    return of.score(by, target=target, statistic="mean", rng=1)


def test_answers_of_everybody_leave_nothing_to_draw():
    found = score(mixture([1.0, 5.0, 4.0, 4.0]))
    assert found.values == pytest.approx(np.full(N, 3.5))


def test_weights_count():
    found = score(mixture([1.0, 5.0, 4.0, 4.0], weight=[3.0, 1.0, 1.0, 1.0]))
    assert found.values == pytest.approx(np.full(N, 16 / 6))


def test_without_evidence_the_silent_are_as_anybody():
    silent = mixture([1.0, 5.0] + [np.nan] * 400)
    rows = slice(0, 3)
    np.testing.assert_allclose(
        silent.probabilities(rows), silent.probabilities(rows, silent=False), rtol=1e-12
    )
    found, process = score(silent), score(silent, "super")
    assert float(process.std()) == pytest.approx(0, abs=1e-12)
    assert float(found.mean()) == pytest.approx(float(process.mean()), abs=0.02)


def test_without_spread_it_is_the_ordinal_model():
    found = mixture([1.0, np.nan], sd=0.0).probabilities(slice(0, 1))[0]
    cuts = special.logit(np.cumsum(P0)[:-1])
    np.testing.assert_allclose(found, category_probabilities(np.array([0.4, -0.4]), cuts))


def test_evidence_moves_the_silent():
    rule = normal_rule(15)

    def low(rows):
        return np.broadcast_to(-3.0 * rule.nodes, (N, 2, rule.n_nodes))[rows]

    people = [1.0, 5.0] + [np.nan] * 100
    tilted = mixture(people, evidence=low).probabilities(slice(0, 1))
    shifted = mixture(people).probabilities(slice(0, 1))
    assert (tilted @ CSAT5.values < shifted @ CSAT5.values - 0.5).all()


def test_groups_and_targets():
    found = score(mixture([1.0, 5.0, 3.0, 4.0]), by="segment")
    assert found["segment"].values.tolist() == ["a", "b"]
    assert found.mean("sample").values == pytest.approx([2.0, 4.5])
    with pytest.raises(ConfigError, match="target"):
        score(mixture([1.0, 5.0]), "finit")
