"""The whole validation: the truth passes, known faults are named."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import special

from cximpact.core.errors import ConfigError, MissingColumnError
from cximpact.data import SurveyWave
from cximpact.imputation import OrdinalImputer
from cximpact.imputation.validation import words
from cximpact.imputation.validation.result import validate
from cximpact.plots.validation import validation_page
from cximpact.scores import CSAT5
from tests.support.synthetic_imputed import customer_frame, synthetic, wave_of


@pytest.fixture(scope="module")
def right(known):
    return validate(known(), rng=3)


def test_the_truth_is_calibrated_and_beats_the_shares_of_all(right):
    assert right.calibrated and right.pit.inside and right.units.inside
    assert right.coverage["inside"].all() and right.error.calibrated
    gain = right.scores.set_index(["score", "against"]).loc[("rps", "global")]
    assert gain["conf_low"] > 0 and 0 < gain["skill"] < 0.2
    assert (right.levels["p_adjusted"] < 0.05).sum() == 0
    assert right.n == right.pit.n == right.error.n == int(right.coverage["n"].iloc[0])
    text = right.explain()
    assert text.startswith("Calibrated, ")
    assert "No single level of a factor stands out" in text
    assert "missing at random) stays untested" in text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"stretch": 0.5}, "Coverage is not as promised"),
        ({"shift": 0.6}, "Answers are lower than predicted"),
        ({"segments": -1.0}, "It is most off for segment"),
    ],
)
def test_known_faults_are_named(known, wrong, words):
    found = validate(known(**wrong), rng=3)
    assert not found.calibrated
    assert found.explain().startswith("Not calibrated, ")
    assert words in found.explain()


def test_effects_that_are_ignored_cost_against_the_segments_shares(known):
    found = validate(known(segments=0.0), rng=3)
    assert "worse than the shares of each segment" in found.explain()
    assert (
        not found.units.inside and "parts of cells scatter more than predicted" in found.explain()
    )
    table = found.summary().set_index("check")
    assert table.loc["ranked probability score saved over segment", "verdict"] == "worse"


def test_groups_are_held_out_whole(known):
    found = validate(known(), by="month", k=3, rng=3)
    assert found.held_out == "month" and found.k == 3 and found.units.n == 3
    assert "3 folds of whole groups of 'month'" in found.explain()
    assert "month" not in set(found.levels["column"])
    shifted = validate(known(shift=3.0), by="month", k=3, rng=3)
    assert not shifted.calibrated and "3 groups of 'month'" in shifted.explain()
    table = shifted.summary().set_index("check")
    assert table.loc["coverage of 80% sets", "verdict"].startswith("no test")
    assert table.loc["groups: largest gap", "verdict"] == "off"
    by_segment = validate(known(), by="segment", k=4, rng=3)
    assert set(by_segment.scores["against"]) == {"", "global"}


def test_customers_who_answer_repeatedly_are_held_out_whole(known):
    frame = customer_frame(n=3000, seed=11, rate=0.5).assign(customer=np.arange(3000) % 700)
    fit = known(synthetic(wave_of(frame), n_draws=20))
    assert validate(fit, k=3, rng=1).held_out == "customers"
    assert validate(known(), k=2, rng=1).held_out == "answers"


def test_tables_are_tidy_and_repeatable(right, known):
    table = right.tidy()
    assert list(table) == [
        "term", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n",
    ]  # fmt: skip
    assert table["term"].is_unique and not table.isna().any(axis=None)
    assert {"rps", "gain in rps over segment", "coverage[randomized, 0.8]"} <= set(table["term"])
    pd.testing.assert_frame_equal(validate(known(), rng=3).tidy(), table)
    assert right.provenance.method == "validate" and right.provenance.seed == 3
    assert set(right.verdicts) == {"shape", "groups", "coverage", "event", "skill"}
    assert "Held-out answers on NPS" in right._repr_html_()


def test_the_page_is_drawn_from_the_tables(right, known, monkeypatch):
    monkeypatch.setattr("cximpact.plots.validation_page", validation_page, raising=False)
    page = right.plot()
    assert page.get_suptitle() == words.headline(right)
    assert page.axes[0].get_ylabel() == "Answers, against expected"
    heights = [bar.get_height() for bar in page.axes[0].patches]
    assert heights == pytest.approx(right.histogram["estimate"].tolist())
    grouped = validate(known(), by="month", k=3, rng=3).plot(title="by month")
    assert grouped.axes[0].get_ylabel() == "Groups of month, against expected"


def test_other_scales_and_events(known):
    frame = customer_frame(n=1500, seed=4, rate=0.5)
    frame["nps"] = np.ceil((frame["nps"] + 1) / 2.5).clip(1, 5)
    wave = SurveyWave(frame, answer="nps", scale=CSAT5, factors=["segment", "channel"])
    fit = synthetic(wave, n_draws=30)

    class Same:
        def fit_cells(self, cells, *, rng, wave=None):
            return fit

    found = validate(dataclasses.replace(fit, imputer=Same()), event="top", probs=[0.6], rng=1)
    assert found.event == "top" and found.coverage["prob"].unique().tolist() == [0.6]


def test_a_fit_of_the_model_is_calibrated(known):
    """The real imputer, by its fast approximation, on answers that come from the model."""
    wave = wave_of(customer_frame(n=3000, seed=12, rate=0.5))
    fit = OrdinalImputer(method="laplace", draws=500, chains=2).fit(wave, rng=1)
    found = validate(fit, k=3, rng=2)
    assert found.calibrated, found.explain()
    gain = found.scores.set_index(["score", "against"]).loc[("rps", "global")]
    assert gain["conf_low"] > 0


class Shares:
    """Predicts each cell by the shares of its training answers: the data themselves, as a model."""

    def __init__(self, like):
        self.like = like

    def fit_cells(self, cells, *, rng, wave=None):
        counts = cells.dense() + 0.05
        cuts = special.logit(counts.cumsum(axis=1)[:, :-1] / counts.sum(axis=1, keepdims=True))
        fit = dataclasses.replace(self.like, cells=cells)
        return dataclasses.replace(fit, draws=fit.draws.assign(cuts=(("sample", "cut"), cuts[:1])))


def test_learning_from_the_other_folds_is_no_fault():
    """The unhappier a fold, the happier its prediction; that must not pass for miscalibration."""
    calibrated = []
    for seed in range(10):
        wave = wave_of(customer_frame(n=700, seed=seed, rate=0.5), factors=[], period=None)
        fit = synthetic(wave, n_draws=1)
        found = validate(dataclasses.replace(fit, imputer=Shares(fit)), rng=seed, k=5)
        calibrated.append(found.error.calibrated)
    assert np.mean(calibrated) >= 0.9


def test_bad_requests_are_refused(known):
    fit = known()
    with pytest.raises(MissingColumnError, match="role 'by'"):
        validate(fit, by="agent")
    with pytest.raises(MissingColumnError, match="role 'segment'"):
        validate(fit, segment="segmnt")
    with pytest.raises(ConfigError, match="no band 'unhappy'"):
        validate(fit, event="unhappy")
    with pytest.raises(ConfigError, match="k is 1"):
        validate(fit, k=1)
