"""What an evaluation says: numbers, errors, tests and words."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from cximpact.core import errors
from cximpact.core.draws import check_joint
from cximpact.effects.uplift import curve_metrics
from cximpact.effects.uplift.calibration_gates import gates
from cximpact.effects.uplift.curve_bootstrap import bootstrap
from cximpact.effects.uplift.curve_toc import WEIGHTINGS, autoc, effect_at_k, rate
from cximpact.effects.uplift.evaluation import evaluate_scores
from cximpact.effects.uplift.evaluation_data import HeldOut
from cximpact.effects.uplift.evaluation_result import p_values
from cximpact.effects.uplift.evaluation_words import p_phrase
from tests.support.uplift_curves import randomized

WORLD = randomized(np.random.default_rng(1), 2000)
DATA = HeldOut(outcome=WORLD["outcome"], treatment=WORLD["treatment"])
FOUND = evaluate_scores(WORLD["tau"], DATA, replicates=100, rng=1, name="the forest")
OTHER = evaluate_scores(WORLD["other"], DATA, replicates=100, rng=1, name="risk")


def test_metrics_are_those_of_the_functions():
    table = FOUND.tidy().set_index("metric")["estimate"]
    y, t, s = DATA.outcome, DATA.treatment, WORLD["tau"]
    assert table["qini"] == pytest.approx(curve_metrics.qini_coefficient(y, t, s))
    assert table["auuc"] == pytest.approx(curve_metrics.auuc(y, t, s))
    assert table["autoc"] == pytest.approx(autoc(y, t, s))
    assert table["qini_rate"] == pytest.approx(rate(y, t, s, weighting="qini"))
    assert table["uplift_at_0.2"] == pytest.approx(curve_metrics.uplift_at_k(y, t, s, 0.2))
    assert table["effect_at_0.2"] == pytest.approx(effect_at_k(DATA.pseudo_outcome, s, 0.2))


def test_the_table_is_tidy():
    table = FOUND.tidy(0.8)
    names = "metric term estimate std_error conf_low conf_high conf_level n random".split()
    assert list(table.columns) == [*names, "p_value", "p_value_greater"]
    error = FOUND.draws.std("sample", ddof=1).values
    half = stats.norm.ppf(0.9) * error
    assert table["std_error"].to_numpy() == pytest.approx(error)
    assert table["conf_high"].to_numpy() == pytest.approx(table["estimate"].to_numpy() + half)
    assert table["conf_low"].to_numpy() == pytest.approx(table["estimate"].to_numpy() - half)
    assert set(table["n"]) == {2000}


def test_percentile_intervals_are_quantiles_of_the_replicates():
    table = FOUND.tidy(0.8, kind="percentile")
    low = FOUND.draws.quantile(0.1, "sample").values
    assert table["conf_low"].to_numpy() == pytest.approx(low)
    with pytest.raises(errors.ConfigError, match="kind"):
        FOUND.tidy(kind="hdi")


def test_the_test_is_against_a_random_ranking():
    table = FOUND.tidy().set_index("metric")
    gap = FOUND.draws - FOUND.random_draws
    effect = DATA.pseudo_outcome.mean()
    assert table.loc["effect_at_0.1", "random"] == pytest.approx(effect)
    assert table.loc["uplift_at_0.1", "random"] == pytest.approx(effect)
    assert (table["random"].iloc[:4] == 0).all()
    row = table.loc["effect_at_0.3"]
    t = (row["estimate"] - effect) / float(gap.sel(metric="effect_at_0.3").std(ddof=1))
    assert row["p_value"] == pytest.approx(2 * stats.norm.sf(abs(t)))
    assert row["p_value_greater"] == pytest.approx(stats.norm.sf(t))


def test_the_error_agrees_with_half_samples():
    rng, values = np.random.default_rng(3), []
    for _ in range(150):
        half = rng.permutation(2000)[:1000]
        gamma, score = DATA.pseudo_outcome[half], WORLD["tau"][half]
        both = [rate(None, None, score, weighting=w, pseudo_outcome=gamma) for w in WEIGHTINGS]
        values.append(both)
    error = FOUND.draws.std("sample", ddof=1).sel(metric=["autoc", "qini_rate"]).values
    assert error == pytest.approx(np.std(values, axis=0, ddof=1), rel=0.2)


def test_draws_of_two_scores_on_one_sample_are_joint():
    check_joint(FOUND.draws, OTHER.draws)
    difference = FOUND.draws - OTHER.draws
    assert difference.sizes == FOUND.draws.sizes


def test_clusters_are_drawn_together():
    cluster = np.repeat(np.arange(20), 100)
    data = HeldOut(outcome=DATA.outcome, treatment=DATA.treatment, cluster=cluster)
    found = evaluate_scores(WORLD["tau"], data, replicates=50, rng=1)
    assert found.df == 19
    table = found.tidy(0.9)
    half = stats.t.ppf(0.95, 19) * table["std_error"]
    assert (table["conf_high"] - table["estimate"]).to_numpy() == pytest.approx(half)
    assert "20 clusters" in found.explain()


def test_clusters_without_weight_do_not_count():
    cluster, weights = np.repeat(np.arange(20), 100), np.repeat([1.0, 0.0], [1500, 500])
    data = HeldOut(outcome=DATA.outcome, treatment=DATA.treatment, weights=weights, cluster=cluster)
    assert data.n_clusters == 15


def test_few_clusters_are_a_warning():
    with pytest.warns(errors.SmallSampleWarning, match="4 clusters"):
        HeldOut(outcome=DATA.outcome, treatment=DATA.treatment, cluster=np.arange(2000) % 4)
    ten = HeldOut(outcome=DATA.outcome, treatment=DATA.treatment, cluster=np.arange(2000) % 10)
    assert ten.n_clusters == 10


@pytest.mark.parametrize("kind", ["toc", "uplift", "qini"])
def test_curves_have_bands(kind):
    table = FOUND.curve(kind, 0.8)
    columns = "fraction estimate std_error conf_low conf_high conf_level random".split()
    assert list(table.columns) == columns
    error = FOUND.curve_draws.sel(kind=kind).std("sample", ddof=1).values
    assert table["std_error"].to_numpy()[-100:] == pytest.approx(error)
    width = (table["conf_high"] - table["conf_low"]).to_numpy()
    assert width == pytest.approx(2 * stats.norm.ppf(0.9) * table["std_error"].to_numpy())
    last = table.iloc[-1]
    assert last["random"] == pytest.approx(last["estimate"], abs=1e-12)
    first = table.iloc[0]
    assert first["fraction"] == (0.01 if kind == "toc" else 0)
    if kind == "toc":
        assert last[["estimate", "std_error"]].tolist() == pytest.approx([0, 0], abs=1e-12)
    else:
        half = table.set_index("fraction").loc[0.5, "random"]
        assert half == pytest.approx(last["estimate"] / 2)


def test_deciles_are_groups_of_the_score():
    expected = gates(WORLD["tau"], DATA.pseudo_outcome, 10).tidy(0.8)
    pd.testing.assert_frame_equal(FOUND.deciles(prob=0.8), expected)
    assert len(FOUND.deciles(4)) == 4


def test_deciles_know_weights_and_clusters():
    given = {"weights": np.arange(2000) % 3 + 0.5, "cluster": np.arange(2000) % 30}
    data = HeldOut(outcome=DATA.outcome, treatment=DATA.treatment, **given)
    found = evaluate_scores(WORLD["tau"], data, replicates=20, rng=1)
    expected = gates(WORLD["tau"], data.pseudo_outcome, 10, **given).tidy()
    pd.testing.assert_frame_equal(found.deciles(), expected)


def test_draws_are_the_replicates_without_the_data():
    found = bootstrap(
        WORLD["tau"],
        DATA,
        ks=(0.1, 0.2, 0.3),
        normalization="perfect",
        replicates=100,
        seed=1,
    )
    assert (FOUND.draws.values == found.metrics[1:]).all()
    assert (FOUND.estimate.values == found.metrics[0]).all()
    assert (FOUND.curve_draws.values == found.curves[1:]).all()
    assert (FOUND.random_draws.values == found.random[1:]).all()


@pytest.mark.parametrize(("p", "words"), [(0.0004, "p < 0.001"), (0.005, "p = 0.005")])
def test_p_values_in_words(p, words):
    assert p_phrase(p) == words


def test_it_says_that_a_ranking_works():
    text = FOUND.explain()
    assert text.startswith("Customers whom the forest ranks first gain more than the average")
    row = FOUND.tidy().set_index("metric").loc["autoc"]
    assert f"AUTOC {row['estimate']:.3g}" in text
    assert "among the first 10%" in text
    assert "100 bootstrap replicates of rows." in text
    assert "made without these customers" in text
    assert "confounded" not in text


def test_it_says_plainly_that_a_ranking_does_not():
    text = OTHER.explain()
    assert text.startswith("The ranking by risk is not told apart from a random one")
    assert re.search(r"p = 0\.\d{3}", text)
    assert "by lot" in text


def test_it_says_that_a_ranking_is_the_wrong_way_round():
    text = evaluate_scores(-WORLD["tau"], DATA, replicates=50, rng=1).explain()
    assert text.startswith("The ranking by score is worse than a random one")


def test_it_says_that_the_arms_are_confounded():
    e = np.where(WORLD["other"] > 0.5, 0.6, 0.4)
    data = HeldOut(outcome=DATA.outcome, treatment=DATA.treatment, propensity=e)
    text = evaluate_scores(WORLD["tau"], data, replicates=20, ks=(300,), rng=1).explain()
    assert "from 0.4 to 0.6" in text
    assert "among the first 300" in text


def test_other_outcomes_are_not_divided_by_a_perfect_ranking():
    data = HeldOut(outcome=10.0 + 5 * DATA.outcome, treatment=DATA.treatment)
    found = evaluate_scores(WORLD["tau"], data, replicates=20, rng=1)
    assert found.normalization == "none"
    expected = curve_metrics.auuc(data.outcome, data.treatment, WORLD["tau"], normalization="none")
    assert float(found.estimate.sel(metric="auuc")) == pytest.approx(expected)
    assert "a customer in the unit of the outcome" in found.explain()
    with pytest.raises(errors.ConfigError, match="not 0 or 1"):
        evaluate_scores(WORLD["tau"], data, normalization="perfect")


def test_one_seed_gives_one_answer():
    again = evaluate_scores(WORLD["tau"], DATA, replicates=100, rng=1)
    xr.testing.assert_identical(again.draws, FOUND.draws)
    assert again.provenance == FOUND.provenance


def test_it_shows_itself_without_data():
    assert "2,000 rows" in repr(FOUND)
    assert len(repr(FOUND)) < 200
    named = evaluate_scores(WORLD["tau"], DATA, replicates=20, rng=1, name="<b>")
    assert "&lt;b&gt;" in named._repr_html_()


def test_results_cannot_be_changed():
    for array in (FOUND.draws, FOUND.curves, FOUND.estimate):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9.0
    with pytest.raises(ValueError, match="read-only"):
        FOUND.score[0] = 9.0
    with pytest.raises(ValueError, match="read-only"):
        DATA.outcome[0] = 9.0


def test_replicates_without_an_arm_are_an_error():
    small = HeldOut(outcome=DATA.outcome[:60], treatment=DATA.treatment[:60])
    with pytest.raises(errors.InsufficientDataError, match=r"at_0.1 cannot .* of 100 replicates"):
        evaluate_scores(WORLD["tau"][:60], small, ks=(0.1,), replicates=100, rng=1)


@pytest.mark.filterwarnings("ignore::cximpact.core.errors.SmallSampleWarning")
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_replicates_without_anybody_are_an_error(weight):
    data = HeldOut(
        outcome=DATA.outcome,
        treatment=DATA.treatment,
        cluster=np.arange(2000) % 2,
        weights=np.full(2000, weight),
    )
    with pytest.raises(errors.InsufficientDataError, match="of 40 replicates"):
        evaluate_scores(WORLD["tau"], data, ks=(0.5,), replicates=40, rng=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"replicates": 5}, "replicates is 5"),
        ({"ks": (0.1, 0.1)}, "each size once"),
        ({"ks": (1.5,)}, "k is 1.5"),
        ({"normalization": "cumulative_gain"}, "normalization"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(errors.ConfigError, match=message):
        evaluate_scores(WORLD["tau"], DATA, **settings)


def test_areas_alone():
    found = evaluate_scores(WORLD["tau"], DATA, replicates=100, ks=(), rng=1)
    pd.testing.assert_frame_equal(found.tidy(), FOUND.tidy().iloc[:4])
    assert "among the first" not in found.explain()


def test_a_constant_outcome_cannot_be_judged():
    data = HeldOut(outcome=np.ones(2000), treatment=DATA.treatment)
    with pytest.raises(errors.ZeroVarianceError, match="outcome"):
        evaluate_scores(WORLD["tau"], data, replicates=20, rng=1)


def test_p_values():
    two, one = p_values(np.array([0.0, 2.0, -2.0, 0.0]), np.array([1.0, 1, 1, 0]), 5.0)
    assert two == pytest.approx([1, *[2 * stats.t.sf(2, 5)] * 2, 1])
    assert one == pytest.approx([0.5, stats.t.sf(2, 5), stats.t.cdf(2, 5), 1])
