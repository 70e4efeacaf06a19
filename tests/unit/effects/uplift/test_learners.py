"""Learners of single effects, and what can be asked of their result."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import cximpact as cx
from cximpact.core import draws as dr
from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    AlignmentError,
    ConfigError,
    DesignError,
    DtypeError,
    MissingColumnError,
)

u = cx.effects.uplift
LEARNERS = {
    "s": u.SLearner,
    "t": u.TLearner,
    "x": u.XLearner,
    "r": u.RLearner,
    "dr": u.DRLearner,
}
LINEAR = {"outcome_model": LinearRegression(), "final_model": LinearRegression()}
FOREST = u.HonestForest(trees=100, groups=25)


def linear_world(n: int = 1500, seed: int = 3) -> pd.DataFrame:
    """Effects of 1 + x1, half treated."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, 2))
    t = rng.integers(0, 2, n)
    y = x[:, 1] + t * (1 + x[:, 0]) + rng.normal(0, 0.3, n)
    return pd.DataFrame(
        {"who": np.arange(n) + 1000 * seed, "y": y, "t": t, "x1": x[:, 0], "x2": x[:, 1]}
    )


def section(table: pd.DataFrame, **roles) -> cx.CrossSection:
    given = {"outcome": "y", "treatment": "t", "features": ["x1", "x2"], "propensity": 0.5}
    return cx.CrossSection(table, **(given | {"unit": "who"} | roles))


@pytest.fixture(scope="module")
def train() -> cx.CrossSection:
    return section(linear_world())


@pytest.fixture(scope="module")
def test() -> cx.CrossSection:
    return section(linear_world(1200, seed=9))


@pytest.fixture(scope="module")
def fitted(train):
    return u.RLearner(outcome_model="linear", final_model=FOREST).fit(train, rng=1)


@pytest.mark.parametrize("name", ["t", "x", "r", "dr"])
def test_linear_learners_find_a_linear_effect(name: str, train, test):
    found = LEARNERS[name](**LINEAR).fit(train, rng=1).predict(test)["estimate"]
    truth = 1 + test.table()["x1"]
    assert np.abs(found - truth).max() < 0.12


def test_one_model_with_the_arm_as_a_feature_finds_the_average(train, test):
    found = u.SLearner(**LINEAR).fit(train, rng=1).predict(test)["estimate"]
    assert np.ptp(found) < 1e-9
    assert found.iloc[0] == pytest.approx(1.0, abs=0.1)


def test_learners_with_forests_find_the_effect(fitted, test):
    truth = 1 + test.table()["x1"].to_numpy()
    table = fitted.predict(test)
    assert np.corrcoef(table["estimate"], truth)[0, 1] > 0.97
    inside = (table["conf_low"] <= truth) & (truth <= table["conf_high"])
    assert inside.mean() > 0.7


@pytest.mark.parametrize("name", LEARNERS)
def test_the_average_is_an_effect_like_any_other(name: str, train):
    found = LEARNERS[name](**LINEAR).fit(train, rng=1)
    assert found.draws.dims == ("sample",)
    assert abs(float(found.estimate) - 1) < 4 * float(found.std_error)
    assert is_causal(found)
    assert found.provenance.method == LEARNERS[name].__name__
    assert list(found.tidy()["term"]) == ["ate"]


@pytest.mark.parametrize("name", LEARNERS)
def test_a_seed_gives_one_answer(name: str, train, test):
    make = LEARNERS[name](outcome_model="linear", final_model=FOREST)
    a, b = (make.fit(train, rng=5) for _ in range(2))
    np.testing.assert_array_equal(a.draws.values, b.draws.values)
    pd.testing.assert_frame_equal(a.predict(test), b.predict(test))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_shift_of_the_outcome_leaves_effects_alone(name: str, train, test):
    moved = section(train.table().assign(y=lambda d: d["y"] + 7))
    a, b = (LEARNERS[name](**LINEAR).fit(d, rng=1).predict(test) for d in (train, moved))
    np.testing.assert_allclose(a["estimate"], b["estimate"], atol=1e-8)


@pytest.mark.parametrize("name", ["s", "t", "x", "r", "dr"])
def test_swapping_the_arms_turns_effects_around(name: str, train, test):
    swapped = section(train.table(), control=1, arms=[0])
    learner = LEARNERS[name](crossfit=u.CrossFit(folds=2), **LINEAR)
    a = learner.fit(train, rng=1).predict(test)["estimate"]
    b = learner.fit(swapped, rng=1).predict(test)["estimate"]
    np.testing.assert_allclose(a, -b, atol=0.06)


@pytest.mark.parametrize("name", ["t", "x", "r"])
def test_fits_on_halves_give_errors(name: str, train, test):
    found = LEARNERS[name](bags=40, **LINEAR).fit(train, rng=1)
    table = found.predict(test)
    truth = 1 + test.table()["x1"].to_numpy()
    inside = (table["conf_low"] <= truth) & (truth <= table["conf_high"])
    assert 0.6 < inside.mean() <= 1
    assert table["std_error"].mean() == pytest.approx(0.6 / np.sqrt(1500) * 1.5, rel=0.4)
    drawn = found.predict_draws(test)
    assert drawn.dims == ("sample", "customer") and drawn.sizes["sample"] == 40


