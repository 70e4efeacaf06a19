"""The what-if panel: the page's numbers are Python's, in a real browser."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cximpact import report, roi, value
from cximpact.core.errors import ConfigError
from cximpact.report.panel import panel_of, safe_json
from tests.support import money, projects

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --dump-dom "
    "--virtual-time-budget=20000"
).split()
browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@functools.cache
def simulation(rates_only=False):
    """Three initiatives, one for each mechanism, with segments, lags and uncertain costs.

    With ``rates_only`` the one whose effect is no rate is left out.
    """
    rng = np.random.default_rng(1)
    margin = value.uncertain(12, 3, "EUR", per="x", assumption="finance", rng=1, size=600)
    cost = value.uncertain(60_000, 15_000, "EUR", per="x", assumption="IT", rng=2, size=600)
    tiers = money.draws(
        rng.normal([0.004, 0.001], 0.002, (600, 2)), "did", "pp", ("tier",), {"tier": ["a", "b"]}
    )
    items = [
        roi.Initiative(
            name="call </script>",
            n={"a": 12_000, "b": 8_000},
            effect=tiers,
            mechanism="retention",
            value=margin,
            baseline=0.97,
            costs={"one_off": cost, "recurring": 1500, "per_treated": 1.5},
            lag=2,
            ramp=4,
            coverage=0.8,
        ),
        roi.Initiative(
            name="app",
            n=5000,
            effect=money.draws(rng.normal(0.5, 0.4, 600), "ab", "outcome"),
            mechanism="per_period",
            value=margin,
            costs={"one_off": 30_000},
            decay=0.05,
            stops=18,
            persists=True,
            pull_forward=0.2,
        ),
        roi.Initiative(
            name="letter",
            n=5000,
            effect=money.draws(rng.normal(0.05, 0.02, 600), "rct", "pp"),
            mechanism="one_time",
            value=100.0,
            currency="EUR",
            baseline=0.04,
            costs={"per_treated": 2.0},
            ramp=3,
        ),
    ]
    items = [items[0], items[2]] if rates_only else items
    world = roi.Scenario(retention_drift=-0.0005, growth=0.004, shared={"market": 0.1})
    return roi.simulate(items, horizon=24, payment="mid", rng=3, scenario=world, draws=600)


def test_without_changes_it_is_the_simulation():
    result, found = simulation(), roi.what_if(simulation())
    assert found.npv == pytest.approx(float(result.npv().mean()), rel=1e-12)
    assert found.roi == pytest.approx(result.roi(), rel=1e-12)
    assert found.probability == result.probability_of_profit()


def test_terms_do_what_they_say():
    base = roi.simulate(money.initiative(effect=money.normal(0.005, 0.002)), horizon=24)
    plain = roi.what_if(base)
    assert roi.what_if(base, cost=2).npv == pytest.approx(plain.npv - float(base.pv_cost().mean()))
    late = roi.simulate(money.initiative(effect=money.normal(0.005, 0.002), lag=3), horizon=24)
    assert roi.what_if(base, extra_lag=3).npv == pytest.approx(float(late.npv().mean()))
    dear = roi.simulate(
        money.initiative(effect=money.normal(0.005, 0.002)), horizon=24, discount_rate=0.3
    )
    assert roi.what_if(base, discount_rate=0.3).npv == pytest.approx(float(dear.npv().mean()))
    less = roi.simulate(money.initiative(effect=money.normal(0.003, 0.002)), horizon=24)
    assert roi.what_if(base, delta=0.002).npv == pytest.approx(float(less.npv().mean()), rel=1e-9)
    none = roi.what_if(base, coverage=0.0)
    assert none.npv == pytest.approx(-float(base.pv_cost().mean()))
    assert roi.what_if(base, coverage=5.0).npv == pytest.approx(plain.npv)  # all are reached
    half = roi.what_if(roi.simulate(money.initiative(coverage=0.5), horizon=24), coverage=2.0)
    assert half.npv == pytest.approx(
        float(roi.simulate(money.initiative(), horizon=24).npv().mean())
    )


def page_of(tmp_path: Path, result) -> Path:
    return report.write({"Return": result}, tmp_path / "report.html")


def seen(page: Path, terms: str = "") -> tuple[str, str, str, str]:
    """What a browser shows after the script ran."""
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={page.parent / 'profile'}"]
    command.append(page.as_uri() + (f"#{terms}" if terms else ""))
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = [
        re.search(rf'data-out="{name}">([^<]*)<', dom).group(1) for name in ("npv", "roi", "chance")
    ]
    return (*found, dom)


CASES = (
    {},
    {"cost": 1.35, "value": 0.7},
    {"coverage": 1.25, "extra_lag": 5},
    {"discount_rate": 0.255, "delta": 0.01},
    {"cost": 0.0},
    {"value": 0.0, "delta": -0.02, "extra_lag": 24},
)


@browser
@pytest.mark.parametrize("terms", CASES, ids=str)
def test_the_page_agrees_with_python_to_the_displayed_digits(tmp_path, terms):
    result = simulation("delta" in terms)
    page = page_of(tmp_path, result)
    steps = {s.name: s for s in panel_of(result).sliders}
    asked = {
        k: steps[k].low + round((v - steps[k].low) / steps[k].step) * steps[k].step
        for k, v in terms.items()
    }
    text = "&".join(f"{k}={v:.10g}" for k, v in asked.items())
    npv, ratio, chance, _ = seen(page, text)
    asked = {k: int(v) if k == "extra_lag" else float(f"{v:.10g}") for k, v in asked.items()}
    expected = roi.what_if(result, **asked).shown()
    assert (npv, ratio, chance) == (f"{expected[0]} EUR", expected[1], expected[2])


@browser
def test_the_page_shows_the_panel_and_runs_only_its_own_script(tmp_path):
    page = page_of(tmp_path, simulation(rates_only=True))
    dom = seen(page)[3]
    form = re.search(r'<form class="what-if"[^>]*>', dom).group(0)
    assert "hidden" not in form
    assert dom.count("<output") == 6 and 'data-for="delta">0.00 points</output>' in dom
    assert len(panel_of(simulation()).sliders) == 5  # effects in different units share no bias
    text = page.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert re.search(r"script-src 'sha256-[^']+';", policy) and "default-src 'none'" in policy
    hacked = tmp_path / "hacked.html"
    hacked.write_text(text.replace('"use strict";', '"use strict"; document.title = "x";'))
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'p'}", hacked.as_uri()]
    changed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "<title>x</title>" not in changed.stdout and "hidden" in changed.stdout


def test_names_cannot_leave_the_data(tmp_path):
    text = page_of(tmp_path, simulation()).read_text()
    assert "call </script>" not in text and "call \\u003c/script\\u003e" in text
    assert "</" not in safe_json({"a": "</script><!--", "b": "\u2028&"})


def test_pages_without_a_simulation_have_no_script(tmp_path):
    text = report.write({"Text": "nothing to move"}, tmp_path / "plain.html").read_text()
    assert "<script" not in text and "script-src" not in text and "runs no scripts" in text


def test_overlapping_initiatives_have_no_panel():
    result = roi.simulate(
        projects.pair(),
        horizon=2,
        scenario=roi.Scenario(overlaps=[roi.Overlap(initiatives=["a", "b"])]),
    )
    assert panel_of(result) is None
    with pytest.raises(ConfigError, match="simulate again"):
        roi.what_if(result, cost=2.0)


@pytest.mark.parametrize(
    ("terms", "match"),
    [
        ({"cost": -1}, "cost"),
        ({"extra_lag": 1.5}, "extra_lag"),
        ({"discount_rate": -1}, "above -1"),
    ],
)
def test_terms_that_cannot_be(terms, match):
    with pytest.raises(ConfigError, match=match):
        roi.what_if(simulation(), **terms)


def test_long_simulations_are_thinned_and_say_so():
    effect = money.normal(0.005, 0.002, n=6000)
    panel = panel_of(roi.simulate(money.initiative(effect=effect), horizon=6))
    assert "4,000 of 6,000 joint draws" in panel.note
    fixed = panel_of(roi.simulate(money.initiative(), horizon=6))
    assert "fixed number" in fixed.note
