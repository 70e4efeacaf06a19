"""Mediation: printed numbers, linear identities, error in the mediator, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.causal import check_causal
from cximpact.core.errors import ConfigError, DesignError, NotCausalError, TimeOrderError
from cximpact.effects.linkage.mediators import Mediation, mediation

ROLES = {"exposure": "x", "mediator": "m", "outcome": "y"}


def counted() -> pd.DataFrame:
    """P(M=1|x) = .2 + .3 x and P(Y=1|x,m) = .05 + .02 x + .10 m + .03 x m, exactly."""
    rows = []
    for x in (0, 1):
        for m in (0, 1):
            n = round(10_000 * (0.2 + 0.3 * x if m else 0.8 - 0.3 * x))
            p = 0.05 + 0.02 * x + 0.10 * m + 0.03 * x * m
            ones = round(n * p)
            rows += [(x, m, 1)] * ones + [(x, m, 0)] * (n - ones)
    return pd.DataFrame(rows, columns=["x", "m", "y"])


def linear(n: int = 4000, seed: int = 1, noise: float = 0.0, common: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    c, u = rng.normal(size=(2, n))
    x = rng.integers(0, 2, n)
    m = 0.8 * x + 0.5 * c + rng.normal(size=n) + common * u
    y = 0.3 * x + 0.6 * m + 0.4 * c + rng.normal(size=n) + common * u
    observed = m + noise * rng.normal(size=n)
    return pd.DataFrame({"x": x, "m": observed, "y": y, "c": c, "true_m": m})


def test_printed_numbers():
    found = mediation(counted(), **ROLES, draws=50, rng=1)
    estimates = dict(zip(found.tidy()["effect"], found.tidy()["estimate"], strict=True))
    assert estimates == pytest.approx({"total": 0.065, "direct": 0.026, "indirect": 0.039})
    means = found.means.mean("sample").values
    np.testing.assert_allclose(means[0, 0], 0.05 + 0.1 * 0.2, atol=0.002)
    other = found.other_order().set_index("effect")["estimate"]
    assert other["direct"] == pytest.approx(0.035, abs=0.003)
    assert other["indirect"] == pytest.approx(0.030, abs=0.003)


def test_parts_add_up_in_every_draw():
    found = mediation(linear(), **ROLES, covariates=["c"], draws=50, rng=1)
    parts = found.draws.sel(effect="direct") + found.draws.sel(effect="indirect")
    np.testing.assert_allclose(parts, found.draws.sel(effect="total"), atol=1e-12)


def test_in_linear_models_the_indirect_effect_is_the_product_of_coefficients():
    data = linear()
    found = mediation(data, **ROLES, covariates=["c"], interaction=False, draws=400, rng=1)
    one = np.ones(len(data))
    a, *_ = np.linalg.lstsq(np.column_stack([data["x"], data["c"], one]), data["m"])
    b, *_ = np.linalg.lstsq(np.column_stack([data["m"], data["x"], data["c"], one]), data["y"])
    estimate = found.estimate
    np.testing.assert_allclose(estimate.sel(effect="indirect"), a[0] * b[0], rtol=1e-8)
    np.testing.assert_allclose(estimate.sel(effect="direct"), b[1], rtol=1e-8)
    truth = {"total": 0.78, "direct": 0.3, "indirect": 0.48}
    table = found.summary(0.99).set_index("effect")
    for name, value in truth.items():
        assert table.loc[name, "conf_low"] < value < table.loc[name, "conf_high"]


def test_without_a_path_over_the_mediator_there_is_no_indirect_effect():
    rng = np.random.default_rng(4)
    data = linear().assign(y=lambda d: 0.5 * d["x"] + rng.normal(size=len(d)))
    table = mediation(data, **ROLES, draws=300, rng=1).summary(0.99).set_index("effect")
    assert table.loc["indirect", "conf_low"] < 0 < table.loc["indirect", "conf_high"]


@pytest.mark.parametrize("interaction", [False, True])
def test_error_of_the_mediator_shrinks_the_indirect_effect_unless_it_is_known(interaction):
    data = linear(60_000, noise=1.0)
    reliability = data["true_m"].var() / data["m"].var()
    options = {"covariates": ["c"], "interaction": interaction, "draws": 20, "rng": 1}
    naive = mediation(data, **ROLES, **options).estimate
    known = mediation(data, **ROLES, reliability=reliability, **options).estimate
    assert naive.sel(effect="indirect") < 0.3
    assert naive.sel(effect="direct") > 0.45
    np.testing.assert_allclose(known, [0.78, 0.3, 0.48], atol=0.03)


def test_error_of_the_mediator_of_a_binary_outcome():
    rng = np.random.default_rng(6)
    data = linear(60_000, noise=1.0)
    p = 1 / (1 + np.exp(-(0.3 * data["x"] + 0.6 * data["true_m"] - 0.5)))
    data["y"] = (rng.random(len(data)) < p).astype(int)
    truth = mediation(data.assign(m=data["true_m"]), **ROLES, draws=20, rng=1).estimate
    reliability = data["true_m"].var() / data["m"].var()
    known = mediation(data, **ROLES, reliability=reliability, draws=20, rng=1).estimate
    naive = mediation(data, **ROLES, draws=20, rng=1).estimate
    gap = abs(known - truth).sel(effect="indirect")
    assert gap < 0.25 * abs(naive - truth).sel(effect="indirect")


def test_error_of_the_mediator_hardly_moves_the_means_of_a_bent_outcome():
    rng = np.random.default_rng(7)
    data = linear(60_000, noise=1.0)
    p = 1 / (1 + np.exp(-(0.6 * data["true_m"] - 1.5)))
    data["y"] = (rng.random(len(data)) < p).astype(int)
    reliability = data["true_m"].var() / data["m"].var()
    found = mediation(data, **ROLES, reliability=reliability, draws=20, rng=1)
    observed = data.groupby("x")["y"].mean()
    means = found.means.mean("sample")
    for k in (0, 1):
        own = float(means.isel(outcome_at=k, mediator_at=k))
        assert own == pytest.approx(observed[k], abs=0.012)


def test_ordinal_scores_and_counts_as_models():
    rng = np.random.default_rng(2)
    data = linear(3000)
    data["score"] = 1 + np.searchsorted([-0.5, 0.5, 1.5], data["m"])
    data["visits"] = rng.poisson(np.exp(0.2 + 0.2 * data["score"] + 0.1 * data["x"]))
    found = mediation(
        data,
        exposure="x",
        mediator="score",
        outcome="visits",
        covariates=["c"],
        families={"score": "ordinal", "visits": "count"},
        draws=100,
        rng=1,
    )
    means = data.groupby("x")["visits"].mean()
    total = float(found.estimate.sel(effect="total"))
    assert total == pytest.approx(means[1] - means[0], rel=0.15)
    assert found.estimate.sel(effect="indirect") > 0


def test_an_affected_confounder_calls_for_interventional_effects():
    rng = np.random.default_rng(3)
    n = 40_000
    x = rng.integers(0, 2, n)
    trust = 0.7 * x + rng.normal(size=n)
    m = 0.5 * x + 0.6 * trust + rng.normal(size=n)
    y = 0.2 * x + 0.5 * m + 0.8 * trust + rng.normal(size=n)
    data = pd.DataFrame({"x": x, "m": m, "y": y, "trust": trust})
    found = (
        mediation(data, **ROLES, affected=["trust"], interaction=False, draws=100, rng=1)
        .summary(0.99)
        .set_index("effect")
    )
    # the mediator moves by .5 + .6 * .7; the rest of the total goes past it
    truth = {"indirect": 0.5 * 0.92, "direct": 0.2 + 0.8 * 0.7, "total": 0.46 + 0.76}
    for name, value in truth.items():
        assert found.loc[name, "conf_low"] < value < found.loc[name, "conf_high"]
    naive = mediation(data, **ROLES, draws=20, rng=1).estimate.sel(effect="indirect")
    assert naive > 0.6


def test_the_mediator_of_others_is_drawn_apart_from_the_affected_confounder():
    rng = np.random.default_rng(5)
    n = 60_000

    def draw(x, size=n):
        trust = 0.7 * x + rng.normal(size=size)
        return trust, 0.5 * x + 1.2 * trust + rng.normal(size=size)

    x = rng.integers(0, 2, n)
    trust, m = draw(x)
    y = (rng.random(n) < 1 / (1 + np.exp(2.5 - 1.5 * m - 1.5 * trust))).astype(int)
    data = pd.DataFrame({"x": x, "m": m, "y": y, "trust": trust})
    found = mediation(data, **ROLES, affected=["trust"], interaction=False, draws=20, rng=1)
    for k, at in enumerate((0, 1)):
        own, others = draw(at, 400_000)[0], draw(1, 400_000)[1]
        wanted = np.mean(1 / (1 + np.exp(2.5 - 1.5 * others - 1.5 * own)))
        mean = float(found.means.isel(outcome_at=k, mediator_at=1).mean())
        assert mean == pytest.approx(wanted, abs=0.01)


def test_a_common_cause_is_undone_by_its_correlation():
    data = linear(60_000, common=1.0)
    found = mediation(data, **ROLES, covariates=["c"], interaction=False, draws=20, rng=1)
    assert found.estimate.sel(effect="indirect") > 0.8
    # errors are u + noise on both sides: correlation 1/2
    table = found.sensitivity([0.0, 0.5]).set_index(["rho", "effect"])
    np.testing.assert_allclose(table.loc[(0.5, "indirect"), "estimate"], 0.48, atol=0.03)
    np.testing.assert_allclose(table.loc[(0.5, "direct"), "estimate"], 0.3, atol=0.03)
    np.testing.assert_allclose(
        table.loc[(0.0, "indirect"), "estimate"], found.estimate.sel(effect="indirect"), atol=0.01
    )
    tip = found.tipping_rho()
    assert 0.6 < tip < 0.99


def test_money_needs_a_stated_assumption():
    found = mediation(linear(), **ROLES, covariates=["c"], draws=50, rng=1)
    with pytest.raises(NotCausalError):
        check_causal(found.part("indirect"))
    stated = mediation(
        linear(), **ROLES, covariates=["c"], assume="sequential ignorability", draws=50, rng=1
    )
    part = check_causal(stated.part("indirect"))
    assert part.draws.dims == ("sample",)
    assert "stated by the analyst" in part.explain()
    assert 0 < stated.share()["estimate"] < 1


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"contrast": (1, 1)}, ConfigError, "with itself"),
        ({"contrast": (0, 4)}, DesignError, "lies between 0 and 1"),
        ({"families": {"z": "normal"}}, ConfigError, "families names 'z'"),
        ({"reliability": 0.2}, DesignError, "reliability is so low"),
        ({"reliability": 0.9, "affected": ["c"]}, ConfigError, "affected"),
        ({"assume": "trust me"}, ConfigError, "sequential ignorability"),
        ({"outcome_time": "t1", "mediator_time": "t2"}, TimeOrderError, "outcome was measured"),
    ],
)
def test_what_is_refused(options, error, match):
    data = linear(500).assign(t1=1, t2=2)
    with pytest.raises(error, match=match):
        mediation(data, **ROLES, **options)


def test_settings_are_reusable_and_inputs_stay():
    data = linear(500)
    before = data.copy()
    settings = Mediation(**ROLES, covariates=["c"], draws=20)
    first, again = settings.fit(data, rng=1), settings.fit(data, rng=1)
    np.testing.assert_array_equal(first.draws, again.draws)
    pd.testing.assert_frame_equal(data, before)
    assert "Imai" not in first.explain()
    assert "comes before this chain" in first.explain()
