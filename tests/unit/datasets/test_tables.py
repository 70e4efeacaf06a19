"""The simulated world as the tables of a repository."""

import numpy as np
import pandas as pd
import pytest

from cximpact.data import SurveyWave
from cximpact.datasets import simulate_world, world_tables
from cximpact.repository import CONTRACTS, Repository
from cximpact.scores.scales import ces_scale


@pytest.fixture(scope="module")
def world():
    return simulate_world(n_stores=8, joiners=40)


@pytest.fixture(scope="module")
def tables(world) -> dict[str, pd.DataFrame]:
    return world_tables(world)


def test_the_bundled_world_is_the_same_everywhere():
    world = simulate_world()
    assert len(world.customers) == 28_800
    pd.testing.assert_frame_equal(world.customers, simulate_world(2024).customers)
    assert world.truth["roi"] == pytest.approx(0.4139, abs=1e-4)


def test_the_same_seed_gives_the_same_tables_and_leaves_the_world_alone(world):
    before = world.customers.copy()
    first, second = world_tables(world, 3), world_tables(world, 3)
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])
    assert not first["interactions"].equals(world_tables(world, 4)["interactions"])
    pd.testing.assert_frame_equal(world.customers, before)


@pytest.mark.parametrize(
    "name", ["customers", "interactions", "surveys", "behavior", "exposures", "costs"]
)
def test_each_table_keeps_its_contract(tables: dict[str, pd.DataFrame], name: str):
    table, contract = tables[name], CONTRACTS[name]
    required = [column.name for column in contract.columns if column.required]
    assert set(required) <= set(table.columns)
    assert contract.attributes or set(table.columns) <= set(contract.names)
    assert not table[required].isna().any(axis=None)
    assert not table.duplicated(list(contract.key)).any()
    for column in contract.columns:
        if column.low is not None:
            assert (table[column.name] >= column.low).all()
    if "customer" in table:
        assert set(table["customer"]) <= set(tables["customers"]["customer"])


def test_a_repository_takes_all_of_it(tables: dict[str, pd.DataFrame]):
    repository = Repository()
    for name, table in tables.items():
        scale = ces_scale(7, higher_is_better=True) if name == "surveys" else None
        receipt = repository.add(name, table, scale=scale)
        assert receipt.rows == len(table)


def test_stages_of_the_funnel_follow_each_other(tables: dict[str, pd.DataFrame]):
    stages = tables["surveys"][["delivered", "opened", "started", "completed"]]
    assert (stages.diff(axis=1).iloc[:, 1:] <= 0).all(axis=None)
    assert stages.mean().is_monotonic_decreasing
    answered = tables["surveys"]["answer"].notna()
    assert (answered == (stages["completed"] == 1)).all()


def test_answers_and_retention_are_those_of_the_world(world, tables: dict[str, pd.DataFrame]):
    assert tables["surveys"]["answer"].equals(world.customers["ces"].rename("answer"))
    behavior = tables["behavior"]
    assert (behavior["retained"] == world.customers["retained"]).all()
    left = behavior["retained"] == 0
    assert (behavior.loc[left, ["orders", "spend", "margin"]] == 0).all(axis=None)
    margin = behavior.loc[~left, "margin"]
    assert margin.mean() == pytest.approx(180, abs=4 * margin.std() / np.sqrt(len(margin)))
    wave = SurveyWave(
        tables["surveys"],
        answer="answer",
        scale=ces_scale(7, higher_is_better=True),
        factors=["survey"],
    )
    assert wave.n_answered == world.customers["ces"].notna().sum()


def test_what_was_easy_shows_in_fewer_and_smoother_contacts(world, tables):
    ease = world.truth_frame.set_index("customer")["ease"]
    contacts = tables["interactions"]
    theirs = contacts["customer"].map(ease)
    assert np.corrcoef(np.log(contacts["wait"]), theirs)[0, 1] < -0.2
    assert np.corrcoef(contacts["transfers"], theirs)[0, 1] < -0.1
    assert np.corrcoef(contacts["resolved"], theirs)[0, 1] > 0.1
    count = contacts["customer"].value_counts().reindex(ease.index, fill_value=0)
    assert np.corrcoef(count, ease)[0, 1] < -0.2
    assert contacts["channel"].nunique() == 4


def test_exposures_and_costs_are_those_of_the_initiative(world, tables):
    treated = world.customers.loc[world.customers["treated"] == 1, "customer"]
    assert tables["exposures"]["customer"].tolist() == treated.tolist()
    assert tables["costs"]["amount"].sum() == 40_000 + 6 * len(treated)
    assert tables["costs"]["period"].min() == pd.Timestamp("2024-05-01")
