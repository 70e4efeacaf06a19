"""Leaving out answers of collapsed data equals leaving out rows."""

import dataclasses
import importlib

import arviz as az
import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.core.errors import ConfigError
from cximpact.imputation.poststratify import probabilities
from cximpact.imputation.validation.loo import loo, pair_log_probabilities
from tests.support.synthetic_imputed import customer_frame, synthetic, wave_of


@pytest.fixture(scope="module")
def fit():
    return synthetic(wave_of(customer_frame(n=500, seed=3)), n_draws=400, sd=0.12)


@pytest.fixture(scope="module")
def by_rows(fit):
    """What arviz makes of one row an answer."""
    p = np.concatenate(list(probabilities(fit.draws, fit.design)))
    cell, category = (
        np.repeat(x, fit.cells.count.astype(int)) for x in (fit.cells.cell, fit.cells.category)
    )
    log_p = np.log(p[:, cell, category])[None]
    tree = az.from_dict({"posterior": {"t": log_p[..., 0]}, "log_likelihood": {"y": log_p}})
    return az.loo(tree, var_name="y", pointwise=True, reff=1.0)


def test_collapsed_answers_equal_rows(fit, by_rows):
    found = loo(fit)
    assert found.n == fit.cells.n_answered == by_rows.n_data_points
    assert found.elpd == pytest.approx(float(by_rows.elpd), rel=1e-9)
    assert found.std_error == pytest.approx(float(by_rows.se), rel=1e-9)
    assert found.p_loo == pytest.approx(float(by_rows.p), rel=1e-6)
    assert found.good_k == pytest.approx(float(by_rows.good_k))
    expanded = np.repeat(found.pointwise["pareto_k"], found.pointwise["n"])
    assert np.sort(expanded) == pytest.approx(np.sort(by_rows.pareto_k.values), rel=1e-9)
    assert found.n_bad == int((by_rows.pareto_k.values > by_rows.good_k).sum())


def test_blocks_of_cells_change_nothing(fit, monkeypatch):
    whole = loo(fit)
    module = importlib.import_module("cximpact.imputation.validation.loo")
    monkeypatch.setattr(module, "_HELD", 400 * 11 * 3)
    blocks = list(pair_log_probabilities(fit.draws, fit.cells, fit.design))
    assert len(blocks) > 3
    pd.testing.assert_frame_equal(loo(fit).pointwise, whole.pointwise)


def test_two_models_are_compared_answer_by_answer(fit):
    other = synthetic(fit.wave, n_draws=400, sd=0.3, seed=2)
    one, two = loo(fit), loo(other)
    gain, error = one.minus(two)
    assert gain == pytest.approx(one.elpd - two.elpd)
    rows = [np.repeat(x.pointwise["elpd"], x.pointwise["n"]) for x in (one, two)]
    gap = np.asarray(rows[0]) - np.asarray(rows[1])
    assert error == pytest.approx(gap.std(ddof=1) * np.sqrt(len(gap)))
    elsewhere = loo(synthetic(wave_of(customer_frame(n=400, seed=8)), n_draws=100))
    with pytest.raises(ConfigError, match="not about the same answers"):
        one.minus(elsewhere)


def test_words_and_table(fit):
    found = loo(fit)
    table = found.tidy()
    assert table["term"].tolist() == ["elpd", "elpd per answer"]
    assert table["estimate"].iloc[0] == pytest.approx(table["estimate"].iloc[1] * found.n)
    assert ("Reliable" in found.explain()) == (found.n_bad == 0)
    bad = dataclasses.replace(found, good_k=-9.0)
    assert f"{found.n:,} answers have a Pareto k above" in bad.explain()


class Settings:
    """Stands in for the imputer: known draws, whatever the answers; counts its fits."""

    def __init__(self, fit):
        self.fit, self.seen = fit, []

    def fit_cells(self, cells, *, rng, wave=None):
        self.seen.append(cells)
        return dataclasses.replace(self.fit, cells=cells)


def test_cells_are_left_out_whole(fit):
    settings = Settings(fit)
    found = loo(dataclasses.replace(fit, imputer=settings), unit="cell", k=4, rng=1)
    assert len(settings.seen) == 4
    answered = np.flatnonzero(fit.cells.answered)
    assert found.pointwise["cell"].tolist() == answered.tolist()
    p = np.concatenate(list(probabilities(fit.draws, fit.design)))
    joint = (np.log(p) * fit.cells.dense()).sum(axis=2)[:, answered]
    expected = special.logsumexp(joint, axis=0) - np.log(len(p))
    assert found.pointwise["elpd"].to_numpy() == pytest.approx(expected)
    assert found.n == len(answered) and np.isnan(found.p_loo)
    assert "by refitting without them" in found.explain()
    with pytest.raises(ConfigError, match="does not know its settings"):
        loo(fit, unit="cell")
