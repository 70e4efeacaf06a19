import numpy as np
import pandas as pd
import pytest
from scipy import special

import cximpact as cx
from cximpact.core.causal import CAUSAL, is_causal
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    DataError,
    DuplicateColumnError,
    InsufficientDataError,
    MissingColumnError,
    MissingValueError,
    NotCausalError,
    TimeOrderError,
    UnseenLevelError,
    ZeroVarianceError,
)
from cximpact.effects import uplift as u
from cximpact.effects.linkage import at_risk


class Newton:
    """A plain logistic regression, quick to fit."""

    def fit(self, x, y):
        full = np.column_stack([np.ones(len(x)), x])
        self.beta = np.zeros(full.shape[1])
        for _ in range(12):
            p = special.expit(full @ self.beta)
            ridge = 1e-6 * np.eye(full.shape[1])
            step = np.linalg.solve(
                (full * (p * (1 - p))[:, None]).T @ full + ridge, full.T @ (y - p)
            )
            self.beta = self.beta + step
        return self

    def predict_proba(self, x):
        p = special.expit(np.column_stack([np.ones(len(x)), x]) @ self.beta)
        return np.column_stack([1 - p, p])

    def __repr__(self):
        return "Newton()"


def people(n=1200, seed=1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "wait": rng.gamma(2, 1, n),
            "calls": rng.poisson(1.0, n),
            "plan": rng.choice(["basic", "plus"], n),
            "value": rng.gamma(2, 50, n),
            "id": np.arange(1000, 1000 + n),
            "seen": pd.Timestamp("2025-01-01"),
        }
    )
    eta = -2.2 + 0.5 * frame["wait"] + 0.4 * frame["calls"] - 0.5 * (frame["plan"] == "plus")
    frame["p"] = special.expit(eta)
    frame["left"] = (rng.random(n) < frame["p"]).astype(int)
    frame["gone"] = pd.Series(pd.Timestamp("2025-03-01"), frame.index).where(frame["left"] == 1)
    return frame


FEATURES = ["wait", "calls", "plan"]


def risk(train=None, customers=None, *, warns=True, **changes):
    given = {"outcome": "left", "features": FEATURES, "model": Newton(), "rng": 1}
    given |= {"replicates": 20, "draws": 200}
    train = people() if train is None else train
    customers = people(80, seed=9) if customers is None else customers
    if not warns:
        return at_risk(train, customers, **(given | changes))
    with pytest.warns(AssumptionWarning, match="risk: it says who may leave"):
        return at_risk(train, customers, **(given | changes))


