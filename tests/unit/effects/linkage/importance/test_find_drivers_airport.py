"""Drivers of satisfaction and recommendation at a real airport."""

import numpy as np
import pandas as pd
import pytest
from scipy import linalg

from cximpact.effects.linkage.importance import DriverImportance, drivers
from tests.support import sfo

RATINGS = [
    "art", "food", "shops", "signs", "walkways", "screens", "roads", "parking", "airtrain",
    "clean_board", "clean_rest", "clean_all", "wifi", "safe", "find", "security",
]  # fmt: skip
MARKED = [r for r in RATINGS if r not in ("find", "security")]
OUTCOMES = ["overall", "nps"]


@pytest.fixture(scope="module")
def frames(real_data) -> dict[str, pd.DataFrame]:
    frame = sfo.survey()
    frame = frame[frame["year"].isin([2017, 2018])]
    return {name: frame[frame[name].notna()] for name in OUTCOMES}


@pytest.fixture(scope="module")
def results(frames) -> dict[str, DriverImportance]:
    never_used = {name: f"{name}_na" for name in MARKED}
    return {
        name: drivers(
            frame, outcome=name, ratings=RATINGS, missing="indicator", never_used=never_used,
            draws=60, rng=1,
        )
        for name, frame in frames.items()
    }  # fmt: skip


def least_squares(frame: pd.DataFrame, names: list[str], outcome: str) -> float:
    """R2 of ratings, filled by their means, with a mark where they are blank or were not used."""
    columns = [np.ones(len(frame))]
    for name in names:
        x = frame[name].to_numpy(dtype=float, na_value=np.nan)
        used = (
            frame[f"{name}_na"].to_numpy(dtype=float) == 1
            if name in MARKED
            else np.isnan(x) & False
        )
        columns += [np.nan_to_num(x, nan=3.0), used, np.isnan(x) & ~used]
    y = frame[outcome].to_numpy(dtype=float)
    design = np.column_stack(columns)
    left = y - design @ linalg.lstsq(design, y, cond=1e-10, lapack_driver="gelsd")[0]
    return float(1 - left.var() / y.var())


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_shares_sum_to_the_r2_of_a_plain_fit(frames, results, outcome: str):
    result = results[outcome]
    assert result.n == {"overall": 5313, "nps": 5396}[outcome]
    assert result.drivers == tuple(RATINGS)
    expected = least_squares(frames[outcome], RATINGS, outcome)
    assert float(result.estimate.sum()) == pytest.approx(expected, abs=1e-8)
    assert expected == pytest.approx({"overall": 0.573, "nps": 0.396}[outcome], abs=0.001)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_share_exceeds_what_a_rating_explains_alone_or_is_below_what_it_adds(
    frames, results, outcome: str
):
    """A bracket that holds here, where no rating suppresses another for long."""
    result, frame = results[outcome], frames[outcome]
    everything = least_squares(frame, RATINGS, outcome)
    for name in result.selected:
        alone = least_squares(frame, [name], outcome)
        last = everything - least_squares(frame, [r for r in RATINGS if r != name], outcome)
        assert last < float(result.estimate.sel(driver=name)) < alone


def test_satisfaction_is_mostly_what_all_ratings_share(results):
    table = results["overall"].halo().set_index("driver")["estimate"]
    assert table["what all ratings share"] > 0.5
    assert table.drop("what all ratings share").max() < 0.01


def test_few_of_sixteen_are_stable_and_not_the_same_for_both_outcomes(results):
    satisfied, recommend = (set(results[name].selected) for name in OUTCOMES)
    assert {"food", "signs"} <= satisfied
    assert {"security", "find"} <= recommend
    assert len(satisfied) <= 5
    assert len(recommend) <= 5
    assert not {"security", "find"} & satisfied


def test_performance_is_the_mean_of_those_who_used_it(frames, results):
    table = results["nps"].quadrants().set_index("driver")["performance"]
    for name in ("parking", "wifi", "find"):
        assert table[name] == pytest.approx(frames["nps"][name].mean())
    assert table.idxmin() == "food"