def test_without_halves_there_are_no_errors(train, test):
    found = u.TLearner(**LINEAR).fit(train, rng=1)
    assert list(found.predict(test).columns) == ["row", "estimate"]
    with pytest.raises(ConfigError, match="bags=50"):
        found.predict_draws(test)


def test_predictions_need_no_outcome(fitted, test):
    bare = test.table()[["x2", "x1"]]
    pd.testing.assert_frame_equal(fitted.predict(bare), fitted.predict(test))
    with pytest.raises(MissingColumnError, match="'x1'"):
        fitted.predict(bare[["x2"]])


def test_held_out_customers_are_ranked(fitted, test):
    found = fitted.evaluate(test, rng=1, replicates=50)
    row = found.tidy().set_index("metric").loc["autoc"]
    assert row["conf_low"] > 0
    # tau ~ U(0, 2): the perfect ranking has AUTOC .5
    assert row["conf_low"] < 0.5 < row["conf_high"] + 0.05


def test_training_customers_are_refused_and_let_through_by_force(fitted, train):
    with pytest.raises(DesignError, match=r"1,500 of 1,500 customers.*data.split"):
        fitted.evaluate(train)
    with pytest.raises(DesignError, match="among those the model was fitted on"):
        fitted.policy(train, value=1.0, cost=0.1, currency="EUR")
    assert "by force" in fitted.evaluate(train, force=True, replicates=20, rng=1).name


def test_training_rows_are_noticed_without_identifiers(train):
    bare = section(train.table(), unit=None)
    found = u.TLearner(**LINEAR).fit(bare, rng=1)
    some = section(train.table().sample(frac=0.5, random_state=1), unit=None)
    with pytest.raises(DesignError, match="750 of 750 rows equal rows"):
        found.evaluate(some)


def test_without_held_out_customers_the_evaluation_is_cross_fitted(train):
    found = u.TLearner(**LINEAR).fit(train, rng=1)
    judged = found.evaluate(folds=3, replicates=20, rng=1)
    assert "cross-fitted: each of 3 parts" in judged.name
    assert judged.tidy().set_index("metric").loc["autoc", "estimate"] == pytest.approx(0.5, abs=0.1)


def test_a_list_is_chosen_and_valued_on_held_out_customers(fitted, test):
    found = fitted.policy(test, value=10.0, cost=8.0, currency="EUR", rng=1)
    wanted = 10 * (1 + test.table()["x1"]) > 8
    assert ((found.treat > 0) == wanted).mean() > 0.9
    truth = np.where(found.treat > 0, 10 * (1 + test.table()["x1"]) - 8, 0).mean()
    row = found.tidy().set_index("policy").loc["policy"]
    assert row["conf_low"] < truth < row["conf_high"]
    listed = found.treatment_list()
    assert set(listed["who"]) <= set(test.table()["who"])


def test_a_list_for_customers_without_outcomes_has_no_value(fitted, test):
    future = test.table()[["who", "x1", "x2"]]
    found = fitted.policy(future, value=10.0, cost=8.0, currency="EUR", capacity=100)
    assert found.contacts == 100
    with pytest.raises(DesignError):
        _ = found.value


def test_columns_may_be_named(fitted, test):
    named = test.table().assign(region=lambda d: np.where(d["x2"] > 0, "n", "s"), ok=True)
    found = fitted.policy(
        section(named),
        value=10.0,
        cost=8.0,
        currency="EUR",
        risk="x2",
        groups="region",
        eligible={"agreed": "ok"},
        max_share={"n": 0.1, "s": 1.0},
        rng=1,
    )
    north = (named["region"] == "n").to_numpy()
    assert (found.treat[north] > 0).mean() < 0.11
    with pytest.raises(MissingColumnError, match="'regoin'"):
        fitted.policy(section(named), value=1.0, cost=0.1, currency="EUR", groups="regoin")


def test_the_list_becomes_an_initiative(fitted, test):
    found = fitted.policy(test, value=10.0, cost=8.0, currency="EUR", rng=1)
    initiative = cx.roi.Initiative(
        name="calls",
        n=found.contacts,
        effect=found.effect,
        mechanism="one_time",
        currency="EUR",
        costs={"per_treated": 8.0},
    )
    result = cx.roi.simulate([initiative], horizon=1, discount_rate=0.0, rng=1)
    expected = found.tidy().set_index("policy").loc["policy", "estimate"] * test.n_rows
    assert float(result.npv().mean()) == pytest.approx(expected, rel=0.02)


