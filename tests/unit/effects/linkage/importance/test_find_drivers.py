import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cximpact as cx
from cximpact.core.causal import check_causal, is_causal
from cximpact.core.errors import (
    ConfigError,
    CxImpactError,
    DtypeError,
    NotCausalError,
    SeparationError,
    ZeroVarianceError,
)
from cximpact.effects.linkage.importance import DriverImportance, drivers
from tests.support.drivers import RATINGS, world


def found(frame: pd.DataFrame | None = None, **changes) -> DriverImportance:
    chosen = {"outcome": "csat", "ratings": RATINGS, "draws": 60, "pairs": 20, "rng": 1} | changes
    return drivers(world() if frame is None else frame, **chosen)


@pytest.fixture(scope="module")
def result() -> DriverImportance:
    return found()


def test_the_three_that_matter_are_found_in_their_order(result):
    assert result.selected == ("checkin", "staff", "food")
    assert result.estimand.target == "share_of_r2"
    assert result.draws.dims == ("sample", "driver")
    assert result.draw_kind == "bootstrap"


def test_shares_sum_to_r2_in_every_draw(result):
    parts = result.parts
    sums = result.draws.sum("driver").values + parts.first.values
    np.testing.assert_allclose(sums, parts.r2.values, atol=1e-10)
    # of common factor and own parts as well
    own = parts.own.sum("driver").values + parts.common.values + parts.first.values
    np.testing.assert_allclose(own, parts.r2.values, atol=1e-10)


def test_r2_is_that_of_a_plain_least_squares_fit(result):
    frame = world()
    x = np.column_stack([np.ones(len(frame)), frame[RATINGS]])
    left = frame["csat"] - x @ np.linalg.lstsq(x, frame["csat"], rcond=None)[0]
    assert result.diagnostics["r2"] == pytest.approx(1 - left.var() / frame["csat"].var())


def test_it_never_becomes_money(result):
    assert result.details["causal"] is False
    assert not is_causal(result)
    with pytest.raises(NotCausalError, match="SHARE_OF_R2"):
        check_causal(result)
    with pytest.raises(NotCausalError, match="SHARE_OF_R2"):
        cx.roi.Initiative(
            name="fix check-in", n=100, effect=result, mechanism="one_time", value=1.0,
            currency="EUR", costs={"one_off": 1.0},
        )  # fmt: skip


def test_the_halo_is_not_the_drivers(result):
    """Raw shares put down to each rating what all share; own parts do not."""
    table = result.halo().set_index("driver")
    common = table.loc["what all ratings share", "estimate"]
    assert common > 0.2
    drivers_ = ["checkin", "staff"]
    assert (table.loc[drivers_, "estimate"] < 0.6 * table.loc[drivers_, "share"]).all()
    assert table.loc["checkin", "estimate"] == table["estimate"].iloc[:-1].max()
    assert table.loc[["checkin", "staff"], "direction"].tolist() == [1, 1]
    # what is left of ratings that do not matter goes the other way
    assert (table.loc[["wifi", "signs", "price"], "direction"] == -1).all()


def test_ten_by_correlation_look_important_where_three_are_stable(result):
    """The trap: with a halo every rating has a large plain correlation."""
    frame = world()
    plain = frame[RATINGS].corrwith(frame["csat"]) ** 2
    assert (plain > 0.03).all()
    assert len(result.selected) == 3


