"""Honest bounds against R's HonestDiD, linear programs, and brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from cximpact import value
from cximpact.core.errors import ConfigError, DesignError, InsufficientPeriodsError
from cximpact.core.results import EffectPosterior
from cximpact.effects import (
    EventStudy,
    GroupTime,
    ImputationDiD,
    SunAbraham,
    honest_band,
    honest_bounds,
    honest_posterior,
)
from cximpact.effects.did import simultaneous_band
from cximpact.effects.did.honest import hybrid
from cximpact.effects.did.honest.fixed_length import fixed_length, folded_quantile
from cximpact.effects.did.honest.path import EventPath, event_path
from cximpact.effects.did.honest.posterior import departure
from cximpact.effects.did.honest.restrictions import (
    identified,
    relative_magnitudes,
    second_differences,
    smoothness,
)
from cximpact.plots import event_study, to_png
from tests.support import golden
from tests.support.did import STAGGERED, fixture_f1, panel, staggered_world
from tests.support.event_paths import effect_of, event_study_of

GOLDEN = golden.load("honest_did")
VALUE, COVARIANCE = np.array(GOLDEN["beta"]), np.array(GOLDEN["covariance"])
BC = event_study_of(VALUE, COVARIANCE, before=4)
FIRST = np.array([1.0, 0, 0, 0])


@pytest.mark.parametrize("row", GOLDEN["fixed_length"], ids=lambda row: f"M={row[0]}")
def test_fixed_length_is_that_of_r(row):
    """R simulates the folded normal quantile with a million draws, to about .001."""
    bound, low, high = row
    found = fixed_length(BC, COVARIANCE, FIRST, bound, 0.95)
    assert found.estimate - found.half == pytest.approx(low, abs=2e-4)
    assert found.estimate + found.half == pytest.approx(high, abs=2e-4)


@pytest.mark.parametrize("case", GOLDEN["conditional"], ids=lambda c: c["name"])
def test_conditional_intervals_are_those_of_r(case):
    """R's ends lie on a grid, inside the interval by less than its step."""
    result = honest_bounds(
        effect_of(BC),
        restriction=case["restriction"],
        bounds=[case["bound"]],
        target={e: w for e, w in enumerate(case["weights"]) if w},
        level=0.95,
        method=case["method"],
    )
    low, high = result.table.loc[0, ["conf_low", "conf_high"]]
    step = case["step"]
    assert -1e-4 <= case["low"] - low <= step
    assert -1e-4 <= high - case["high"] <= step


def test_worked_bounds():
    """b(-2) = .02, b(0) = .10 against the reference -1."""
    path = event_study_of(np.array([0.02, 0.10]), np.eye(2) * 1e-6, before=1)
    result = honest_bounds(effect_of(path), bounds=[1.0], target=0)
    assert result.table.loc[0, ["set_low", "set_high"]].tolist() == pytest.approx([0.08, 0.12])
    assert result.set_breakdown == pytest.approx(5, rel=1e-4)
    line = honest_bounds(effect_of(path), restriction="smoothness", bounds=[0], target=0)
    assert line.table.loc[0, ["set_low", "set_high"]].tolist() == pytest.approx([0.12, 0.12])
    middle = line.table.loc[0, ["conf_low", "conf_high"]].mean()
    assert middle == pytest.approx(0.12, abs=1e-9)
    assert 4.5 < result.breakdown < 5


@given(seed=st.integers(0, 10_000), before=st.integers(1, 4), after=st.integers(1, 4))
def test_identified_sets_are_those_of_linear_programs(seed, before, after):
    rng = np.random.default_rng(seed)
    n = before + after
    path = event_study_of(rng.standard_normal(n), np.eye(n), before=before)
    weights = rng.standard_normal(after)
    pieces = [smoothness(path, 0.5), *relative_magnitudes(path, 0.7)]
    for piece in pieces:
        rows = np.concatenate([piece.differences - piece.slack, -piece.differences - piece.slack])
        cost = np.concatenate([np.zeros(before), weights])
        ends = [
            optimize.linprog(
                sign * cost,
                A_ub=rows,
                b_ub=np.full(len(rows), piece.bound),
                A_eq=np.eye(n)[:before],
                b_eq=path.value[:before],
                bounds=[(None, None)] * n,
            )
            for sign in (1, -1)
        ]
        found = identified(path, piece, weights)
        assert (found is None) == (ends[0].status == 2)
        if found is not None:
            total = weights @ path.value[before:]
            expected = (total + ends[1].fun, total - ends[0].fun)
            assert found == pytest.approx(expected, abs=1e-7)