@pytest.fixture(scope="module")
def three_arms() -> cx.CrossSection:
    rng = np.random.default_rng(2)
    n = 2400
    table = pd.DataFrame({"x1": rng.uniform(-1, 1, n), "x2": rng.normal(size=n)})
    arm = rng.integers(0, 3, n)
    effect = np.select([arm == 1, arm == 2], [1 + table["x1"], 1 - table["x1"]], 0.0)
    table["y"] = table["x2"] + effect + rng.normal(0, 0.3, n)
    table["t"] = np.array(["none", "mail", "call"])[arm]
    shares = {"mail": 1 / 3, "call": 1 / 3}
    return section(table, control="none", unit=None, arms=["mail", "call"], propensity=shares)


def test_every_arm_has_its_effect(three_arms):
    train, test = three_arms.split(0.5, rng=1)
    found = u.RLearner(**LINEAR).fit(train, rng=1)
    assert list(found.draws["arm"].values) == ["mail", "call"]
    table = found.predict(test).pivot(index="row", columns="arm", values="estimate")
    x = test.table()["x1"].to_numpy()
    np.testing.assert_allclose(table["mail"], 1 + x, atol=0.25)
    np.testing.assert_allclose(table["call"], 1 - x, atol=0.25)


def test_arms_are_judged_one_by_one_and_chosen_among(three_arms):
    train, test = three_arms.split(0.5, rng=1)
    found = u.TLearner(**LINEAR).fit(train, rng=1)
    with pytest.raises(ConfigError, match="say which one"):
        found.evaluate(test)
    with pytest.raises(ConfigError, match="Did you mean 'mail'"):
        found.evaluate(test, arm="mial")
    # gains are 1 +- x with x ~ U(-1, 1): AUTOC .5 for either arm
    judged = found.evaluate(test, arm="call", replicates=30, rng=1)
    assert judged.tidy().set_index("metric").loc["autoc", "estimate"] == pytest.approx(
        0.5, abs=0.12
    )
    score, held_out = found.held_out(test, arm="call")
    assert len(score) == held_out.n < test.n_rows
    np.testing.assert_allclose(held_out.propensity, 0.5)  # within the pair of arms
    assert float(np.mean(held_out.pseudo_outcome)) == pytest.approx(1.0, abs=0.12)
    chosen = found.policy(test, value=1.0, cost=0.01, currency="EUR", rng=1)
    better = np.where(test.table()["x1"] > 0, 1, 2)
    assert (chosen.treat == better).mean() > 0.9


def test_other_arms_or_no_cross_section_are_refused(fitted, three_arms):
    with pytest.raises(ConfigError, match="expected the same"):
        fitted.evaluate(three_arms)
    with pytest.raises(DtypeError, match="expected a CrossSection"):
        fitted.evaluate(pd.DataFrame({"x1": [1.0]}))


def test_clusters_stay_whole_and_widen_the_error():
    table = linear_world().assign(store=lambda d: np.arange(len(d)) // 30)
    rng = np.random.default_rng(1)
    table["t"] = rng.permutation(table["store"].max() + 1)[table["store"]] % 2
    table["y"] += rng.normal(0, 1, 50)[table["store"]]
    plain = u.TLearner(**LINEAR).fit(section(table), rng=1)
    stores = u.TLearner(**LINEAR).fit(section(table, cluster="store"), rng=1)
    assert float(stores.std_error) > 2 * float(plain.std_error)
    assert stores.diagnostics["clusters"] == 50


def test_no_customers_stand_in_the_repr(fitted):
    assert "1000" not in repr(fitted.model) and len(repr(fitted.model)) < 1500


def test_the_data_are_left_alone(train):
    before = train.table().copy(deep=True)
    u.DRLearner(outcome_model="linear", final_model=FOREST).fit(train, rng=1)
    pd.testing.assert_frame_equal(train.table(), before)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize(
    "settings",
    [{"outcome_model": "tree"}, {"final_model": 3}, {"bags": -1}, {"draws": 1}, {"scale": "%"}],
)
def test_settings_are_checked(name: str, settings):
    with pytest.raises(ConfigError):
        LEARNERS[name](**settings)


def test_two_results_of_one_experiment_are_not_taken_for_independent(fitted, train):
    table = train.table().assign(half=lambda d: np.where(d["x2"] > 0, "up", "down"))
    table["y"] = (table["y"] > 0.5).astype(float)
    data = section(table)
    whole = u.AverageEffect(outcome_model="mean").fit(data, rng=1)
    again = u.TLearner(outcome_model="linear").fit(data, rng=2)
    with pytest.raises(AlignmentError):
        dr.pair(whole.draws, again.draws, rng=1)


def test_parameters_that_learners_share_are_documented():
    for learner in LEARNERS.values():
        assert "bags : int, default 0" in learner.__doc__
    assert "would_change_it : str" in u.UpliftPosterior.__doc__


def test_the_page_of_a_list_names_no_customer(fitted, test):
    future = test.table()[["who", "x1", "x2"]]
    found = fitted.policy(future, value=10.0, cost=8.0, currency="EUR", capacity=100)
    html = found._repr_html_()
    assert not any(f">{who}<" in html for who in future["who"])
    assert "contacts" in html
