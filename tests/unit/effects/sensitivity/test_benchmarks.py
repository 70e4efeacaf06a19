"""Bounds by a covariate: printed numbers, and the strength of columns by dense algebra."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cximpact.core import errors
from cximpact.effects.sensitivity import benchmark_bounds
from cximpact.effects.sensitivity.benchmarks import strength_bound
from tests.support.golden import load

FEMALE = load("sensitivity")["darfur"]["female"]


def table(n=200, seed=1):
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal((2, n))
    g = rng.choice(["north", "south", "west"], n)
    t = (0.6 * x + (g == "west") + rng.standard_normal(n) > 0).astype(int)
    y = 1.0 * t + x + 0.5 * z + 0.4 * (g == "south") + rng.standard_normal(n)
    return pd.DataFrame({"y": y, "t": t, "x": x, "z": z, "g": g})


COVARIATES = ["x", "z", "g"]


def test_printed_strengths():
    first = {k: float(v) for k, v in FEMALE[0].items()}
    r_d = first["r2_treatment"] / (1 + first["r2_treatment"])
    c = r_d**2 / (1 - r_d) ** 2
    odds = first["r2_outcome"] * (1 - c) / (1 + np.sqrt(c)) ** 2
    r_y = odds / (1 + odds)
    for row in FEMALE:
        found = strength_bound(r_d, r_y, row["k"])
        assert found == pytest.approx([float(row[c]) for c in ("r2_treatment", "r2_outcome")])


def test_the_strength_of_a_covariate_is_what_leaving_it_out_costs():
    data = table()
    found = benchmark_bounds(data, "y", "t", COVARIATES, ["x", "g"], k=1)

    def rss(target, columns):
        design = np.column_stack([np.ones(len(data)), *columns]).astype(float)
        return np.linalg.lstsq(design, data[target].to_numpy(dtype=float))[1][0]

    dummies = [data["g"] == "south", data["g"] == "west"]
    for name, without in (("x", ["z", *dummies]), ("g", ["x", "z"])):
        rest = [data[c] if isinstance(c, str) else c for c in without]
        whole = [data["x"], data["z"], *dummies]
        r_d = 1 - rss("t", whole) / rss("t", rest)
        r_y = 1 - rss("y", [*whole, data["t"]]) / rss("y", [*rest, data["t"]])
        row = found[found["benchmark"] == name].iloc[0]
        assert (row["r2_treatment"], row["r2_outcome"]) == pytest.approx(
            strength_bound(r_d, r_y, 1.0)
        )


def test_interval_and_t_belong_to_the_adjusted_estimate():
    row = benchmark_bounds(table(20, 2), "y", "t", ["x", "z"], "x", k=0.1, prob=0.95).iloc[0]
    assert row["t"] == pytest.approx(row["estimate"] / row["std_error"])
    half = (row["conf_high"] - row["conf_low"]) / 2
    assert half / row["std_error"] == pytest.approx(stats.t.ppf(0.975, 20 - 4 - 1))
    assert row["estimate"] == pytest.approx((row["conf_low"] + row["conf_high"]) / 2)


def test_more_harmful_with_k_and_for_a_stronger_covariate():
    found = benchmark_bounds(table(), "y", "t", COVARIATES, COVARIATES, k=(0.5, 1, 2))
    for _, rows in found.groupby("benchmark"):
        assert (np.diff(rows["estimate"]) < 0).all()


def test_the_outcome_cannot_be_explained_more_than_all():
    assert strength_bound(0.1, 0.9, 2) == (pytest.approx(0.2 / 0.9), 1.0)
    assert strength_bound(0.0, 0.1, 5) == (0.0, pytest.approx(5 * 0.1 / 0.9))
    assert np.isnan(strength_bound(0.5, 0.1, 1)).all()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"benchmark": "xx"}, errors.ConfigError, "unknown"),
        ({"benchmark": "x", "k": 50}, errors.ConfigError, "expected k below"),
        ({"benchmark": "x", "k": -1}, errors.ConfigError, "k is -1"),
        ({"benchmark": "x", "k": []}, errors.DtypeError, "k is empty"),
        ({"benchmark": "x", "prob": 95}, errors.ConfigError, "0.95"),
    ],
)
def test_bad_settings_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        benchmark_bounds(table(), "y", "t", COVARIATES, **options)
