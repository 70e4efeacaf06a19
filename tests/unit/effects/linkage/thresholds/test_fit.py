import numpy as np
import pandas as pd
import pytest

import cximpact as cx
from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    InsufficientDataError,
    MissingColumnError,
    MissingValueError,
    NonFiniteError,
    TimeOrderError,
    ZeroVarianceError,
)
from cximpact.effects.linkage import threshold
from tests.support import golden, sfo
from tests.support.thresholds import chosen_world, kink_world, printed_counts, step_world


def test_printed_numbers():
    found = threshold(printed_counts(), score="s", outcome="y", shape="step", rng=1)
    numbers = golden.load("threshold")
    for c, printed in numbers["probability"].items():
        assert golden.close(float(found.threshold_probability.sel(threshold=float(c))), printed)
    assert golden.close(found.log_bayes_factor, numbers["log_bayes_factor"])
    assert found.threshold_probability.dims == ("threshold",)
    assert float(found.threshold_probability.sum()) == pytest.approx(1)


def test_a_jump_is_found_and_covered():
    found = threshold(step_world(1), score="s", outcome="y", rng=1)
    row = found.tidy().iloc[0]
    assert int(found.threshold_probability.argmax("threshold")) == 6
    assert row["conf_low"] < 0.2 < row["conf_high"]
    assert found.draws.dims == ("sample",)
    assert found.estimand.scale == "pp"
    assert float((found.threshold_draws == 7).mean()) > 0.95


def test_a_kink_is_not_found_as_a_step_with_certainty():
    for seed in range(3):
        shapes = threshold(
            kink_world(seed), score="s", outcome="y", shape="any", rng=1
        ).model_probability
        assert float(shapes.sel(model="step")) < 0.5


def test_a_slope_of_a_kink_is_recovered():
    rng = np.random.default_rng(2)
    s = rng.integers(0, 11, 4000)
    frame = pd.DataFrame({"s": s, "y": 3 + 2.0 * np.maximum(s - 6, 0) + rng.normal(size=4000)})
    found = threshold(frame, score="s", outcome="y", shape="kink", rng=1)
    row = found.tidy().iloc[0]
    assert float(found.threshold_probability.sel(threshold=6)) > 0.99
    assert row["conf_low"] < 2 < row["conf_high"]
    assert row["conf_high"] - row["conf_low"] < 0.3


def test_where_nothing_is_linked_the_data_speak_for_none():
    frame = step_world(3, low=0.3, high=0.3)
    found = threshold(frame, score="s", outcome="y", rng=1)
    assert found.log_bayes_factor < 0
    assert "speak for no threshold" in found.explain()


def test_visits_and_spend_share_a_threshold():
    rng = np.random.default_rng(4)
    s = rng.integers(0, 11, 1500)
    visits = (rng.random(1500) < 0.3 + 0.08 * (s >= 7)).astype(float)
    bought = rng.random(1500) < 0.5
    spend = bought * np.exp(3 + 0.3 * (s >= 7) + rng.normal(size=1500))
    frame = pd.DataFrame({"s": s, "visits": visits, "spend": spend})
    found = threshold(
        frame, score="s", outcome=["visits", "spend"], family={"spend": "hurdle"}, rng=1
    )
    alone = found.threshold_by_outcome.sel(threshold=7)
    assert float(found.threshold_probability.sel(threshold=7)) > float(alone.max())
    table = found.tidy().set_index("outcome")
    truth = 0.5 * np.exp(3.5) * (np.exp(0.3) - 1)
    assert table.loc["spend", "conf_low"] < truth < table.loc["spend", "conf_high"]
    assert table.loc["visits", "conf_low"] < 0.08 < table.loc["visits", "conf_high"]


def test_self_selection_fools_the_raw_jump_and_not_the_adjusted_one():
    frame = chosen_world(1)
    raw = threshold(frame, score="t", outcome="y", rng=1).tidy().iloc[0]
    adjusted = threshold(frame, score="t", outcome="y", covariates=["liking"], rng=1).tidy().iloc[0]
    assert raw["estimate"] == pytest.approx(0.76419, abs=0.08)
    assert raw["conf_low"] > 0.2
    assert adjusted["conf_low"] < 0.2 < adjusted["conf_high"]


def test_what_is_not_adjusted_for_is_said():
    found = threshold(chosen_world(1), score="t", outcome="y", rng=1)
    assert not is_causal(found)
    assert "associational" in found.explain()


