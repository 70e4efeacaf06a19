import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ClusterError, DesignError, SmallSampleWarning
from cximpact.data import SurveyWave
from cximpact.scores import NPS, net_interval, summarize, weighted_score
from tests.support import golden
from tests.unit.scores.conftest import repeat

NUMBERS = golden.load("scores")["numbers"]


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    n = 900
    store = rng.integers(0, 30, n)
    answers = np.clip(np.round(7 + rng.normal(0, 1, 30)[store] + rng.normal(0, 2, n)), 0, 10)
    columns = {"score": answers, "store": store, "region": store % 3, "w": rng.uniform(1, 4, n)}
    return pd.DataFrame(columns | {"seg": rng.choice(list("ab"), n)})


def wave_of(frame, **options) -> SurveyWave:
    return SurveyWave(frame, answer="score", scale=NPS, **options)


def coded(frame) -> np.ndarray:
    return NPS.score_weights[frame["score"].to_numpy().astype(int)]


def test_the_stratified_textbook_example():
    gaps = np.full(540, np.nan), np.full(260, np.nan)
    first, second = repeat((3, 6), (7, 24), (10, 30)), repeat((3, 24), (7, 46), (10, 70))
    frame = pd.DataFrame({"score": np.r_[first, gaps[0], second, gaps[1]]})
    frame["h"] = np.repeat(["A", "B"], [600, 400])
    row = summarize(wave_of(frame, stratum="h"), target="finite", design="srs").iloc[0]
    assert golden.close(row["estimate"], NUMBERS["stratified"])
    assert golden.close(row["std_error"], NUMBERS["stratified_se"])
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    plain = summarize(wave_of(frame)).iloc[0]
    assert plain["estimate"] == 35


@pytest.mark.parametrize(
    "design",
    [
        {"weight": "w"},
        {"cluster": "store"},
        {"weight": "w", "cluster": "store"},
        {"weight": "w", "cluster": "store", "stratum": "region"},
        {"weight": "w", "stratum": "region"},
    ],
)
def test_designs_agree_with_the_rows(frame, design):
    row = summarize(wave_of(frame, **design)).iloc[0]
    names = {"weight": "weights", "cluster": "clusters", "stratum": "strata"}
    rows = weighted_score(coded(frame), **{names[k]: frame[v] for k, v in design.items()})
    assert row["estimate"] == pytest.approx(rows.estimate)
    assert row["std_error"] == pytest.approx(rows.std_error)


def test_a_group_is_a_domain_of_the_whole_design(frame):
    table = summarize(wave_of(frame, weight="w", cluster="store"), "seg").set_index("seg")
    inside = (frame["seg"] == "a").to_numpy()
    w = frame["w"].to_numpy() * inside
    estimate = w @ coded(frame) / w.sum()
    totals = np.bincount(frame["store"], weights=w * (coded(frame) - estimate)) / w.sum()
    assert table.loc["a", "estimate"] == pytest.approx(estimate)
    assert table.loc["a", "std_error"] == pytest.approx(np.sqrt(30 / 29 * totals @ totals))


def test_the_effective_n_never_exceeds_the_answers_and_drives_the_interval(frame):
    row = summarize(wave_of(frame, cluster="store"), prob=0.9).iloc[0]
    simple = summarize(wave_of(frame)).iloc[0]
    assert row["n_eff"] == pytest.approx(900 * (simple["std_error"] / row["std_error"]) ** 2)
    assert row["n_eff"] < 600 < simple["n_eff"] == 900
    assert row["conf_high"] - row["conf_low"] > simple["conf_high"] - simple["conf_low"]


def test_few_degrees_of_freedom_widen_the_interval(frame):
    few = frame.assign(block=frame["store"] % 5)
    with pytest.warns(SmallSampleWarning, match="only 5 clusters"):
        row = summarize(wave_of(few, cluster="block")).iloc[0]
    p, d = (frame["score"] >= 9).mean(), (frame["score"] <= 6).mean()
    n = row["n_eff"]
    naive = net_interval(p * n, d * n, n)
    assert row["conf_high"] - row["conf_low"] > 1.2 * (naive.high - naive.low)


def test_agreeing_answers_fall_back_to_the_weights():
    w = np.r_[np.full(60, 10.0), np.full(140, 400 / 140)]
    wave = wave_of(pd.DataFrame({"score": 10.0, "w": w}), weight="w")
    row = summarize(wave).iloc[0]
    assert row["n_eff"] == pytest.approx(140)
    assert row["conf_low"] == pytest.approx(net_interval(140, 0, 140).low)


def test_a_group_in_one_cluster_has_no_interval(frame):
    frame["part"] = np.where(frame["store"] == 7, "lonely", "rest")
    with pytest.warns(SmallSampleWarning, match="one cluster in 1 of 2 groups"):
        table = summarize(wave_of(frame, cluster="store"), "part").set_index("part")
    assert table.loc["lonely", "note"] == "one cluster"
    assert table.loc["lonely", ["std_error", "conf_low", "conf_high"]].isna().all()
    assert np.isfinite(table.loc["lonely", "estimate"])


def test_a_group_whose_weights_are_all_zero_is_noted(frame):
    frame["w"] = np.where(frame["seg"] == "a", 0.0, 1.0)
    with pytest.warns(SmallSampleWarning, match="all weights are 0 in 1 of 2 groups"):
        table = summarize(wave_of(frame, weight="w"), "seg")
    assert np.isnan(table["estimate"].iloc[0])


@pytest.mark.parametrize(
    ("change", "design", "message"),
    [
        ({"store": 1}, {"cluster": "store"}, "fewer than 2 clusters"),
        ({}, {"cluster": "region", "stratum": "region"}, "fewer than 2 clusters with answers in"),
        ({}, {"cluster": "store", "stratum": "seg"}, "more than one stratum"),
        ({"region": np.r_[9, np.zeros(899)]}, {"stratum": "region"}, "fewer than 2 answers in '9"),
    ],
)
def test_designs_without_replicates_are_refused(frame, change, design, message):
    with pytest.raises(ClusterError, match=message):
        summarize(wave_of(frame.assign(**change), **design))


@pytest.mark.parametrize(
    ("design", "message"),
    [({"cluster": "store"}, "for clusters is not offered"), ({"weight": "w"}, "has weights")],
)
def test_designs_that_are_no_random_sample_are_refused(frame, design, message):
    with pytest.raises(DesignError, match=message):
        summarize(wave_of(frame, **design), target="finite", design="srs")


def test_clusters_that_differ_less_than_chance_do_not_inflate_the_effective_n():
    scores = np.r_[np.tile([3.0, 10.0], 36), np.repeat([3.0, 10.0], 4)]
    frame = pd.DataFrame({"score": scores, "pair": np.repeat(np.arange(40), 2)})
    row = summarize(wave_of(frame, cluster="pair")).iloc[0]
    assert 0 < row["std_error"] < 0.5 * summarize(wave_of(frame)).iloc[0]["std_error"]
    assert row["n_eff"] == 80