@given(seed=st.integers(0, 10_000))
def test_no_other_combination_is_shorter(seed):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((7, 7))
    path = event_study_of(rng.standard_normal(7), root @ root.T / 7 + 0.1 * np.eye(7), before=4)
    weights, bound = np.array([0.5, 0.5, 0.0]), float(rng.uniform(0.01, 1))
    found = fixed_length(path, path.covariance, weights, bound, 0.9)
    times = np.concatenate([path.before, path.after]) - path.reference
    assert found.weights @ times == pytest.approx(0, abs=1e-9)
    load = np.linalg.pinv(second_differences(path).T)
    kernel = np.linalg.svd(times[None, :4])[2][1:]

    def half(step: np.ndarray) -> float:
        a = found.weights + np.append(step @ kernel, np.zeros(3))
        error = np.sqrt(a @ path.covariance @ a)
        return error * folded_quantile(0.9, bound * np.abs(load @ a).sum() / error)

    best = min(
        optimize.minimize(half, 0.1 * rng.standard_normal(3), method="Nelder-Mead").fun
        for _ in range(3)
    )
    assert half(np.zeros(3)) == pytest.approx(found.half, rel=1e-12)
    assert found.half <= best * (1 + 1e-6)


def test_folded_quantiles_are_those_of_a_noncentral_chi_square():
    for mean in (0.0, 0.3, 1.0, 4.0, 30.0):
        expected = np.sqrt(stats.ncx2.ppf(0.9, 1, max(mean**2, 1e-12)))
        assert folded_quantile(0.9, mean) == pytest.approx(expected, rel=1e-6)


def program(path: EventPath, piece, weights: np.ndarray, theta: float) -> float:
    """Least violation over all paths of effects with this target, in standard errors."""
    k, q = path.n_before, len(path.after)
    rows = np.concatenate([piece.differences - piece.slack, -piece.differences - piece.slack])
    size = np.sqrt(np.einsum("ij,jk,ik->i", rows, path.covariance, rows))
    found = optimize.linprog(
        np.append(np.zeros(q), 1.0),
        A_ub=np.column_stack([-rows[:, k:], -size]),
        b_ub=piece.bound - rows @ path.value,
        A_eq=np.append(weights, 0.0)[None],
        b_eq=[theta],
        bounds=[(None, None)] * (q + 1),
    )
    return float(found.fun)


@given(seed=st.integers(0, 10_000), theta=st.floats(-3, 3))
def test_corners_are_the_dual_of_the_program_over_nuisances(seed, theta):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((6, 6))
    path = event_study_of(rng.standard_normal(6), root @ root.T / 6 + 0.1 * np.eye(6), before=3)
    weights = rng.standard_normal(3)
    for piece in (smoothness(path, 0.4), *relative_magnitudes(path, 0.8)):
        found = hybrid.corners(path, path.covariance, piece, weights)
        largest = float((found.value - theta * found.slope).max())
        assert largest == pytest.approx(program(path, piece, weights, theta), abs=1e-6)


def test_the_conditional_test_has_its_size_where_all_inequalities_bind():
    """Given which corner is violated most, and by how much the others hold it in place."""
    rng = np.random.default_rng(5)
    root = rng.standard_normal((6, 6))
    covariance = root @ root.T / 6 + 0.1 * np.eye(6)
    weights, reps = np.array([1.0, 0.0, 0.0]), 3000
    refused = {None: 0, "first": 0}
    noise = rng.multivariate_normal(np.zeros(6), covariance, reps)
    for row in noise:
        path = event_study_of(row, covariance, before=3)
        found = hybrid.corners(path, covariance, smoothness(path, 0.0), weights)
        for name in refused:
            first = None if name is None else 2.6
            refused[name] += int(hybrid.rejects(found, np.zeros(1), 0.1, first)[0])
    for count in refused.values():
        assert abs(count / reps - 0.1) < 0.02


