"""Negative controls: four verdicts, for asymptotic effects and for draws."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core import errors
from cximpact.core.results import EffectPosterior, Estimand, Provenance
from cximpact.effects.overlap import negative_control


def effect(estimate, error, kind="asymptotic", df=20.0, scale="outcome"):
    rng = np.random.default_rng(1)
    estimate = np.atleast_1d(np.asarray(estimate, dtype=float))
    values = estimate + error * rng.standard_normal((4000, estimate.size))
    one = estimate.size == 1
    stored = (
        {}
        if kind != "asymptotic"
        else {
            "estimate": xr.DataArray(estimate[0] if one else estimate, dims=() if one else "store"),
            "std_error": xr.DataArray(
                error if one else np.full(estimate.size, error), dims=() if one else "store"
            ),
            "df": df,
        }
    )
    return EffectPosterior(
        draws=dr.from_array(
            values[:, 0] if one else values, source="fit", dims=() if one else ["store"]
        ),
        estimand=Estimand(target="ate", contrast="a - b", scale=scale, population="customers"),
        draw_kind=kind,
        n=100,
        assumptions=(),
        diagnostics={},
        provenance=Provenance(method="test"),
        would_change_it="",
        **stored,
    )


CASES = [
    (0.0, 0.1, "no sign of bias"),
    (0.5, 0.1, "bias within the margin"),
    (0.3, 1.0, "inconclusive"),
    (2.0, 0.4, "bias"),
    (-2.0, 0.4, "bias"),
]


@pytest.mark.parametrize("kind", ["asymptotic", "bootstrap"])
@pytest.mark.parametrize(("estimate", "error", "verdict"), CASES)
def test_verdicts(estimate, error, verdict, kind):
    found = negative_control(effect(estimate, error, kind), name="past visits", margin=1.0)
    assert found.verdict == verdict
    assert f"Verdict: {verdict}" in found.explain()


def test_p_values_are_those_of_the_t_distribution():
    row = negative_control(effect(0.5, 0.4), name="x", margin=1.0).table.iloc[0]
    assert row["p_zero"] == pytest.approx(2 * stats.t.sf(1.25, 20))
    assert row["p_margin"] == pytest.approx(stats.t.sf(1.25, 20))
    other = negative_control(effect(-0.5, 0.4, df=None), name="x", margin=1.0).table.iloc[0]
    assert other["p_zero"] == pytest.approx(2 * stats.norm.sf(1.25))
    assert other["p_margin"] == pytest.approx(stats.norm.sf(1.25))


@pytest.mark.parametrize("kind", ["asymptotic", "bootstrap"])
def test_the_tests_agree_with_the_interval(kind):
    for estimate in np.linspace(-1.2, 1.2, 25):
        row = negative_control(effect(estimate, 0.3, kind), name="x", margin=1.0).table.iloc[0]
        holds_zero = row["conf_low"] <= 0 <= row["conf_high"]
        within = row["conf_low"] > -1 and row["conf_high"] < 1
        assert (row["p_zero"] >= 0.1) == holds_zero
        assert (row["p_margin"] < 0.05) == within
        words = {
            (True, True): "no sign of bias",
            (False, True): "bias within the margin",
            (True, False): "inconclusive",
            (False, False): "bias",
        }
        assert row["verdict"] == words[holds_zero, within]


def test_no_p_value_is_below_one_over_the_draws():
    row = negative_control(effect(0.5, 0.01, "posterior"), name="x", margin=1.0).table.iloc[0]
    assert row["p_zero"] == row["p_margin"] == 1 / 4000


def test_several_effects_take_the_worst():
    found = negative_control(effect([0.0, 2.0, 0.1], 0.1), name="x", margin=1.0)
    assert found.verdict == "bias"
    assert "2 (90% interval" in found.explain() and "the worst of 3" in found.explain()
    assert len(found.tidy()) == 3


def test_words():
    found = negative_control(
        lambda: effect(0.002, 0.001, scale="pp"), name="rain", margin=0.01, kind="exposure"
    )
    text = found.explain()
    assert "rain cannot change the outcome" in text
    assert "0.2 percentage points" in text and "from 1 percentage points on" in text
    outcome = negative_control(effect(0.0, 0.1), name="visits in 2020", margin=1.0)
    assert "the initiative cannot change visits in 2020" in outcome.explain()
    assert "Negative control: visits in 2020" in outcome._repr_html_()


@pytest.mark.parametrize(
    ("given", "options", "error", "match"),
    [
        (0.3, {}, errors.DtypeError, "float"),
        (lambda: 0.3, {}, errors.DtypeError, "float"),
        (effect(0, 1), {"margin": 0}, errors.ConfigError, "margin"),
        (effect(0, 1), {"kind": "dose"}, errors.ConfigError, "kind"),
        (effect(0, 1), {"prob": 90}, errors.ConfigError, "0.9"),
    ],
)
def test_bad_input_is_refused(given, options, error, match):
    with pytest.raises(error, match=match):
        negative_control(given, **({"name": "x", "margin": 1.0} | options))
