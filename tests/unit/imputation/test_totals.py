from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cximpact.core.errors import WeightError
from cximpact.data import SurveyWave, cells
from cximpact.imputation import OrdinalImputer
from cximpact.imputation.poststratify import expected_scores, merged, probabilities
from cximpact.imputation.totals import people_of
from tests.support.ordinal import small_wave


@pytest.fixture(scope="module")
def styled():
    return OrdinalImputer(
        factors=["segment"], style="channel", style_kind="scale", method="laplace"
    ).fit(small_wave(1500), rng=1)


def test_only_the_cutpoints_where_the_score_changes_are_needed():
    kept, distinct = merged(np.array([-1.0] * 7 + [0.0] * 2 + [1.0] * 2))
    assert list(kept) == [6, 8]
    assert list(distinct) == [-1.0, 0.0, 1.0]
    assert list(merged(np.array([2.0, 2.0]))[1]) == [2.0]


def test_expected_scores_are_those_of_all_categories(imputed):
    values = imputed.cells.scale.score_weights
    whole = np.concatenate([p @ values for p in probabilities(imputed.draws, imputed.design)])
    quick = np.concatenate(list(expected_scores(imputed.draws, imputed.design, values)))
    assert quick == pytest.approx(whole, abs=1e-9)


def test_a_shift_by_draw_and_cell_is_that_of_each(imputed):
    n, k = imputed.draws.sizes["sample"], imputed.cells.n_cells
    shift = np.zeros((n, k))
    shift[: n // 2] = -1.0
    score = imputed.score(target="super", delta=shift).values
    assert score[: n // 2] == pytest.approx(
        imputed.score(target="super", delta=-1.0).values[: n // 2]
    )
    assert score[n // 2 :] == pytest.approx(imputed.score(target="super").values[n // 2 :])


def test_weights_say_whom_the_people_of_the_frame_stand_for(imputed, world):
    weight = np.where(world.frame["segment"] == "a", 5.0, 1.0)
    wave = dataclasses.replace(world.wave, frame=world.frame.assign(w=weight), weight="w")
    weighted = dataclasses.replace(imputed, cells=cells(wave, by=list(imputed.cells.by)))
    parts = imputed.score("segment", target="super")
    share = world.frame.assign(w=weight).groupby("segment")["w"].sum()
    expected = (parts * (share / share.sum()).to_numpy()).sum("segment")
    assert weighted.score(target="super").values == pytest.approx(expected.values)
    finite = weighted.score()
    assert float(finite.mean()) == pytest.approx(float(expected.mean()), abs=0.2)


def test_weights_that_disagree_with_the_frame_are_refused(imputed):
    light = dataclasses.replace(imputed.cells, frame_weight=imputed.cells.frame_weight * 0.01)
    with pytest.raises(WeightError, match="weights and frame disagree"):
        dataclasses.replace(imputed, cells=light).score()


def test_answers_by_another_channel_are_not_taken_as_given(styled):
    who = people_of(styled.cells, styled.design)
    reference = styled.design.spec.reference
    assert (styled.cells.index["channel"][who.given] == reference).all()
    assert not (styled.cells.index["channel"][~who.given] == reference).any()


def test_scores_at_the_reference_are_the_same_for_every_channel(styled):
    score = styled.score(["segment", "channel"], target="super")
    table = score.values.reshape(len(score), 4, 3)
    assert table[:, :, 0] == pytest.approx(table[:, :, 1])
    assert table[:, :, 0] == pytest.approx(table[:, :, 2])


def test_a_channel_with_extreme_answers_is_corrected():
    """Phone answers are pulled up by one on the latent scale; the truth is the web's."""
    rng = np.random.default_rng(8)
    wave = small_wave(4000)
    frame = wave.frame.copy()
    cuts = np.array([-1.5, -0.5, 0.5, 1.5])
    eta = 0.5 * (frame["segment"] - 1.5)
    noise = rng.logistic(size=len(frame))
    phone = (frame["channel"] == 1).to_numpy()
    said = 1.0 + ((eta + phone + noise).to_numpy()[:, None] > cuts).sum(axis=1)
    felt = 1.0 + ((eta + noise).to_numpy()[:, None] > cuts).sum(axis=1)
    frame["y"] = np.where(rng.random(len(frame)) < 0.5, said, np.nan)
    wave = SurveyWave(frame, answer="y", scale=wave.scale)
    fit = OrdinalImputer(factors=["segment"], style="channel", reference=0).fit(wave, rng=1)
    score = fit.score(target="super")
    low, high = float(score.quantile(0.01)), float(score.quantile(0.99))
    assert low < felt.mean() < high
    assert said.mean() > high