def test_wider_bounds_give_wider_intervals():
    for restriction in ("relative_magnitudes", "smoothness"):
        table = honest_bounds(effect_of(BC), restriction=restriction).table
        for kind in ("set", "conf"):
            length = table[f"{kind}_high"] - table[f"{kind}_low"]
            assert (np.diff(length) >= -1e-9).all()
    nested = honest_bounds(effect_of(BC)).table
    assert (np.diff(nested["conf_low"]) <= 1e-9).all()
    assert (np.diff(nested["conf_high"]) >= -1e-9).all()
    assert (nested["conf_low"] <= nested["set_low"] + 1e-9).all()


def test_breakdown_is_where_zero_enters():
    for restriction in ("relative_magnitudes", "smoothness"):
        result = honest_bounds(effect_of(BC), restriction=restriction, target=0)
        around = [result.breakdown * f for f in (0.999, 1.001)]
        table = honest_bounds(effect_of(BC), restriction=restriction, target=0, bounds=around).table
        assert table["conf_low"][0] > 0 > table["conf_low"][1]
        assert f"up to a bound of {result.breakdown:.3g}" in result.explain()
    weak = event_study_of(0.01 * VALUE, COVARIANCE, before=4)
    none = honest_bounds(effect_of(weak), bounds=[1])
    assert none.breakdown == 0
    assert "Even the strictest bound" in none.explain()


def test_few_clusters_widen_as_t_does():
    wide = event_study_of(VALUE, COVARIANCE, before=4, df=9.0)
    low, high = (honest_bounds(effect_of(p), bounds=[0.5]).original for p in (BC, wide))
    ratio = (high[2] - high[1]) / (low[2] - low[1])
    assert ratio == pytest.approx(stats.t.ppf(0.95, 9) / stats.norm.ppf(0.95))


def test_estimators_against_one_reference_are_read():
    data = panel(staggered_world(np.random.default_rng(3)))
    effects: list[EffectPosterior] = [
        SunAbraham().fit(data, rng=1),
        GroupTime(base="universal").fit(data, rng=1).aggregate("event"),
    ]
    first, second = (event_path(effect) for effect in effects)
    np.testing.assert_allclose(first.value, second.value, atol=1e-10)
    assert first.reference == second.reference == -1
    assert first.before.tolist() == [-5, -4, -3, -2]
    assert first.after.tolist() == [0, 1, 2, 3]


@pytest.mark.filterwarnings(STAGGERED)
def test_what_is_no_event_study_against_one_reference_is_refused():
    data = panel(fixture_f1())
    varying = GroupTime().fit(data, rng=1)
    with pytest.raises(ConfigError, match="by time since treatment"):
        honest_bounds(varying)
    with pytest.raises(ConfigError, match="GroupTime\\(base='universal'\\)"):
        honest_bounds(varying.aggregate("event"))
    with pytest.raises(ConfigError, match="no coefficients before treatment"):
        honest_bounds(ImputationDiD().fit(data, rng=1).aggregate("event"))
    with pytest.raises(DesignError, match="mixes effects"):
        honest_bounds(EventStudy().fit(data, rng=1))
    gaps = EventPath(
        before=np.array([-4.0, -2.0]),
        after=np.array([0.0]),
        reference=-1.0,
        value=np.zeros(3),
        covariance=np.eye(3),
        df=None,
    )
    with pytest.raises(InsufficientPeriodsError, match="gaps"):
        honest_bounds(effect_of(gaps))
    good = effect_of(BC)
    for options, words in (
        ({"target": 7}, "from 0 to 3"),
        ({"target": "mean"}, "'average'"),
        ({"target": {0: 0.0}}, "every weight"),
        ({"bounds": []}, "bounds is empty"),
        ({"bounds": [-1]}, "bounds"),
        ({"method": "fixed_length"}, "smoothness"),
    ):
        with pytest.raises(ConfigError, match=words):
            honest_bounds(good, **options)


