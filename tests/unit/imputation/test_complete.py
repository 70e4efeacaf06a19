from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from cximpact.core.errors import (
    ConfigError,
    DataWarning,
    InsufficientDataError,
    MemoryBudgetError,
    MissingColumnError,
)
from cximpact.data import cells
from cximpact.imputation.complete import complete


@pytest.fixture(scope="module")
def sets(imputed):
    return complete(imputed, 200, rng=3)


def test_pooled_score_is_that_of_all_draws(sets, imputed):
    pooled, drawn = sets.score().iloc[0], imputed.score()
    assert pooled["estimate"] == pytest.approx(float(drawn.mean()), abs=0.3)
    assert pooled["std_error"] == pytest.approx(float(drawn.std()), rel=0.15)


def test_segments_are_pooled_one_by_one(sets, imputed):
    pooled, drawn = sets.score("segment"), imputed.score("segment")
    assert list(pooled["segment"]) == list("abcde")
    assert pooled["estimate"].to_numpy() == pytest.approx(drawn.mean("sample").values, abs=1.0)
    assert pooled["std_error"].to_numpy() == pytest.approx(drawn.std("sample").values, rel=0.25)


def test_given_answers_stay_and_all_others_are_drawn(sets, world):
    table = next(iter(sets.sets()))
    given = world.frame["nps"].notna().to_numpy()
    assert (table["observed"].to_numpy() == given).all()
    assert (table["answer"][given] == world.frame["nps"][given]).all()
    assert table["answer"].between(0, 10).all()
    assert list(table["segment"]) == list(world.frame["segment"])


def test_people_have_the_answers_of_their_cells(sets):
    tables = sets.sets()
    for counts in sets.drawn[:3]:
        table = next(tables)
        some = table[~table["observed"]]
        found = some.groupby(["segment", "channel", "month", "answer"]).size()
        index = pd.MultiIndex.from_frame(sets.cells.index)
        for (segment, channel, month, answer), n in found.iloc[::37].items():
            row = index.get_loc((segment, channel, month))
            assert counts[row, int(answer)] == n


def test_score_of_a_set_is_that_of_its_people(sets):
    table = next(iter(sets.sets()))
    by_hand = 100 * ((table["answer"] >= 9).mean() - (table["answer"] <= 6).mean())
    one = dataclasses.replace(sets, drawn=sets.drawn[[0, 0]])
    assert one.score()["estimate"].iloc[0] == pytest.approx(by_hand)


def test_draws_are_far_apart_and_the_sets_differ(sets):
    counts = sets.drawn.sum(axis=1)
    assert len({tuple(row) for row in counts}) == sets.m


def test_same_seed_same_sets(imputed):
    one, two = complete(imputed, 3, rng=8), complete(imputed, 3, rng=8)
    assert (one.drawn == two.drawn).all()
    for a, b in zip(one.sets(), two.sets(), strict=True):
        pd.testing.assert_frame_equal(a, b)
    assert (complete(imputed, 3, rng=9).drawn != one.drawn).any()


def test_a_frame_that_answered_in_full_has_no_variance(imputed, world):
    full = world.frame.assign(nps=world.frame["nps"].fillna(7.0))
    wave = dataclasses.replace(world.wave, frame=full)
    known = dataclasses.replace(imputed, cells=cells(wave, by=list(imputed.cells.by)), wave=wave)
    row = complete(known, 5, rng=1).score().iloc[0]
    value = 100 * ((full["nps"] >= 9).mean() - (full["nps"] <= 6).mean())
    assert row["estimate"] == pytest.approx(value)
    assert row["std_error"] == 0.0


def test_an_analysis_is_pooled_over_the_sets(imputed):
    def mean(table):
        return table["answer"].mean(), table["answer"].var() / len(table)

    pooled = complete(imputed, 150, rng=2).fit(mean)
    expected = imputed.score(statistic="mean")
    assert float(pooled.estimate) == pytest.approx(float(expected.mean()), abs=0.02)
    assert float(pooled.between) == pytest.approx(float(expected.var()), rel=0.4)
    assert 0.5 < float(pooled.fmi) < 1.0


def test_too_few_sets_are_pointed_out(imputed):
    def mean(table):
        return table["answer"].mean(), table["answer"].var() / len(table)

    with pytest.warns(DataWarning, match="m is 5, but the missing answers cost"):
        complete(imputed, 5, rng=2).fit(mean)


def test_one_tidy_table_or_a_clear_refusal(imputed):
    some = complete(imputed, 2, rng=1)
    table = some.frame()
    assert list(table["set"].unique()) == [0, 1]
    assert len(table) == 2 * some.cells.n_frame
    with pytest.raises(MemoryBudgetError, match=r"Go through \.sets\(\)"):
        some.frame(budget_mb=1)


def test_bad_requests_are_refused(imputed):
    with pytest.raises(InsufficientDataError, match="m is 10000, but the fit has 4000"):
        complete(imputed, 10_000)
    some = complete(imputed, 2, rng=1)
    with pytest.raises(MissingColumnError):
        next(some.sets(["absent"]))
    with pytest.raises(ConfigError, match="fitted to cells"):
        next(dataclasses.replace(some, wave=None).sets())
