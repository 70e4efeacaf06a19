"""Held-out predictions: the means of the fold's draws, and ranks of its units."""

import dataclasses
import warnings

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError, UnseenLevelError, warn_data
from cximpact.imputation.poststratify import probabilities
from cximpact.imputation.validation.folds import answer_folds, group_folds
from cximpact.imputation.validation.refit import predict_held_out, refit
from tests.support.synthetic_imputed import customer_frame, synthetic, wave_of


def test_predictions_are_posterior_means_of_the_folds_fit(known):
    fit = known()
    folds = answer_folds(fit.cells, 3, np.random.default_rng(1))
    held = predict_held_out(fit, folds, segment="segment", by=None, rng=np.random.default_rng(2))
    assert held.n == fit.cells.n_answered
    assert held.pmf.sum(axis=1) == pytest.approx(np.ones(len(held.pmf)))
    fitted = fit.imputer.fitted[1:]
    assert [c.n_answered for c in fitted] == [fit.cells.n_answered - fold.n for fold in folds]
    expected = np.concatenate(list(probabilities(fit.draws, fit.design))).mean(axis=0)
    first = folds[0].held_out.sum(axis=1) > 0
    assert np.array_equal(held.cell[held.fold == 0], np.flatnonzero(first))
    assert held.pmf[held.fold == 0] == pytest.approx(expected[first], abs=0.01)
    assert np.array_equal(held.count[held.fold == 0], folds[0].held_out[first])
    assert set(held.baselines) == {"global", "segment"}
    assert stats.kstest(held.units, "uniform").pvalue > 0.01


def test_groups_are_ranked_as_wholes(known):
    fit = known()
    folds = group_folds(fit.cells, "month", 3, np.random.default_rng(1))
    held = predict_held_out(fit, folds, segment=None, by="month", rng=np.random.default_rng(2))
    assert len(held.units) == 3
    high = predict_held_out(
        known(shift=2.0), folds, segment=None, by="month", rng=np.random.default_rng(2)
    )
    assert (high.units < 0.02).all()  # every month answers lower than predicted


def test_answers_that_were_certain_have_ranks_of_chance(known):
    """Everybody answers 0, as predicted: each draw ties, and the rank is drawn at random."""
    frame = customer_frame(n=3000, seed=1, rate=0.9)
    base = synthetic(wave_of(frame.assign(nps=frame["nps"] * 0)), n_draws=2)
    folds = answer_folds(base.cells, 5, np.random.default_rng(1))
    held = predict_held_out(
        known(base, shift=-60.0), folds, segment=None, by=None, rng=np.random.default_rng(2)
    )
    assert held.pmf[:, 0] == pytest.approx(1.0)
    assert stats.kstest(held.units, "uniform").pvalue > 0.001


def test_what_the_first_fit_warned_of_is_not_said_again(known):
    class Warns:
        def fit_cells(self, cells, *, rng, wave=None):
            warn_data("a level has no answers")
            return cells

    fit = dataclasses.replace(known(), imputer=Warns())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert refit(fit, fit.cells, 1) is fit.cells


def test_fits_without_settings_or_levels_are_refused(known, like):
    with pytest.raises(ConfigError, match="does not know its settings"):
        refit(dataclasses.replace(known(), imputer=None), like.cells, 1)
    fit = known()
    fewer = dict(fit.design.levels) | {"segment": np.array(["a", "b", "c"])}
    short = dataclasses.replace(fit, design=dataclasses.replace(fit.design, levels=fewer))

    class Forgets:
        def fit_cells(self, cells, *, rng, wave=None):
            return short

    folds = answer_folds(fit.cells, 2, np.random.default_rng(1))
    with pytest.raises(UnseenLevelError, match="'segment' has 1 levels"):
        predict_held_out(
            dataclasses.replace(fit, imputer=Forgets()), folds, segment=None, by=None,
            rng=np.random.default_rng(0),
        )  # fmt: skip