def gaussian(path: EventPath, bend: float, weights: np.ndarray) -> tuple[float, float]:
    """Mean and sd of the target by one large normal posterior, with nearly flat priors."""
    k, q = path.n_before, len(path.after)
    n = k + q
    bends = second_differences(path) / bend
    load = np.block([[np.eye(n), np.vstack([np.zeros((k, q)), np.eye(q)])]])
    precision = load.T @ np.linalg.inv(path.covariance) @ load
    precision[:n, :n] += bends.T @ bends
    right = load.T @ np.linalg.inv(path.covariance) @ path.value
    inverse = np.linalg.inv(precision)
    a = np.append(np.zeros(n), weights)
    return float(a @ inverse @ right), float(np.sqrt(a @ inverse @ a))


@pytest.mark.parametrize("bend", [0.003, 0.03, 0.3])
def test_the_posterior_is_that_of_the_joint_normal(bend):
    result = honest_posterior(effect_of(BC), bend=bend, draws=40_000, rng=1)
    mean, sd = gaussian(BC, bend, np.full(4, 0.25))
    assert float(result.draws.mean()) == pytest.approx(mean, abs=5 * sd / 200)
    assert float(result.draws.std()) == pytest.approx(sd, rel=0.02)
    assert result.draw_kind == "posterior"
    assert result.assumptions[0].name == "trends that bend little"


def test_a_line_is_carried_forward_and_a_wide_prior_tells_nothing():
    path = event_study_of(np.array([0.02, 0.10]), np.diag([1e-8, 1e-8]), before=1)
    line = honest_posterior(effect_of(path), bend=0, target=0, rng=1)
    assert float(line.draws.mean()) == pytest.approx(0.12, abs=1e-4)
    mean, covariance = departure(path, 0.0)
    np.testing.assert_allclose(mean, [0.02, -0.02], atol=1e-12)
    assert np.linalg.matrix_rank(covariance) == 1
    widths = [
        float(honest_posterior(effect_of(path), bend=b, target=0, rng=1).draws.std())
        for b in (0, 0.1, 1)
    ]
    assert widths[0] < 0.001
    assert widths[1] == pytest.approx(0.1, rel=0.05)
    assert widths[2] == pytest.approx(1, rel=0.05)
    settled = honest_posterior(effect_of(path), bend=0, target=0, rng=1)
    np.testing.assert_array_equal(settled.draws, line.draws)


@pytest.mark.parametrize("restriction", ["relative_magnitudes", "smoothness"])
def test_the_band_has_the_bounds_of_every_time(restriction):
    effect = effect_of(BC)
    table = honest_band(effect, bound=0.1, restriction=restriction).set_index("event_time")
    assert table.loc[:-1, ["honest_low", "honest_high"]].isna().all(axis=None)
    for time in (0, 2):
        alone = honest_bounds(effect, bounds=[0.1], restriction=restriction, target=time).table
        found = table.loc[time, ["honest_low", "honest_high"]].tolist()
        assert found == alone.loc[0, ["conf_low", "conf_high"]].tolist()
    simultaneous = simultaneous_band(effect, 0.9).set_index("event_time")
    pd.testing.assert_series_equal(table["band_low"], simultaneous["band_low"])
    ax = event_study(table.reset_index())
    assert any("if trends may differ" in text.get_text() for text in ax.texts)
    low, high = ax.get_ylim()
    assert low < table["honest_low"].min() < table["honest_high"].max() < high


def test_the_posterior_is_worth_money():
    drawn = honest_posterior(effect_of(BC, scale="pp"), bend=0.01, rng=1)
    per = value.fixed(180, "EUR", per="retained customer", assumption="stated")
    money = value.incremental(drawn, per, rng=2)
    assert float(money.draws.mean()) == pytest.approx(180 * float(drawn.draws.mean()), rel=1e-9)
    assert any(a.name == "trends that bend little" for a in money.assumptions)


def test_the_picture_shows_bounds_and_breakdown():
    result = honest_bounds(effect_of(BC), target=0, bounds=[0, 1, 2])
    ax = result.plot(title="Bounds")
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == ["parallel\ntrends", "0", "1", "2"]
    assert any("sign certain up to" in text.get_text() for text in ax.texts)
    assert to_png(ax).startswith(b"\x89PNG")
    assert "Honest bounds" in result._repr_html_()
    assert result.tidy() is not result.table
