from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cximpact.data import SurveyWave, cells
from cximpact.imputation import log_category_probabilities
from cximpact.imputation.counts import counts_of
from cximpact.imputation.design import build_design
from cximpact.imputation.spec import Spec
from cximpact.scores import CSAT5, PSAT


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("scale", [CSAT5, PSAT])
def test_likelihood_of_counts_is_that_of_every_answer(scale, link):
    rng = np.random.default_rng(1)
    answers = rng.choice(scale.values, 400)
    answers[rng.random(400) < 0.3] = np.nan
    frame = pd.DataFrame({"g": rng.integers(0, 4, 400), "h": rng.integers(0, 3, 400), "y": answers})
    wave = SurveyWave(frame, answer="y", scale=scale, factors=["g", "h"])
    counted = cells(wave)
    design = build_design(counted, Spec(factors=("g", "h")), link)
    own = counts_of(counted, design)
    given = frame["y"].notna().to_numpy()
    codes = scale.codes(frame["y"].to_numpy()[given])
    for _ in range(5):
        cuts = np.sort(rng.normal(0, 2, scale.n_categories - 1))
        effects = rng.normal(0, 1, 7)
        eta = effects[frame["g"]] + effects[4 + frame["h"]]
        logp = log_category_probabilities(eta[given], cuts, link)
        expected = logp[np.arange(len(codes)), codes].sum()
        assert own.log_likelihood(cuts[None], effects).value == pytest.approx(expected, rel=1e-10)


def test_only_pairs_that_occur_are_kept():
    frame = pd.DataFrame({"g": list("aabb"), "y": [1.0, 5.0, 3.0, np.nan]})
    counted = cells(SurveyWave(frame, answer="y", scale=CSAT5, factors=["g"]))
    own = counts_of(counted, build_design(counted, Spec(factors=("g",)), "probit"))
    assert list(own.category) == [0, 4, 2]
    assert list(own.start) == [0, 2, 3]
