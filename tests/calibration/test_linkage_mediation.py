"""Direct and indirect effects cover their truth, also with a mediator that is measured badly."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from cximpact.effects.linkage.mediators import Mediation

pytestmark = pytest.mark.slow
WORLDS, N = 300, 1200
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def world(seed: int, *, binary: bool, noise: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    c = rng.normal(size=N)
    x = rng.integers(0, 2, N)
    m = 0.8 * x + 0.5 * c + rng.normal(size=N)
    eta = 0.3 * x + 0.6 * m + 0.4 * c + 0.2 * x * m - 0.5
    y = rng.random(N) < expit(eta) if binary else eta + rng.normal(size=N)
    return pd.DataFrame({"x": x, "m": m + noise * rng.normal(size=N), "y": y * 1.0, "c": c})


def truth(binary: bool) -> dict[str, float]:
    """Integrate the four means over covariate and mediator."""
    c, e = NODES[:, None], NODES[None, :]
    joint = WEIGHTS[:, None] * WEIGHTS[None, :]

    def mean(x: float, other: float) -> float:
        m = 0.8 * other + 0.5 * c + e
        eta = 0.3 * x + 0.6 * m + 0.4 * c + 0.2 * x * m - 0.5
        return float((joint * (expit(eta) if binary else eta)).sum())

    low, mixed, high = mean(0, 0), mean(1, 0), mean(1, 1)
    return {"total": high - low, "direct": mixed - low, "indirect": high - mixed}


@pytest.mark.parametrize(("binary", "noise"), [(True, 0.0), (False, 0.0), (False, 0.7)])
def test_effects_cover(binary: bool, noise: float):
    wanted = truth(binary)
    # the observed mediator varies by .8^2 / 4 + .5^2 + 1 and the error
    spread = 0.16 + 0.25 + 1.0
    settings = Mediation(
        exposure="x",
        mediator="m",
        outcome="y",
        covariates=["c"],
        reliability=spread / (spread + noise**2) if noise else None,
        draws=150,
    )
    tables = [
        settings.fit(world(seed, binary=binary, noise=noise), rng=seed)
        .summary(0.9)
        .set_index("effect")
        for seed in range(WORLDS)
    ]
    for name, value in wanted.items():
        inside = np.mean(
            [t.loc[name, "conf_low"] < value < t.loc[name, "conf_high"] for t in tables]
        )
        estimates = np.array([t.loc[name, "estimate"] for t in tables])
        assert 0.855 <= inside <= 0.945, (name, inside)
        assert abs(estimates.mean() - value) < 4 * estimates.std() / np.sqrt(WORLDS), name
