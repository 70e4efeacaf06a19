import numpy as np
import pandas as pd
import pytest

from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    ConfigError,
    DataError,
    MissingColumnError,
    MissingValueError,
    NoRespondentsError,
    ScaleError,
)
from cximpact.effects.linkage import journey_map
from cximpact.scores import NPS, nps

BY = ["step", "touchpoint", "channel"]


def contacts(n=600, seed=1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    touchpoint = rng.choice(["order", "pay", "repair"], n)
    frame = pd.DataFrame(
        {
            "step": np.where(touchpoint == "repair", "use", "buy"),
            "touchpoint": touchpoint,
            "channel": rng.choice(["app", "phone"], n),
            "nps": rng.integers(0, 11, n).astype(float),
            "effort": rng.integers(1, 8, n).astype(float),
            "risk": rng.uniform(0, 0.4, n),
            "value": rng.gamma(2, 100, n),
            "id": rng.integers(0, 200, n),
        }
    )
    frame.loc[rng.random(n) < 0.3, "nps"] = np.nan
    frame.loc[rng.random(n) < 0.2, "effort"] = np.nan
    few = frame.query("touchpoint == 'repair' and channel == 'app'").index
    frame.loc[few[4:], "nps"] = np.nan
    frame.loc[few[:4], "nps"] = 9.0
    return frame


def mapped(frame=None, **changes):
    given = {"by": BY, "score": "nps", "scale": NPS, "effort": "effort", "churn_risk": "risk"}
    given |= {"value": "value", "rng": 1, "draws": 200}
    return journey_map(contacts() if frame is None else frame, **(given | changes))


def test_cells_hold_what_a_group_by_finds():
    frame = contacts()
    cells = mapped(frame).cells(suppress=False).set_index(BY)
    groups = frame.groupby(BY)
    expected = groups["nps"].apply(lambda s: nps(s.dropna()))
    pd.testing.assert_series_equal(cells["score"], expected, check_names=False)
    np.testing.assert_allclose(cells["effort"], groups["effort"].mean())
    np.testing.assert_allclose(cells["churn_risk"], groups["risk"].mean())
    at_risk = (frame["risk"] * frame["value"]).groupby([frame[c] for c in BY]).sum()
    np.testing.assert_allclose(cells["value_at_risk"], at_risk)
    assert cells["volume"].sum() == 600
    np.testing.assert_array_equal(cells["n_score"], groups["nps"].count())
    assert (cells["score_low"] <= cells["score"]).all()
    assert (cells["score"] <= cells["score_high"]).all()


def test_value_at_risk_is_not_the_product_of_means():
    frame = contacts().assign(value=lambda f: 1000 * f["risk"])
    cells = mapped(frame).cells()
    product = cells["volume"] * cells["churn_risk"] * 1000 * cells["churn_risk"]
    assert (cells["value_at_risk"] > 1.1 * product).all()


def test_scores_of_few_answers_are_not_shown():
    found = mapped()
    cells = found.cells().set_index("place")
    few = cells.loc["use > repair > app"]
    assert few["n_score"] == 4
    assert not few["shown"]
    assert np.isnan(few[["score", "score_low", "score_high"]].astype(float)).all()
    assert np.isfinite(few[["effort", "value_at_risk"]].astype(float)).all()
    assert cells.drop("use > repair > app")["shown"].all()
    assert "with fewer than 5 answers: 1 of them" in found.explain()
    assert mapped(min_answers=4).cells()["shown"].all()


def test_measures_are_joint_and_only_where_they_are_known():
    frame = contacts()
    frame.loc[frame["channel"] == "app", "nps"] = np.nan
    found = mapped(frame)
    assert found.draws.sizes["place"] == 3
    assert found.measure("value_at_risk").sizes["place"] == 6
    assert found.measure("score").dims == ("sample", "place")
    assert found.cells()["score"].isna().sum() == 3
    with pytest.raises(ConfigError, match="measure 'efort'"):
        found.measure("efort")


def test_weights_count_in_scores():
    frame = contacts().assign(w=lambda f: np.where(f["nps"] > 6, 3.0, 1.0))
    cells = mapped(frame, weight="w").cells(suppress=False)
    own = frame.query("step == 'buy' and touchpoint == 'pay' and channel == 'app'").dropna(
        subset="nps"
    )
    found = cells.set_index("place").loc["buy > pay > app", "score"]
    assert found == pytest.approx(nps(own["nps"], own["w"]))


def test_customers_in_several_cells_are_pointed_out():
    assert "never add values at risk up" in mapped(cluster="id").explain()
    assert "never add" not in mapped().explain()


def test_it_is_descriptive_and_can_be_drawn():
    found = mapped(cluster="id")
    assert not is_causal(found)
    assert "<table" in found._repr_html_()
    ax = found.plot(title="Where it hurts")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["app", "phone"]
    assert mapped(by=["channel"]).plot().get_yticklabels()[0].get_text() == "all"
    np.testing.assert_array_equal(mapped().draws, mapped().draws)


@pytest.mark.parametrize(
    ("frame", "options", "error", "match"),
    [
        (None, {"by": ["step", "canal"]}, MissingColumnError, "canal"),
        (None, {"churn_risk": None}, ConfigError, "value= is given without churn_risk="),
        (contacts().assign(risk=1.4), {}, DataError, "'risk' is no probability in 600 rows"),
        (contacts().assign(risk=np.nan), {}, MissingValueError, "'risk' is missing"),
        (contacts().assign(nps=np.nan), {}, NoRespondentsError, "missing in all 600 rows"),
        (contacts().assign(nps=11.0), {}, ScaleError, "scale NPS"),
        (contacts().assign(step="a > b"), {}, DataError, "parts the levels"),
        (contacts().rename(columns={"step": "score"}), {"by": ["score"]}, ConfigError, "rename"),
        (None, {"min_answer": 3}, ConfigError, "mean 'min_answers'"),
    ],
)
def test_bad_contacts_are_refused(frame, options, error, match):
    with pytest.raises(error, match=match):
        mapped(frame, **options)
