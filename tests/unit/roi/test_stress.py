"""Millions of paths: known answers of the generator, exact distributions, any number of workers."""

import importlib

import numpy as np
import pytest
from scipy import optimize, stats

from cximpact import roi
from cximpact.core.errors import ConfigError
from cximpact.roi import philox
from tests.support import money, projects
from tests.support.random_battery import battery


def result(k=5, **changes):
    items = [
        roi.Initiative(
            name=f"p{i}",
            n=10_000,
            effect=tau,
            mechanism="per_period",
            value=1.0,
            currency="EUR",
            costs={"one_off": 5000.0},
            **changes,
        )
        for i, tau in enumerate(projects.effects(k, 500))
    ]
    return roi.simulate(items, horizon=36, rng=1)


@pytest.mark.parametrize(
    ("draw", "block", "seed", "expected"),
    [
        (0, 0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**64 - 1, 2**64 - 1, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            0x85A308D3243F6A88,
            0x0370734413198A2E,
            0x299F31D0A4093822,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_known_answers_of_the_published_generator(draw, block, seed, expected):
    """From the distribution of Random123, philox4x32-10."""
    words = philox.block_of(*(np.uint64(v) for v in (draw, block, seed)))
    assert " ".join(f"{w:08x}" for w in words) == expected


def make(first, draws, size, seed):
    return philox.normals(first, draws, size, np.uint64(seed))


def test_numbers_pass_a_battery():
    found = battery(make, draws=50_000, size=40)
    assert len(found) > 20 and min(found.values()) > 0.01 / len(found), found


def test_the_far_tail_has_its_shape():
    """Beyond the last layer of the ziggurat, where one number in 1,700 lies."""
    z = np.abs(make(0, 200_000, 60, 3).ravel())
    edge = 3.442619855899
    far = stats.norm.sf(z[z > edge]) / stats.norm.sf(edge)
    assert far.size > 6000 and stats.kstest(far, "uniform").pvalue > 1e-3


def test_the_battery_catches_bad_numbers():
    def dull(first, draws, size, seed):  # 12 bits, and every draw like the one before
        z = make(first // 2, -(-draws // 2), size, seed).repeat(2, axis=0)[:draws]
        return np.round(z * 2**10) / 2**10

    found = battery(dull, draws=20_000, size=20)
    assert found["correlation of draws"] < 1e-12 and found["low bits"] < 1e-12


def test_a_number_depends_on_seed_draw_and_place_alone():
    whole = make(0, 1000, 30, 5)
    assert (make(700, 300, 30, 5) == whole[700:]).all()
    assert (make(0, 1000, 11, 5) == whole[:, :11]).all()


def exact_cdf(res, sigma, x):
    """The mixture of normals that the NPV is, given each joint row of inputs."""
    flows = res.draws["benefit"].transpose("sample", "initiative", "period").values
    spread = np.sqrt(((sigma * flows * res.settings.factors) ** 2).sum(axis=(1, 2)))
    return stats.norm.cdf((x - res.npv().values) / spread).mean()


def test_the_distribution_is_the_exact_one():
    res = result()
    found = roi.stress(res, volatility=0.5, draws=400_000, rng=1)
    assert found.npv.mean() == pytest.approx(
        float(res.npv().mean()), abs=4 * found.npv.std() / np.sqrt(400_000)
    )
    for q in (0.01, 0.05, 0.5, 0.95, 0.99):
        exact = optimize.brentq(lambda x, q=q: exact_cdf(res, 0.5, x) - q, -1e6, 1e6)
        error = np.sqrt(q * (1 - q) / 400_000)
        assert abs((found.npv <= exact).mean() - q) < 4 * error


def test_payback_follows_the_path():
    res = result(2)
    found = roi.stress(res, volatility=0.8, draws=60_000, rng=1)
    rng, rows = np.random.default_rng(0), np.arange(60_000) % 500
    flows = res.draws.transpose("sample", "period", "initiative")
    benefit = flows["benefit"].values[rows]
    net = (benefit * (1 + 0.8 * rng.standard_normal(benefit.shape))).sum(axis=2)
    money_so_far = (net - flows["cost"].values.sum(axis=2)[rows]).cumsum(axis=1)
    back = np.where((money_so_far >= 0).any(axis=1), (money_so_far >= 0).argmax(axis=1), -1)
    counts = [np.bincount(b + 1, minlength=38) for b in (back, found.payback)]
    kept = counts[0] + counts[1] > 40
    assert stats.chi2_contingency(np.array(counts)[:, kept]).pvalue > 1e-3


def test_without_fluctuation_it_is_the_simulation():
    res = result(2)
    found = roi.stress(res, volatility=0.0, draws=1000)
    np.testing.assert_allclose(found.npv, np.tile(res.npv().values, 2), rtol=1e-12, atol=1e-9)


def test_workers_and_chunks_change_nothing(monkeypatch):
    res = result(2)
    one = roi.stress(res, volatility=0.3, draws=10_001, rng=7, workers=1)
    monkeypatch.setattr(importlib.import_module("cximpact.roi.stress"), "_CHUNK", 777)
    two = roi.stress(res, volatility=0.3, draws=10_001, rng=7, workers=2)
    assert (one.npv == two.npv).all() and (one.payback == two.payback).all()
    assert (one.npv != roi.stress(res, volatility=0.3, draws=10_001, rng=8).npv).any()


def test_volatility_by_name_and_its_errors():
    res = result(2)
    calm = roi.stress(res, volatility={"p0": 0.5}, draws=20_000).npv.std()
    wild = roi.stress(res, volatility={"p0": 0.5, "p1": 0.9}, draws=20_000).npv.std()
    assert calm < wild
    with pytest.raises(ConfigError, match="Did you mean 'p1'"):
        roi.stress(res, volatility={"p11": 0.5})
    with pytest.raises(ConfigError, match="at least 0"):
        roi.stress(res, volatility=-0.5)


def test_numbers_come_with_their_error_and_in_words():
    found = roi.stress(result(2), volatility=0.5, draws=50_000)
    table = found.summary().set_index("term")
    assert (
        table.loc["npv_low", "mcse"] > 0
        and table.loc["cvar_5", "estimate"] < table.loc["npv_low", "estimate"]
    )
    assert "even perfect knowledge" in found.explain()
    assert found.draws.sizes["sample"] == 50_000
    fixed = roi.simulate(money.initiative(), horizon=12)
    assert roi.stress(fixed, volatility=0.1, draws=100).npv.std() > 0
