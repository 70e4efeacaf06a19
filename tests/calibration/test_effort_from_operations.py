"""Customer effort inferred from contacts, for customers who were never asked."""

import numpy as np
import pandas as pd
import pytest

from cximpact.data import SurveyWave
from cximpact.imputation import OrdinalImputer
from cximpact.imputation.binning import bin_columns
from cximpact.imputation.customers import customers
from cximpact.imputation.operations import operational_signals
from cximpact.scores import ces_scale

pytestmark = pytest.mark.slow
CES = ces_scale(7, higher_is_better=True)
CUTS = np.array([-3.0, -2.2, -1.5, -0.7, 0.3, 1.5])
PEOPLE = 8000


@pytest.fixture(scope="module")
def world():
    """Waits and repeat contacts make effort, and customers with much effort answer less often."""
    rng = np.random.default_rng(17)
    contacts = 1 + rng.poisson(1.5, PEOPLE)
    customer = np.repeat(np.arange(PEOPLE), contacts)
    day = rng.uniform(0, 90, customer.size)
    wait = rng.gamma(1.0 + rng.gamma(2.0, 1.0, PEOPLE)[customer], 60.0)
    columns = {"customer": customer, "time": day, "wait": wait}
    channel = rng.choice(["phone", "web", "store"], customer.size)
    frame = pd.DataFrame(columns | {"channel": channel, "transfers": 0})
    signals = operational_signals(frame)
    bins = bin_columns(signals, ["wait_mean", "repeat_contacts"], n_bins=5)
    people = bins.apply(signals)
    latent = 1.5 - people["wait_mean"] / 150 - 0.6 * people["repeat_contacts"]
    true = 1 + ((latent + rng.logistic(size=PEOPLE)).to_numpy()[:, None] > CUTS).sum(axis=1)
    answered = rng.random(PEOPLE) < 0.25 / (1 + np.exp(-latent))
    return people.assign(true=true, ces=np.where(answered, true, np.nan))


@pytest.fixture(scope="module")
def fit(world):
    factors = ["wait_mean_bin", "repeat_contacts_bin"]
    wave = SurveyWave(world, answer="ces", scale=CES, factors=factors, customer="customer")
    imputer = OrdinalImputer(draws=500, tune=400, chains=2, allow_unconverged=True)
    return imputer.fit(wave, rng=2)


def test_effort_of_everybody_is_covered_where_respondents_are_not_like_them(world, fit):
    table = fit.compare().set_index("who")
    truth = world["true"].mean()
    assert table.loc["everyone", "conf_low"] <= truth <= table.loc["everyone", "conf_high"]
    assert table.loc["respondents", "conf_low"] > truth


def test_contacts_predict_single_answers_better_than_the_answers_alone(world, fit):
    predicted = customers(fit).frame().set_index("customer").loc[world["customer"]]
    silent = world["ces"].isna().to_numpy()
    true = world["true"].to_numpy()[silent]
    pmf = predicted[[f"p_{k}" for k in range(1, 8)]].to_numpy()[silent]
    overall = world["ces"].value_counts(normalize=True).reindex(range(1, 8)).to_numpy()
    gain = np.log(pmf[np.arange(len(true)), true - 1]) - np.log(overall[true - 1])
    assert gain.mean() > 5 * gain.std(ddof=1) / np.sqrt(len(true))
    assert np.corrcoef(predicted["expected_answer"][silent], true)[0, 1] > 0.3
    inside = (true >= predicted["set_low"][silent]) & (true <= predicted["set_high"][silent])
    assert inside.mean() == pytest.approx(predicted["set_mass"][silent].mean(), abs=0.02)
