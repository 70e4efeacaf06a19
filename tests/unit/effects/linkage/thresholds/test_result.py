import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import AlignmentError
from cximpact.effects.linkage import threshold
from tests.support.thresholds import printed_counts, step_world


@pytest.fixture(scope="module")
def found():
    return threshold(printed_counts(), score="s", outcome="y", rng=1)


@pytest.fixture(scope="module")
def several():
    frame = step_world(2, n=600)
    frame["spend"] = frame["y"] * np.random.default_rng(1).lognormal(2, 1, 600)
    return threshold(
        frame, score="s", outcome=["y", "spend"], family={"spend": "hurdle"}, shape="any", rng=1
    )


def test_behavior_at_each_score_is_the_mean_over_thresholds(found):
    behavior = found.behavior()
    assert behavior.dims == ("sample", "score_level")
    p = found.threshold_probability.values
    k, n = np.cumsum([10, 11, 9, 10, 12, 10, 11, 20, 21, 19, 22]), 50 * np.arange(1, 12)
    below = (k[:-1] + 1) / (n[:-1] + 2)
    assert float(behavior.sel(score_level=0).mean()) == pytest.approx(p @ below, abs=0.002)


def test_behavior_jumps_by_the_draws(found):
    ends = found.behavior([0, 10])
    jump = ends.sel(score_level=10) - ends.sel(score_level=0)
    assert jump.values == pytest.approx(found.draws.values)


def test_behavior_is_joint_with_the_draws(found, several):
    dr.check_joint(found.behavior([6]), found.draws, found.threshold_draws)
    with pytest.raises(AlignmentError):
        dr.check_joint(found.draws, several.draws)


def test_shapes_without_a_jump_have_none(several):
    model = several.curve.model
    assert (several.draws.values[model != "step"] == 0).all()
    threshold_draws = several.threshold_draws.values
    assert np.isnan(threshold_draws[np.isin(model, ("linear", "none"))]).all()
    assert several.behavior().dims == ("sample", "score_level", "outcome")


def test_tables_and_words(found, several):
    table = found.thresholds()
    assert table.columns.tolist() == ["threshold", "probability"]
    assert table["probability"].sum() == pytest.approx(1)
    text = found.explain()
    assert "likeliest threshold of s is 7 (probability 0.944" in text
    assert "log Bayes factor of a threshold over none 7.91" in text
    assert "lack of fit" in text
    assert found.model_probability.coords["model"].values.tolist() == ["step", "none"]
    assert float(several.model_probability.sum()) == pytest.approx(1)
    assert "threshold of s" in found._repr_html_()


def test_lack_of_fit_is_a_chi_squared_of_the_levels(found):
    k = np.array([10, 11, 9, 10, 12, 10, 11, 20, 21, 19, 22])
    p = found.behavior().mean("sample").values
    statistic = ((k - 50 * p) ** 2 / (50 * p * (1 - p))).sum()
    expected = stats.chi2.sf(statistic, 11 - 3)
    assert found.diagnostics["lack_of_fit"] == pytest.approx(expected, abs=1e-9)


def test_a_wrong_shape_shows():
    rng = np.random.default_rng(1)
    frame = step_world(3, n=4000)
    frame["y"] = (rng.random(4000) < 0.05 + 0.09 * frame["s"]).astype(float)
    step = threshold(frame, score="s", outcome="y", rng=1)
    assert step.diagnostics["lack_of_fit"] < 1e-4
    assert "speaks against it" in step.explain()
    line = threshold(frame, score="s", outcome="y", shape="any", rng=1)
    assert line.diagnostics["lack_of_fit"] > 0.01
    assert float(line.model_probability.sel(model="step")) < 0.01


def test_the_picture_has_both_panels(found, several):
    figure = found.plot(title="Buying by score")
    assert isinstance(figure, Figure)
    top, bottom = figure.axes
    assert top.get_xlim() == bottom.get_xlim()
    assert any("associational" in t.get_text() for t in top.texts)
    assert "spend" in several.plot(outcome="spend").axes[0].get_ylabel()
