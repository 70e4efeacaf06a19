import numpy as np
import pytest

import cximpact as cx
from cximpact.core import draws as dr
from cximpact.core.causal import is_causal
from cximpact.core.errors import ConfigError
from cximpact.effects.linkage import dose_response
from tests.support.thresholds import step_world


@pytest.fixture(scope="module")
def found():
    return dose_response(step_world(1), score="s", outcome="y", bands=[0, 4, 7, 9], rng=1)


def test_contrasts_are_differences_within_each_draw(found):
    rises = found.contrasts(4)
    assert rises.draws.coords["score_level"].values.tolist() == [0, 7, 9]
    expected = found.draws.sel(score_level=9).values - found.draws.sel(score_level=4).values
    assert rises.draws.sel(score_level=9).values == pytest.approx(expected)
    dr.check_joint(rises.draws, found.draws)
    assert found.contrasts().draws.coords["score_level"].values.tolist() == [4, 7, 9]
    with pytest.raises(ConfigError, match="reference is 5.*0, 4, 7, 9"):
        found.contrasts(5)


def test_errors_of_a_contrast_add_up(found):
    spread = found.contrasts(0).summary().set_index("score_level")["std_error"]
    own = found.std_error
    assert spread[9] == pytest.approx(float(np.hypot(own[0], own[3])), rel=0.05)


def test_the_standing_decides_what_contrasts_may_be_used_for(found):
    assert not is_causal(found)
    assert not is_causal(found.contrasts())
    rng = np.random.default_rng(1)
    panel = step_world(2, n=120).assign(
        id=np.repeat(np.arange(60), 2), t=np.tile([0, 1], 60), y=rng.normal(size=120)
    )
    panel["g"] = np.where(panel["id"] < 30, 1.0, np.nan)
    panel = cx.Panel(panel, unit="id", period="t", outcome="y", first_treated="g")
    effect = cx.effects.TwoByTwo().fit(panel, rng=1)
    backed = dose_response(step_world(1), score="s", outcome="y", evidence=effect, rng=1)
    assert is_causal(backed.contrasts())
    assert not is_causal(backed)
    assert "supported by an effect" in backed.explain()


def test_words_and_tables(found):
    text = found.explain()
    assert text.startswith("The link is associational.")
    assert "moved by at most" in text
    assert found.support.columns.tolist() == ["score_level", "n", "n_effective"]
    assert found.support["n"].sum() == found.n
    assert "by level of s" in found._repr_html_()


def test_the_picture_says_what_the_link_is(found):
    figure = found.plot()
    (ax,) = figure.axes
    assert any("associational" in t.get_text() for t in ax.texts)
    assert ax.get_xlabel() == "s"
    assert "y" in ax.get_ylabel()


def test_one_of_several_outcomes_is_drawn():
    frame = step_world(3)
    frame["spend"] = frame["y"] * 3.5 * frame["s"]
    both = dose_response(frame, score="s", outcome=["y", "spend"], rng=1)
    assert "spend" in both.plot(outcome="spend").axes[0].get_ylabel()
    with pytest.raises(ConfigError, match="outcome 'z'"):
        both.plot(outcome="z")