def test_the_seed_decides_and_the_frame_is_left_alone(result):
    frame = world()
    before = frame.copy()
    again = found(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert (again.draws.values == result.draws.values).all()
    assert again.provenance == result.provenance
    assert (found(rng=2).draws.values != result.draws.values).any()
    assert found(rng=2).estimate.equals(result.estimate)


def test_every_engine_gives_the_same(result):
    import polars as pl

    other = found(pl.from_pandas(world()))
    np.testing.assert_allclose(other.draws.values, result.draws.values)


def test_covariates_come_first_and_take_what_is_theirs():
    frame = world()
    frame["csat"] += 2 * (frame["region"] == 1)
    frame["region"] = frame["region"].map({0: "n", 1: "s", 2: "w"})
    with_it = found(frame, covariates=["region"])
    dummies = pd.get_dummies(frame["region"]).to_numpy(dtype=float)
    left = frame["csat"] - dummies @ np.linalg.lstsq(dummies, frame["csat"], rcond=None)[0]
    expected = 1 - left.var() / frame["csat"].var()
    assert with_it.diagnostics["r2_covariates"] == pytest.approx(expected)
    assert with_it.selected == ("checkin", "staff", "food")
    assert "covariates first" in with_it.estimand.contrast
    parts = with_it.parts
    np.testing.assert_allclose(parts.first.mean(), expected, atol=0.02)
    own = parts.own.sum("driver").values + parts.common.values + parts.first.values
    np.testing.assert_allclose(own, parts.r2.values, atol=1e-10)
    assert with_it.explain().startswith("6 drivers and the covariates explain")


def test_weights_are_copies_of_rows():
    frame = world(300)
    doubled = frame.loc[frame.index.repeat(frame["w"].astype(int))]
    weighted, copied = found(frame, weight="w"), found(doubled)
    np.testing.assert_allclose(weighted.estimate.values, copied.estimate.values)


def test_clusters_make_draws_wider():
    frame = world(600)
    copies = pd.concat([frame.assign(person=np.arange(600))] * 4, ignore_index=True)
    rows, people = found(copies, draws=200), found(copies, cluster="person", draws=200)
    assert people.diagnostics["clusters"] == 600
    ratio = people.draws.std("sample") / rows.draws.std("sample")
    assert 1.6 < float(ratio.mean()) < 2.4


def test_an_unused_touchpoint_is_one_driver_with_its_mark():
    frame = world()
    unused = np.random.default_rng(3).random(len(frame)) < 0.4
    frame["wifi_na"] = unused.astype(int)
    frame["csat"] += 0.8 * unused
    blank = frame.assign(wifi=frame["wifi"].where(~unused))
    result = found(blank, never_used={"wifi": "wifi_na"})
    assert result.drivers == tuple(RATINGS)
    assert result.parts.ratings["wifi"] == ("wifi",)
    # that it was not used is what goes with the outcome, and that belongs to wifi
    assert result.inclusion().set_index("driver").loc["wifi", "share"] > 0.04
    assert "Blank or unused ratings of 1 of 6" in result.provenance.notes[-1]
    # performance is that of those who used it
    performance = result.quadrants().set_index("driver")["performance"]
    assert performance["wifi"] == pytest.approx(blank["wifi"].mean())


def test_collinear_ratings_are_put_together_and_that_is_said():
    frame = world()
    frame["price"] = frame["checkin"] + 0.1 * np.random.default_rng(1).standard_normal(len(frame))
    result = found(frame)
    assert result.drivers[0] == "checkin + price"
    assert "'checkin', 'price' say nearly the same" in result.explain()


def test_a_suppressor_is_passed_over_and_that_is_said():
    frame = world()
    frame["csat"] = frame[RATINGS[:2]].sum(axis=1) + 3 * frame["food"] - 1.5 * frame["signs"]
    frame["csat"] += np.random.default_rng(1).standard_normal(len(frame))
    assert frame["signs"].corr(frame["csat"]) > 0.1
    result = found(frame, per_half=4)
    table = result.inclusion().set_index("driver")
    assert table.loc["signs", "inclusion"] >= 0.9
    assert table.loc["signs", "against"]
    assert set(result.selected) == {"food", "checkin", "staff"}
    assert "signs: chosen as often, but against" in result.explain()


def test_a_yes_or_no_outcome_can_share_its_deviance():
    linear = found(outcome="buys")
    logit = found(outcome="buys", measure="deviance", draws=10)
    assert logit.draws.sizes["sample"] == 10
    assert "deviance" in logit.explain()
    assert logit.selected == linear.selected
    # the R2 of the linear fit of a yes or no is Tjur's: the difference of mean predictions
    frame = world()
    x = np.column_stack([np.ones(len(frame)), frame[RATINGS]])
    fitted = x @ np.linalg.lstsq(x, frame["buys"], rcond=None)[0]
    tjur = fitted[frame["buys"] == 1].mean() - fitted[frame["buys"] == 0].mean()
    assert linear.diagnostics["r2"] == pytest.approx(tjur)


def test_bad_outcomes_and_settings_are_named():
    with pytest.raises(DtypeError, match="other values than 0 and 1"):
        found(measure="deviance")
    perfect = world().assign(buys=lambda d: (d["food"] > 3).astype(int))
    with pytest.raises(SeparationError, match="food"):
        found(perfect, outcome="buys", measure="deviance")
    with pytest.raises(ZeroVarianceError, match="that have a weight"):
        found(world().assign(w=lambda d: (d["food"] == 3).astype(float)), weight="w")
    with pytest.raises(ConfigError, match="threshold"):
        found(threshold=0.3)
    with pytest.raises(TypeError, match="top"):
        found(top=3)


def test_many_ratings_sample_orders_and_say_so():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((400, 17)) + 0.5 * rng.standard_normal((400, 1))
    frame = pd.DataFrame(x, columns=[f"r{i}" for i in range(17)])
    frame["y"] = x[:, 0] + rng.standard_normal(400)
    result = drivers(frame, outcome="y", ratings=list(frame)[:17], draws=20, pairs=5, rng=1)
    assert result.diagnostics["orders"] == 120
    assert 0 < result.diagnostics["order_error"] < 0.005
    sums = result.draws.sum("driver").values
    np.testing.assert_allclose(sums, result.parts.r2.values, atol=1e-10)


def test_variance_inflation_is_that_of_the_ratings():
    frame = world()
    found_ = found(frame).diagnostics["vif"]
    inverse = np.linalg.inv(frame[RATINGS].corr().to_numpy())
    np.testing.assert_allclose([found_[name] for name in RATINGS], np.diag(inverse))


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([1.0, 2.0, 3.0, np.nan, np.inf]), min_size=0, max_size=12),
    st.lists(st.sampled_from([0.0, 1.0, 5.0, np.nan]), min_size=12, max_size=12),
    st.sampled_from(["raise", "drop", "indicator"]),
)
def test_nothing_but_our_errors_escapes(rating, outcome, missing):
    rows = len(rating)
    frame = pd.DataFrame({"a": rating, "b": np.arange(rows) % 3.0, "y": outcome[:rows]})
    try:
        result = found(frame, outcome="y", ratings=["a", "b"], missing=missing, draws=5, pairs=2)
    except CxImpactError:
        return
    assert np.isfinite(result.draws.values).all()
