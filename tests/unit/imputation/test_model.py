from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.data import SurveyWave, cells
from cximpact.imputation import Priors, log_category_probabilities
from cximpact.imputation.design import build_design
from cximpact.imputation.model import build_model, log_likelihood, sufficient
from cximpact.scores import CSAT5, PSAT


def wave_of(seed: int, n: int, scale=CSAT5) -> SurveyWave:
    rng = np.random.default_rng(seed)
    answers = rng.choice(scale.values, n)
    answers[rng.random(n) < 0.3] = np.nan
    frame = pd.DataFrame({"g": rng.integers(0, 4, n), "t": rng.integers(0, 3, n), "y": answers})
    return SurveyWave(frame, answer="y", scale=scale, factors=["g"], period="t")


@pytest.mark.parametrize("scale", [CSAT5, PSAT])
def test_likelihood_of_counts_is_that_of_every_answer(scale):
    import pytensor
    import pytensor.tensor as pt

    wave = wave_of(1, 400, scale)
    counts = cells(wave)
    cuts, eta = pt.vector("cuts"), pt.vector("eta")
    graph = log_likelihood(sufficient(counts), cuts, eta)
    compiled = pytensor.function([cuts, eta], graph, mode="FAST_COMPILE")
    codes = pd.MultiIndex.from_frame(counts.index).get_indexer(
        pd.MultiIndex.from_frame(wave.frame[["g", "t"]])
    )
    given = wave.frame["y"].notna().to_numpy()
    answers = scale.codes(wave.frame["y"].to_numpy()[given])
    rng = np.random.default_rng(2)
    for _ in range(5):
        c = np.sort(rng.normal(0, 2, scale.n_categories - 1))
        e = rng.normal(0, 2, counts.n_cells)
        logp = log_category_probabilities(e[codes[given]], c)
        expected = logp[np.arange(len(answers)), answers].sum()
        assert compiled(c, e) == pytest.approx(expected, rel=1e-9)


def test_only_pairs_that_occur_are_kept():
    counts = cells(wave_of(1, 12))
    kept = sufficient(counts)
    assert len(kept.weight) < counts.n_cells * 4
    assert kept.weight.min() > 0


def test_model_has_the_named_effects_and_no_intercept():
    counts = cells(wave_of(1, 400))
    design = build_design(counts, ["g"], "t", [])
    model = build_model(design, sufficient(counts), Priors())
    names = {v.name for v in model.free_RVs}
    assert names == {"p0", "sigma_g", "unit_g", "walk_sd", "unit_step"}


def test_effects_are_sampled_on_their_own_scale_where_levels_are_far_apart():
    rng = np.random.default_rng(0)
    g, t = rng.integers(0, 4, 4000), rng.integers(0, 3, 4000)
    frame = pd.DataFrame({"g": g, "t": t, "y": 1.0 + rng.binomial(4, 0.15 + 0.2 * g)})
    wave = SurveyWave(frame, answer="y", scale=CSAT5, factors=["g"], period="t")
    counts = cells(wave)
    design = build_design(counts, ["g"], "t", [])
    names = {v.name for v in build_model(design, sufficient(counts), Priors()).free_RVs}
    assert "effect_g" in names
    assert "unit_step" in names


def test_effects_are_sampled_apart_from_their_scale_where_levels_hardly_differ():
    counts = cells(wave_of(1, 40))
    design = build_design(counts, ["g"], None, [])
    model = build_model(design, sufficient(counts), Priors())
    assert "unit_g" in {v.name for v in model.free_RVs}


def test_priors_must_be_positive():
    with pytest.raises(ConfigError, match=r"priors\.walk_scale is 0"):
        Priors(walk_scale=0)
