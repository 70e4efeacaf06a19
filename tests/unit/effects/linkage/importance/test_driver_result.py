import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.effects.linkage.importance import DriverImportance, drivers
from tests.support.drivers import RATINGS, world


def found(frame: pd.DataFrame, **changes) -> DriverImportance:
    settings = {"outcome": "csat", "ratings": RATINGS, "draws": 60, "pairs": 20, "rng": 1} | changes
    return drivers(frame, **settings)


@pytest.fixture(scope="module")
def result() -> DriverImportance:
    return found(world())


def test_ranks_are_counted_in_draws(result):
    table = result.rank_probability()
    np.testing.assert_allclose(table.sum(axis=0), 1)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    assert list(table.index[:3]) == ["checkin", "staff", "food"]
    first = (result.draws.argmax("driver") == 0).mean()
    assert table.loc["checkin", 1] == pytest.approx(float(first))
    last = (result.draws.argmin("driver") == RATINGS.index("price")).mean()
    assert table.loc["price", 6] == pytest.approx(float(last))


def test_the_probability_of_being_among_the_first_adds_up(result):
    table = result.among_first(2).set_index("driver")["probability"]
    assert table.sum() == pytest.approx(2)
    assert table["checkin"] == 1
    ranks = result.rank_probability()
    assert table["staff"] == pytest.approx(ranks.loc["staff", [1, 2]].sum())
    with pytest.raises(ConfigError, match="there are 6 drivers"):
        result.among_first(7)


def test_the_tables_agree_with_each_other(result):
    shares = result.tidy().set_index("driver")["estimate"]
    inclusion = result.inclusion().set_index("driver")
    assert inclusion["share"].is_monotonic_decreasing
    assert tuple(inclusion.index[inclusion["selected"]]) == result.selected
    pd.testing.assert_series_equal(inclusion["share"], shares[inclusion.index], check_names=False)
    halo = result.halo().set_index("driver")
    pd.testing.assert_series_equal(halo["share"][shares.index], shares, check_names=False)
    assert (halo["conf_low"] < halo["conf_high"]).all()
    up, down = (halo[:-1][halo["direction"][:-1] == sign] for sign in (1, -1))
    assert up["estimate"].is_monotonic_decreasing
    assert down["estimate"].is_monotonic_decreasing
    assert [*up.index, *down.index] == list(halo.index[:-1])
    assert len(down) > 0
    assert list(result.effects()["driver"]) == list(inclusion.index)
    # the signs that decide what is passed over are those of the coefficients
    signs = result.effects().set_index("driver")["estimate"] < 0
    assert (inclusion["against"] == signs).all()


def test_quadrants_take_raw_or_own_importance(result):
    raw, own = result.quadrants(), result.quadrants(halo=True)
    assert raw.set_index("driver")["importance"]["checkin"] == pytest.approx(
        float(result.estimate.sel(driver="checkin"))
    )
    halo = result.halo().set_index("driver")["estimate"]
    assert own.set_index("driver")["importance"]["checkin"] == pytest.approx(halo["checkin"])
    table = raw.set_index("driver")
    assert table.loc["checkin", "quadrant"] == "fix first"
    assert table.loc["staff", "quadrant"] == "keep up"
    assert table.loc["wifi", "quadrant"] == "low priority"
    assert table.loc["signs", "quadrant"] == "possible overkill"
    wide = result.quadrants(0.99).set_index("driver")
    assert (wide["performance_low"] < table["performance_low"]).all()


def test_performance_may_be_put_on_scales(result):
    points = result.quadrants().set_index("driver")["performance"]
    shares = result.quadrants(scales=(1, 5)).set_index("driver")["performance"]
    np.testing.assert_allclose(shares, (points - 1) / 4)
    with pytest.raises(ConfigError, match="scales lacks"):
        result.quadrants(scales={"checkin": (1, 5)})


def test_the_words_name_the_stable_and_claim_nothing(result):
    text = result.explain()
    assert text.startswith("6 drivers explain ")
    assert "Stable are checkin (" in text
    assert "It claims no effect" in text
    assert "at least 90% of 40 halves" in text
    assert "chosen as often" not in text
    html = result._repr_html_()
    assert "SHARE_OF_R2" in html


def test_nothing_is_padded_where_nothing_is_there():
    frame = world(300)
    frame["csat"] = np.random.default_rng(1).standard_normal(300)
    nothing = found(frame)
    assert len(nothing.selected) <= 1
    frame["csat"] += 0.0
    none = found(frame, per_half=1)
    assert none.selected == ()
    assert "No driver is stable." in none.explain()


def test_a_driver_that_only_shows_the_halo_is_named():
    """One rating shows the mood better than the others and has nothing of its own."""
    rng = np.random.default_rng(2)
    frame = world()
    mood = frame[RATINGS].mean(axis=1)
    frame["csat"] = 3 * mood + 0.8 * (frame["checkin"] - mood) + rng.standard_normal(len(frame))
    frame["csat"] += 0.5 * (frame["staff"] - mood)
    result = found(frame, per_half=5, threshold=0.6)
    own = result.halo().set_index("driver")["direction"]
    halo_only = [name for name in result.selected if own[name] < 0]
    assert halo_only
    assert f"Without what all ratings share, {', '.join(halo_only)} would go" in result.explain()
    assert "checkin" not in halo_only
    assert "nothing of its own" not in found(world()).explain()


def test_no_more_than_asked_for_are_selected_the_most_stable_first():
    result = found(world(), max_drivers=2, per_half=3)
    assert result.selected == ("checkin", "staff")


def test_a_selection_is_shown_by_importance_not_by_inclusion():
    frame = world()
    frame["csat"] += 1.0 * frame["price"]
    result = found(frame)
    shares = result.inclusion().set_index("driver")["share"]
    assert shares[list(result.selected)].is_monotonic_decreasing


@pytest.mark.parametrize("kind", ["bars", "quadrants"])
def test_it_draws(result, kind: str):
    ax = result.plot(kind, title="What matters")
    texts = [t.get_text() for t in (*ax.texts, *ax.get_yticklabels())]
    assert "checkin" in texts
    label = ax.get_xlabel() if kind == "bars" else ax.get_ylabel()
    assert label == "Share of the variance of csat (%)"


def test_the_diamond_is_left_out_where_what_is_left_goes_against_the_outcome(result):
    ax = result.plot()
    marks = next(line for line in ax.lines if line.get_marker() == "D").get_xdata()
    halo = result.halo().set_index("driver")
    up = [halo.loc[name, "direction"] > 0 for name in result.inclusion()["driver"]]
    assert (np.isfinite(np.asarray(marks, dtype=float)) == up).all()


def test_other_pictures_are_refused(result):
    with pytest.raises(ConfigError, match="kind is 'pie'"):
        result.plot("pie")
    ax = result.plot("quadrants", scales=(1, 5), halo=True)
    assert ax.get_xlabel() == "Mean rating (%)"
