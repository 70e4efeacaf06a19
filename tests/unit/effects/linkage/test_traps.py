"""Traps of longitudinal scores: those who stay look happier every month, with nobody changing."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from scipy.special import expit

import cximpact as cx
from cximpact.effects.linkage import score_trace

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
MONTHS = 12


def survivors_mean(month: int) -> float:
    """Mean of L ~ N(0, 1) among those still there, each month leaving by expit(-2.5 - L)."""
    alive = WEIGHTS * (1 - expit(-2.5 - NODES)) ** month
    return float(alive @ NODES / alive.sum())


@pytest.mark.parametrize("month", [1, 2, 11])
def test_means_of_survivors_by_two_routes(month):
    def alive(level, power):
        return stats.norm.pdf(level) * (1 - expit(-2.5 - level)) ** month * level**power

    top, bottom = (integrate.quad(alive, -12, 12, (k,), epsabs=1e-12)[0] for k in (1, 0))
    np.testing.assert_allclose(survivors_mean(month), top / bottom, rtol=1e-6)


def test_survivors_climb_from_nought_to_three_fifths():
    climb = [round(survivors_mean(month), 4) for month in (0, 1, 2, 11)]
    assert climb == [0, 0.0953, 0.1753, 0.6090]


@pytest.fixture(scope="module")
def months() -> pd.DataFrame:
    """Monthly scores of customers who never change, as long as they are there."""
    rng = np.random.default_rng(4)
    n = 4000
    level = rng.normal(size=n)
    stays = rng.random((n, MONTHS - 1)) > expit(-2.5 - level)[:, None]
    there = np.column_stack([np.ones(n, dtype=bool), np.cumprod(stays, axis=1).astype(bool)])
    customer, month = np.nonzero(there)
    score = level[customer] + 0.5 * rng.normal(size=customer.size)
    last = there.sum(axis=1)[customer]
    return pd.DataFrame({"customer": customer, "month": month, "score": score, "last": last})


def test_the_average_of_those_who_are_there_climbs_and_nobody_changed(months):
    naive = months.groupby("month")["score"].mean()
    np.testing.assert_allclose(naive.iloc[11], survivors_mean(11), atol=0.06)
    assert naive.iloc[11] > 0.5
    own = cx.effects.association(
        months, score="month", outcome="score", within="customer", cluster="customer", rng=1
    ).tidy(0.99)
    assert own["conf_low"].item() < 0 < own["conf_high"].item()
    assert abs(11 * own["estimate"].item()) < 0.05


def test_the_trace_puts_the_climb_down_to_who_is_there(months):
    kinds = months.assign(
        kind=pd.cut(months["last"], [0, 3, 6, 11, 12], labels=["1-3", "4-6", "7-11", "12"]).astype(
            str
        )
    )
    first, later = (kinds[kinds["month"] == m].reset_index(drop=True) for m in (0, 5))
    trace = score_trace(first, later, score="score", by=["kind"], scale=None, rng=1)
    part = trace.draws.sum([d for d in trace.draws.dims if d not in ("sample", "part")])
    mix, within = (float(part.sel(part=p).mean()) for p in ("mix", "within"))
    change = later["score"].mean() - first["score"].mean()
    assert change > 0.25
    np.testing.assert_allclose(mix + within, change, atol=0.02)
    assert abs(within) < 0.1 * change