def test_adjusted_rates_are_those_of_all_customers():
    rng = np.random.default_rng(8)
    liking = rng.normal(size=6000)
    s = np.clip(np.round(5 + 2 * liking + rng.normal(size=6000)), 0, 10)
    eta = -0.5 + 1.0 * liking + 0.6 * (s >= 7)
    frame = pd.DataFrame({"s": s, "x": liking, "y": rng.random(6000) < 1 / (1 + np.exp(-eta))})
    frame["y"] = frame["y"].astype(float)
    found = threshold(frame, score="s", outcome="y", covariates=["x"], rng=1, draws=1000)
    low, high = (1 / (1 + np.exp(-(-0.5 + liking + d))) for d in (0, 0.6))
    row = found.tidy().iloc[0]
    assert row["conf_low"] < (high - low).mean() < row["conf_high"]
    naive = threshold(frame, score="s", outcome="y", rng=1).tidy().iloc[0]
    assert naive["conf_low"] > (high - low).mean() + 0.1


def test_same_seed_same_numbers_and_the_frame_is_left_alone():
    frame = step_world(5, n=300)
    before = frame.copy()
    one, other = (threshold(frame, score="s", outcome="y", shape="any", rng=3) for _ in range(2))
    assert (one.draws.values == other.draws.values).all()
    assert one.provenance == other.provenance
    pd.testing.assert_frame_equal(frame, before)


def test_an_outcome_from_before_the_score_is_refused():
    frame = step_world(6, n=100).assign(
        asked=pd.Timestamp("2024-05-01"), bought=pd.Timestamp("2024-06-01")
    )
    when = {"score_time": "asked", "outcome_time": "bought"}
    threshold(frame, score="s", outcome="y", rng=1, **when)
    frame.loc[3, "bought"] = pd.Timestamp("2024-04-01")
    with pytest.raises(TimeOrderError, match="2024-04-01.*2024-05-01"):
        threshold(frame, score="s", outcome="y", rng=1, **when)
    with pytest.raises(ConfigError, match="go together"):
        threshold(frame, score="s", outcome="y", score_time="asked")


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        ({"y": 1.0}, {}, ZeroVarianceError, "Column 'y'.*is 1 in all"),
        ({"s": 4}, {}, ZeroVarianceError, "Column 's'"),
        ({"y": "yes"}, {}, DtypeError, "'y'"),
        ({"y": np.nan}, {}, MissingValueError, "'y'"),
        ({"y": np.inf}, {}, NonFiniteError, "'y'"),
        ({}, {"levels": [3, 40]}, ConfigError, "levels has 40"),
        ({}, {"score": "nps"}, MissingColumnError, "'nps'"),
        ({}, {"outcome": []}, ConfigError, "outcome"),
        ({}, {"shapes": "step"}, ConfigError, "option 'shapes'"),
        ({}, {"draws": 0}, ConfigError, "draws"),
        ({}, {"beta": (1,)}, ConfigError, "two numbers"),
        ({}, {"beta": (0, 1)}, ConfigError, "beta"),
        ({}, {"evidence": "trust me"}, ConfigError, "evidence is a str"),
    ],
)
def test_bad_input_is_named(change, options, error, words):
    frame = step_world(7, n=60)
    for column, value in change.items():
        frame[column] = frame[column].astype(object) if isinstance(value, str) else frame[column]
        if isinstance(value, float) and not np.isfinite(value):
            frame.loc[2, column] = value
        else:
            frame[column] = value
    with pytest.raises(error, match=words):
        threshold(frame, **({"score": "s", "outcome": "y", "rng": 1} | options))


def test_two_levels_have_no_kink():
    frame = step_world(8, n=100)
    frame["s"] = (frame["s"] > 5).astype(int)
    with pytest.raises(InsufficientDataError, match="2 levels"):
        threshold(frame, score="s", outcome="y", shape="any")


def test_rare_levels_and_left_out_rows_are_said():
    frame = step_world(9, n=100)
    frame["s"] = frame["s"].astype(float)
    frame.loc[0, "s"] = 12
    frame.loc[1, "y"] = np.nan
    found = threshold(frame, score="s", outcome="y", missing="drop", rng=1)
    assert any("12 (1)" in note for note in found.provenance.notes)
    assert any("1 of 100 rows" in note for note in found.provenance.notes)


def test_an_amount_with_many_zeros_is_remarked_on():
    frame = step_world(10, n=200)
    frame["spend"] = frame["y"] * 7.5 * frame["s"]
    found = threshold(frame, score="s", outcome="spend", rng=1)
    assert any("family='hurdle'" in note for note in found.provenance.notes)


@pytest.mark.parametrize("bought", ["food_buy", "store"])
def test_at_the_airport_recommending_and_buying_are_not_linked(real_data, bought):
    frame = sfo.survey()[["nps", bought]].dropna().astype(float)
    assert len(frame) == {"food_buy": 4906, "store": 4807}[bought]
    found = threshold(frame, score="nps", outcome=bought, shape="any", rng=1)
    assert float(found.model_probability.sel(model="none")) > 0.7
    assert found.log_bayes_factor < -1.5
    assert "speak for no threshold" in found.explain()
    step = cx.effects.linkage.threshold(frame, score="nps", outcome=bought, rng=1).tidy().iloc[0]
    assert step["conf_low"] < 0 < step["conf_high"]