def test_probabilities_are_right_and_their_intervals_hold():
    found = risk()
    truth = people(80, seed=9)["p"].to_numpy()[found.customers["row"]]
    table = found.table(0.95)
    assert np.abs(table["probability"] - truth).max() < 0.1
    assert table["prob_low"].le(truth).mean() > 0.8
    assert table["prob_high"].ge(truth).mean() > 0.8
    ends = np.quantile(found.draws, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(ends[0], table["prob_low"], atol=0.03)
    np.testing.assert_allclose(ends[1], table["prob_high"], atol=0.03)
    assert found.draws.dims == ("sample", "customer")
    assert 0.8 < found.quality.slope < 1.2


def test_without_an_experiment_the_list_is_by_value_at_risk_and_the_gain_unknown():
    found = risk(value="value", capacity=10, unit="id")
    assert not found.gain_known
    table = found.table()
    assert table["value_at_risk"].is_monotonic_decreasing
    assert table["expected_gain"].isna().all()
    assert len(found.listed()) == 10
    assert table["unit"].tolist() == (1000 + table["row"]).tolist()
    assert "What a contact gains is unknown" in found.explain()
    assert "unknown" in found._repr_html_()
    assert not is_causal(found)
    by_risk = risk(capacity=10).table()
    assert by_risk["probability"].is_monotonic_decreasing


def experiment(n=3000) -> u.UpliftPosterior:
    """Contacts keep customers who wait little, and drive away those who wait long."""
    rng = np.random.default_rng(5)
    frame = people(n, seed=5).assign(contact=rng.integers(0, 2, n))
    effect = np.where(frame["wait"] > 3, 0.25, -0.08)
    p = np.clip(frame["p"] + effect * frame["contact"], 0, 1)
    frame["left"] = (rng.random(n) < p).astype(int)
    data = cx.CrossSection(
        frame, outcome="left", treatment="contact", features=["wait"], propensity=0.5
    )
    return u.TLearner(outcome_model="linear").fit(data, rng=1)


def test_the_list_by_uplift_gains_where_the_list_by_risk_loses():
    today = people(400, seed=9)
    true_gain = -np.where(today["wait"] > 3, 0.25, -0.08) * today["value"]
    by_gain = risk(customers=today, value="value", capacity=60, uplift=experiment(), warns=False)
    by_risk = risk(customers=today, value="value", capacity=60)
    chosen = [true_gain[f.listed()["row"]].sum() for f in (by_gain, by_risk)]
    assert chosen[1] < 0 < chosen[0]
    assert by_gain.gain_known
    table = by_gain.table()
    assert table["expected_gain"].is_monotonic_decreasing
    assert (table.loc[table["on_list"], "expected_gain"] > 0).all()
    assert "customers are left alone" in by_gain.explain()


def test_an_uplift_on_staying_counts_as_it_is_and_cost_is_taken_off():
    found = experiment()
    today = people(50, seed=9)
    own = risk(customers=today, uplift=found, warns=False).customers.set_index("row")
    assert np.allclose(own["expected_gain"].sort_index(), -found.predict(today)["estimate"])
    other = people().rename(columns={"left": "churned"})
    stay = risk(other, today, outcome="churned", uplift=found, cost=0.01, value=2.0, warns=False)
    gain = stay.customers.set_index("row")["expected_gain"].sort_index()
    assert np.allclose(gain, 2 * found.predict(today)["estimate"] - 0.01)
    assert stay.customers["on_list"].sum() == (gain > 0).sum()


def test_wrong_levels_are_corrected_for_new_customers_too():
    class Extreme(Newton):
        def predict_proba(self, x):
            p = special.expit(2.5 * special.logit(super().predict_proba(x)[:, 1]) + 1)
            return np.column_stack([1 - p, p])

    found = risk(model=Extreme())
    assert found.quality.recalibrated
    assert found.before.slope == pytest.approx(0.4, abs=0.1)
    plain = risk().customers.set_index("row")["probability"].sort_index()
    corrected = found.customers.set_index("row")["probability"].sort_index()
    assert np.abs(plain - corrected).max() < 0.06
    drawn = special.logit(found.draws.values).std(axis=0, ddof=1)
    assert np.mean(drawn / found.customers["log_odds_error"]) == pytest.approx(1, abs=0.05)
    wild = risk(model=Extreme(), recalibrate="never")
    assert not wild.quality.recalibrated
    ends = found.table().set_index("row").sort_index()
    assert (ends["prob_low"] < plain).mean() > 0.8


def test_the_built_in_models_are_calibrated():
    for model in ("logit", "boosting"):
        found = risk(people(600), model=model, replicates=10, folds=3)
        assert found.quality.auc > 0.6
        assert found.quality.skill > 0


def test_it_repeats_itself_and_leaves_its_inputs_alone():
    train, today = people(), people(80, seed=9)
    copies = train.copy(), today.copy()
    first, again = risk(train, today), risk(train, today)
    np.testing.assert_array_equal(first.draws, again.draws)
    pd.testing.assert_frame_equal(first.table(), again.table())
    for frame, copy in zip((train, today), copies, strict=True):
        pd.testing.assert_frame_equal(frame, copy)
    ax = first.plot(title="Found against predicted")
    assert ax.get_xlabel() == "Predicted risk (%)"


def test_clusters_stay_in_one_fold():
    twice = pd.concat([people(300)] * 2, ignore_index=True)
    apart, whole = risk(twice), risk(twice, cluster="id")
    wide = [f.customers["log_odds_error"].mean() for f in (apart, whole)]
    assert wide[1] > 1.2 * wide[0]


def test_features_measured_after_the_outcome_are_refused():
    train = people()
    risk(train, dates=("seen", "gone"))
    late = train.assign(seen=pd.Timestamp("2025-04-01"))
    with pytest.raises(TimeOrderError, match="measured before a feature"):
        risk(late, dates=("seen", "gone"), warns=False)
    with pytest.raises(MissingValueError, match="'gone' is missing"):
        risk(train.assign(gone=pd.NaT), dates=("seen", "gone"), warns=False)


def test_predictions_too_good_to_be_true_are_pointed_out():
    train = people()
    train["leak"] = train["left"] + np.random.default_rng(0).normal(0, 0.17, len(train))
    today = people(50, seed=9).assign(leak=0.0)
    with pytest.warns(AssumptionWarning) as caught:
        at_risk(
            train, today, outcome="left", features=["leak"], model=Newton(), replicates=10, rng=1
        )
    assert any("too good to be true" in str(w.message) for w in caught)


@pytest.mark.parametrize(
    ("train", "today", "options", "error", "match"),
    [
        (None, None, {"features": ["wait", "wait"]}, DuplicateColumnError, "wait"),
        (None, None, {"features": ["wait", "left"]}, ConfigError, "among the features"),
        (None, None, {"features": ["wiat"]}, MissingColumnError, "wiat.*wait"),
        (None, people(9).drop(columns="wait"), {}, MissingColumnError, "wait"),
        (
            None,
            people(9).assign(wait=np.nan),
            {},
            MissingValueError,
            "feature 'wait' is missing in 9",
        ),
        (people().assign(calls=np.nan), None, {}, MissingValueError, "feature 'calls'"),
        (None, people(9).assign(plan="gold"), {}, UnseenLevelError, "plan"),
        (people().assign(left=2), None, {}, DataError, "neither 0 nor 1"),
        (people().assign(left=0), None, {}, ZeroVarianceError, "does not vary"),
        (people(40).assign(left=[1, *[0] * 39]), None, {}, InsufficientDataError, "without fold"),
        (None, None, {"model": "forest"}, ConfigError, "model is 'forest'"),
        (None, None, {"model": Newton}, ConfigError, "fit and predict_proba"),
        (None, people(9).assign(value=-1.0), {"value": "value"}, DataError, "negative in 9"),
        (None, None, {"capcity": 3}, ConfigError, "mean 'capacity'"),
        (None, None, {"capacity": 0}, ConfigError, "capacity is 0"),
        (None, None, {"dates": "seen"}, ConfigError, "two columns"),
        (None, None, {"uplift": 0.3}, ConfigError, "uplift is a float"),
        (None, None, {"recalibrate": "yes"}, ConfigError, "recalibrate"),
    ],
)
def test_bad_inputs_are_refused(train, today, options, error, match):
    with pytest.raises(error, match=match):
        risk(train, today, warns=False, **options)


def test_a_descriptive_uplift_is_refused():
    found = experiment(600)
    object.__setattr__(found, "details", {CAUSAL: False})
    with pytest.raises(NotCausalError, match="uplift is"):
        risk(uplift=found, warns=False)
