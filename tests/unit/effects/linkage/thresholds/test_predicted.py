import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.data import SurveyWave
from cximpact.effects.linkage import threshold
from cximpact.effects.linkage.thresholds.predicted import beliefs_of
from cximpact.imputation import OrdinalImputer
from cximpact.imputation.customers import customers
from cximpact.scores import CSAT5


@pytest.fixture(scope="module")
def predicted():
    """Two groups, of which one scores higher; half did not answer."""
    rng = np.random.default_rng(4)
    group = rng.integers(0, 2, 1500)
    answers = 1.0 + np.searchsorted([-1, 0, 1, 2], 1.5 * group + rng.logistic(size=1500))
    frame = pd.DataFrame({"id": np.arange(1500), "group": group, "y": answers})
    frame["y"] = frame["y"].mask(rng.random(1500) < 0.5)
    wave = SurveyWave(frame, answer="y", scale=CSAT5, factors=["group"])
    imputed = OrdinalImputer(method="laplace").fit(wave, rng=1)
    return customers(imputed, frame, customer="id"), frame


def test_answers_are_known_and_silence_is_a_distribution(predicted):
    scores, frame = predicted
    found = beliefs_of(scores, "y")
    answered = frame["y"].notna().to_numpy()
    assert found.pmf.sum(axis=1) == pytest.approx(1)
    assert (found.pmf[answered].max(axis=1) == 1).all()
    assert (found.pmf[answered] @ found.levels == frame["y"].to_numpy()[answered]).all()
    assert found.pmf[~answered].max() < 0.9
    assert (found.names == frame["id"].to_numpy()).all()


def test_the_silent_are_listed_by_their_chance(predicted):
    scores, frame = predicted
    rng = np.random.default_rng(1)
    known = pd.DataFrame({"y": rng.integers(1, 6, 1500).astype(float)})
    known["b"] = (rng.random(1500) < 0.2 + 0.4 * (known["y"] >= 4)).astype(float)
    found = threshold(known, score="y", outcome="b", rng=1)
    listed = found.just_below(scores)
    table = listed.table.set_index("customer").sort_index()
    silent = frame.index[frame["y"].isna()]
    share = scores.frame().set_index("id")["p_3"]
    assert table.loc[silent, "probability_just_below"].to_numpy() == pytest.approx(
        share[silent].to_numpy(), abs=0.02
    )
    jump = float(found.draws.mean())
    assert table.loc[silent, "expected_gain"].to_numpy() == pytest.approx(
        jump * share[silent].to_numpy(), abs=0.02
    )
    assert set(frame.index[frame["y"] == 3]) <= set(table.index)
    assert not set(frame.index[frame["y"] == 5]) & set(table.index)
    assert np.isnan(table["rises_by_itself"]).all()
    assert (found.just_below(scores, reliability=0.5).table["rises_by_itself"] == 0).all()


def test_a_second_score_does_not_go_with_predictions(predicted):
    with pytest.raises(ConfigError, match="second score"):
        beliefs_of(predicted[0], "y", again="y")


def test_known_scores_have_one_kind_a_level():
    found = beliefs_of(pd.DataFrame({"s": [3, 1, 3]}), "s")
    kinds, code = found.kinds()
    assert kinds.tolist() == [[1, 0], [0, 1]]
    assert code.tolist() == [1, 0, 1]
    assert found.score.tolist() == [3, 1, 3]
