import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    AssumptionWarning,
    ClusterError,
    ConfigError,
    CxImpactError,
    DtypeError,
    IdTypeError,
    InsufficientDataError,
    MissingColumnError,
    MissingValueError,
    NoRespondentsError,
    OverlapError,
    ScaleError,
    SmallSampleWarning,
    WeightError,
)
from cximpact.datasets import load_sfo_survey
from cximpact.effects.linkage import score_trace
from cximpact.scores import NPS, nps

LEVELS = {"web": ("Buy", 9.0), "shop": ("Buy", 8.0), "call": ("Use", 6.5), "chat": ("Use", 7.5)}


def wave(seed=1, n=400, shares=(0.4, 0.3, 0.2, 0.1), lift=0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    touchpoint = rng.choice(list(LEVELS), n, p=shares)
    mean = np.array([LEVELS[t][1] for t in touchpoint]) + lift
    return pd.DataFrame(
        {
            "journey": [LEVELS[t][0] for t in touchpoint],
            "touchpoint": touchpoint,
            "channel": rng.choice(["app", "desk"], n),
            "nps": np.clip(np.round(mean + rng.normal(0, 1.7, n)), 0, 10),
            "segment": rng.choice(["new", "old"], n),
            "id": rng.integers(0, 150, n),
            "w": rng.uniform(0.5, 2.0, n),
        }
    )


def trace(before=None, after=None, **changes):
    before = wave(1) if before is None else before
    after = wave(2, shares=(0.2, 0.2, 0.4, 0.2), lift=0.3) if after is None else after
    given = {"score": "nps", "by": ["touchpoint"], "scale": NPS, "rng": 1, "draws": 300}
    return score_trace(before, after, **(given | changes))


@pytest.mark.parametrize("options", [{}, {"weight": "w"}, {"cluster": "id"}])
def test_contributions_sum_to_the_change_of_the_score(options):
    before, after = wave(1), wave(2, lift=0.3)
    found = trace(before, after, **options)
    weights = [f["w"] if "weight" in options else None for f in (before, after)]
    change = nps(after["nps"], weights[1]) - nps(before["nps"], weights[0])
    assert float(found.estimate.sum()) == pytest.approx(change, abs=1e-10)
    rows = found.change().set_index("quantity")
    assert rows.loc["after", "estimate"] == pytest.approx(nps(after["nps"], weights[1]))
    both = found.drawn.total
    np.testing.assert_allclose(
        found.draws.sum(("touchpoint", "part")), both[:, 1] - both[:, 0], atol=1e-10
    )
    assert found.draws.dims == ("sample", "touchpoint", "part")


def test_the_tree_adds_up_exactly():
    found = trace(by=["journey", "touchpoint", "channel"])
    assert found.levels == ("journey", "touchpoint", "channel")
    for level in found.levels:
        larger = found.at(level)
        for total in larger.totals().to_dict("records"):
            name = total["touchpoint"]
            leaves = [t for t in found.draws["touchpoint"].values if t.startswith(name)]
            assert total["estimate"] == pytest.approx(
                float(found.estimate.sel(touchpoint=leaves).sum()), abs=1e-10
            )
    direct = trace(by=["journey"])
    np.testing.assert_allclose(found.at("journey").estimate, direct.estimate, atol=1e-10)
    assert found.at("journey").touchpoints["n_after"].sum() == 400
    assert list(found.at("touchpoint").touchpoints.columns[:3]) == [
        "journey",
        "touchpoint",
        "status",
    ]
    with pytest.raises(ConfigError, match=r"level 'chanel' .* mean 'channel'"):
        found.at("chanel")


def test_the_score_falls_although_every_touchpoint_rises():
    before = wave(1, n=3000, shares=(0.7, 0.2, 0.05, 0.05))
    after = wave(2, n=3000, shares=(0.1, 0.1, 0.7, 0.1), lift=0.5)
    naive = after.groupby("touchpoint")["nps"].mean() - before.groupby("touchpoint")["nps"].mean()
    assert (naive > 0).all()
    rows = trace(before, after).change().set_index("quantity")
    assert rows.loc["change", "conf_high"] < 0
    assert rows.loc["within", "conf_low"] > 0
    assert rows.loc["mix", "conf_high"] < 0


def test_new_and_vanished_touchpoints_are_said():
    before, after = wave(1), wave(2)
    before = before[before["touchpoint"] != "chat"]
    after = after[after["touchpoint"] != "web"]
    found = trace(before, after)
    status = found.touchpoints.set_index("touchpoint")["status"].to_dict()
    assert status == {"call": "both", "chat": "new", "shop": "both", "web": "vanished"}
    np.testing.assert_array_equal(found.draws.sel(touchpoint=["chat", "web"], part="within"), 0)
    assert float(found.estimate.sum()) == pytest.approx(nps(after["nps"]) - nps(before["nps"]))


def test_a_blank_touchpoint_is_refused_by_name_or_reported():
    after = wave(2)
    after.loc[after["touchpoint"] == "chat", "nps"] = np.nan
    with pytest.raises(NoRespondentsError, match=r"touchpoint 'chat' has rows but no 'nps' after"):
        trace(after=after)
    found = trace(after=after, blank="report")
    assert found.details["no_answers"] == {"chat": "after"}
    assert "No answers at 'chat' after" in found.explain()
    assert set(found.touchpoints.query("status == 'vanished'")["touchpoint"]) == {"chat"}


def test_rows_without_score_are_dropped_only_when_asked():
    after = wave(2)
    after.loc[[3, 7], "nps"] = np.nan
    with pytest.raises(MissingValueError, match=r"'nps' of the wave after .* positions 3, 7"):
        trace(after=after)
    found = trace(after=after, missing="drop")
    assert found.n == 798
    assert "2 of 800 rows" in found.explain()


def test_other_respondents_are_flagged_and_can_be_held():
    rng = np.random.default_rng(0)

    def answers(share_old, n=2000):
        old = rng.random(n) < share_old
        score = np.clip(np.round(np.where(old, 9.0, 6.5) + rng.normal(0, 1.5, n)), 0, 10)
        touchpoint = rng.choice(["web", "shop"], n)
        segment = np.where(old, "old", "new")
        return pd.DataFrame({"touchpoint": touchpoint, "nps": score, "segment": segment})

    before, after = answers(0.3), answers(0.6)
    with pytest.warns(AssumptionWarning, match="who answered changed between the waves: 30.8%"):
        naive = trace(before, after, respondents=["segment"])
    assert naive.change().set_index("quantity").loc["change", "conf_low"] > 15
    held = trace(before, after, respondents=["segment"], reweight=True)
    row = held.change().set_index("quantity").loc["change"]
    assert row["conf_low"] < 0 < row["conf_high"]
    target = (before["segment"] == "old").mean() / 2 + (after["segment"] == "old").mean() / 2
    by_hand = [
        target * nps(f.query("segment == 'old'")["nps"])
        + (1 - target) * nps(f.query("segment == 'new'")["nps"])
        for f in (before, after)
    ]
    assert row["estimate"] == pytest.approx(by_hand[1] - by_hand[0])
    assert held.assumptions[0].tested
    with pytest.raises(OverlapError, match="'old' of 'segment' answered in one wave only"):
        trace(before, after.query("segment == 'new'"), respondents=["segment"], reweight=True)


def test_the_same_respondents_raise_no_flag():
    found = trace(respondents=["segment"])
    assert found.diagnostics["respondents_p_value"] > 0.01
    assert "tested" in found.explain()


def test_customers_in_both_waves_make_the_change_surer():
    rng = np.random.default_rng(3)
    level = rng.normal(0, 3, 300)

    def of(shift):
        score = np.clip(np.round(6 + level + shift + rng.normal(0, 0.3, 300)), 0, 10)
        return pd.DataFrame({"touchpoint": ["a", "b"] * 150, "nps": score, "id": np.arange(300)})

    before, after = of(0), of(0.2)
    paired, apart = (trace(before, after, cluster=c, scale=None) for c in ("id", None))
    errors = [t.change().set_index("quantity").loc["change", "std_error"] for t in (paired, apart)]
    assert errors[0] < 0.3 * errors[1]


def test_it_describes_and_repeats_itself():
    found, again = trace(cluster="id"), trace(cluster="id")
    assert not is_causal(found)
    np.testing.assert_array_equal(found.draws, again.draws)
    assert found.provenance == again.provenance
    assert trace(rng=2).draws.values[0, 0, 0] != found.draws.values[0, 0, 0]
    assert "<table" in found._repr_html_()
    assert found.tidy()["term"].iloc[0] == "touchpoint[call], part[mix]"
    for by in ("part", "touchpoint"):
        assert found.plot(by=by).get_xlabel() == "Score (NPS points)"


def test_inputs_are_left_alone():
    before, after = wave(1), wave(2)
    copies = before.copy(), after.copy()
    trace(before, after, cluster="id", weight="w")
    for frame, copy in zip((before, after), copies, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


@pytest.mark.parametrize(
    ("after", "options", "error", "match"),
    [
        (None, {"by": ["touchpont"]}, MissingColumnError, "touchpont.*touchpoint"),
        (None, {"by": []}, ConfigError, "by names no column"),
        (None, {"by": "touchpoint"}, DtypeError, "list of columns"),
        (wave(2).assign(nps=99.0), {}, ScaleError, "looks like a missing code"),
        (wave(2).assign(nps="9"), {}, DtypeError, "nps"),
        (wave(2).assign(nps=np.nan), {"blank": "report"}, NoRespondentsError, "wave after"),
        (wave(2).assign(touchpoint=None), {}, MissingValueError, "touchpoint"),
        (wave(2).assign(w=-1.0), {"weight": "w"}, WeightError, "negative"),
        (wave(2).assign(id="x"), {"cluster": "id"}, IdTypeError, "integer before and string"),
        (None, {"drawz": 3}, ConfigError, "option 'drawz' .* mean 'draws'"),
        (None, {"reweight": True}, ConfigError, "respondents="),
        (None, {"blank": "skip"}, ConfigError, "blank is 'skip'"),
    ],
)
def test_bad_waves_are_refused(after, options, error, match):
    with pytest.raises(error, match=match):
        trace(after=after, **options)


def test_one_touchpoint_or_one_cluster_is_refused():
    one = [wave(s).assign(touchpoint="web", id=1) for s in (1, 2)]
    with pytest.raises(InsufficientDataError, match="one level with answers \\('web'\\)"):
        trace(*one)
    with pytest.raises(ClusterError, match="one cluster"):
        trace(*[wave(s).assign(id=1) for s in (1, 2)], cluster="id")
    with pytest.warns(SmallSampleWarning, match="only 5 clusters"):
        trace(*[f.assign(id=f["id"] % 5) for f in (wave(1), wave(2))], cluster="id")


def test_the_fall_of_the_airport_score_is_traced_to_boarding_areas(real_data):
    survey = load_sfo_survey(download=False)
    survey = survey[survey["area"].notna() & survey["nps"].notna()]
    before, after = (survey[survey["year"] == year] for year in (2017, 2018))
    found = trace(before, after, by=["area", "strata"])
    independent = nps(after["nps"].to_numpy(float)) - nps(before["nps"].to_numpy(float))
    assert float(found.estimate.sum()) == pytest.approx(independent, abs=1e-10)
    areas = found.at("area")
    assert list(areas.touchpoints["area"]) == list("ABCDEFG")
    assert areas.touchpoints["n_before"].sum() == len(before)
    rows = areas.change().set_index("quantity")
    assert rows.loc["change", "conf_high"] < 0
    assert abs(rows.loc["mix", "estimate"]) < abs(rows.loc["within", "estimate"])


def test_any_engine_gives_the_same_numbers():
    before, after = wave(1), wave(2)
    engines = [pl.from_pandas(f) for f in (before, after)]
    np.testing.assert_array_equal(trace(*engines).draws, trace(before, after).draws)


ODD = st.one_of(st.none(), st.floats(), st.integers(-20, 20), st.text(max_size=3), st.booleans())


@settings(max_examples=25)
@given(scores=st.lists(ODD, max_size=6), touchpoints=st.lists(ODD, min_size=6, max_size=6))
def test_no_other_error_escapes(scores, touchpoints):
    frame = pd.DataFrame({"nps": scores, "touchpoint": touchpoints[: len(scores)]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = trace(frame, frame, blank="report", missing="drop", draws=5)
        except CxImpactError:
            return
    assert float(found.estimate.sum()) == pytest.approx(0, abs=1e-9)
