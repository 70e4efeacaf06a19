import numpy as np
import pytest
from scipy import optimize

from cximpact.effects.linkage.dose.monotone_model import (
    BASE_SD,
    SIGMA_SD,
    TERM_SD,
    TOTAL_SD,
    BinaryCells,
    MonotoneModel,
    NormalCells,
)

LEVELS, ROWS = 5, 120
RNG = np.random.default_rng(1)
LEVEL = RNG.permutation(np.repeat(np.arange(LEVELS), ROWS // LEVELS))
X = RNG.normal(size=(ROWS, 2))
RATE = (RNG.random(ROWS) < 0.5).astype(float)
AMOUNT = RNG.normal(size=ROWS)


def model_of(rate: bool, increasing: bool) -> MonotoneModel:
    cells = (
        BinaryCells.from_rows(LEVEL, X, RATE) if rate else NormalCells.from_rows(LEVEL, X, AMOUNT)
    )
    return MonotoneModel(cells=cells, n_levels=LEVELS, n_terms=2, increasing=increasing)


def graph(rate: bool, increasing: bool):
    """The definition: a lowest level, a total rise and its flat Dirichlet parts."""
    import pymc as pm

    with pm.Model() as model:
        base = pm.Normal("base", 0, 1) * BASE_SD
        total = pm.HalfNormal("total", TOTAL_SD)
        shares = pm.Dirichlet("shares", np.ones(LEVELS - 1))
        gamma = pm.Normal("gamma", 0, TERM_SD, shape=2)
        climbed = pm.math.concatenate([[0.0], pm.math.cumsum(shares)])
        theta = base + (1 if increasing else -1) * total * climbed
        eta = theta[LEVEL] + X @ gamma
        if rate:
            pm.Bernoulli("y", logit_p=eta, observed=RATE)
        else:
            pm.Normal("y", eta, pm.HalfNormal("sigma", SIGMA_SD), observed=AMOUNT)
    return model


@pytest.mark.parametrize(("rate", "increasing"), [(True, True), (False, False)])
def test_the_density_is_that_of_the_graph(rate, increasing):
    definition, fast = graph(rate, increasing), model_of(rate, increasing)
    logp = definition.compile_fn(
        definition.logp(), inputs=definition.value_vars, mode="FAST_COMPILE"
    )
    rng = np.random.default_rng(2)
    for _ in range(5):
        z = rng.normal(size=fast.n_free)
        base, log_total, free, gamma, log_scale = fast.split(z)
        point = {
            "base": base[0],
            "total_log__": log_total[0],
            "shares_simplex__": free,
            "gamma": gamma,
        }
        if not rate:
            point["sigma_log__"] = log_scale[0]
        assert fast.log_density(z)[0] == pytest.approx(float(logp(point)), rel=1e-8)


@pytest.mark.parametrize("rate", [True, False])
@pytest.mark.parametrize("increasing", [True, False])
def test_the_slope_is_that_of_the_density(rate, increasing):
    model = model_of(rate, increasing)
    for seed in range(3):
        z = np.random.default_rng(seed).normal(size=model.n_free)
        slope = optimize.approx_fprime(z, lambda v: model.log_density(v)[0], 1e-7)
        assert model.log_density(z)[1] == pytest.approx(slope, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("increasing", [True, False])
def test_levels_are_in_order(increasing):
    z = np.random.default_rng(3).normal(size=(4, 7, 9))
    theta, gamma, scale = model_of(True, increasing).parameters(z[..., :7])
    assert theta.shape == (4, 7, LEVELS)
    steps = np.diff(theta, axis=-1)
    assert (steps > 0).all() if increasing else (steps < 0).all()
    assert gamma.shape[-1] == 2
    assert scale.shape[-1] == 0


def test_equal_rows_are_counted_and_change_nothing():
    rough = np.round(X)
    counted = BinaryCells.from_rows(LEVEL, rough, RATE)
    each = BinaryCells(level=LEVEL, x=rough, successes=RATE, trials=np.ones(ROWS))
    assert counted.trials.size < ROWS
    theta, gamma = np.linspace(-1, 1, LEVELS), np.array([0.3, -0.4])
    one, other = (c.log_likelihood(theta, gamma, np.zeros(0)) for c in (counted, each))
    assert one[0] == pytest.approx(other[0])
    assert one[1] == pytest.approx(other[1])
