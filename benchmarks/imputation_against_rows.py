"""The imputer beside the same model written a row at a time in PyMC.

8 segments x 6 channels x 20 regions x 12 months, 11 answers, about 15 % of the customers answer.
Both sides have the same priors, centered effects and the same sampler, nutpie; the peer has one
term for each answer, as the ordered logistic of PyMC is used. Every measurement is a process of its
own, and processor seconds count from its start: imports, compilation and all.

    python benchmarks/imputation_against_rows.py 20000 200000
    python benchmarks/imputation_against_rows.py --gradient 20000 200000 2000000
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

SIZES = {"segment": 8, "channel": 6, "region": 20, "month": 12}
CUTS = np.array([-3.6, -3.2, -2.8, -2.4, -2.0, -1.4, -0.8, -0.1, 0.8, 1.8])


def customers(n: int) -> pd.DataFrame:
    """Everybody, with the answers of about 15 %."""
    rng = np.random.default_rng(7)
    codes = {name: rng.integers(0, k, n) for name, k in SIZES.items()}
    eta = np.zeros(n)
    for (name, k), sd in zip(SIZES.items(), (0.5, 0.3, 0.3, 0.15), strict=True):
        effect = rng.normal(0, sd, k)
        eta += (effect - effect.mean())[codes[name]]
    answers = np.searchsorted(CUTS, eta + rng.logistic(size=n)).astype(float)
    silent = rng.random(n) > 1 / (1 + np.exp(1.75 - 0.3 * eta))
    return pd.DataFrame(codes).assign(nps=np.where(silent, np.nan, answers))


def wave(n: int) -> Any:
    """The customers as a wave."""
    import cximpact as cx

    return cx.SurveyWave(
        customers(n),
        answer="nps",
        scale=cx.scores.NPS,
        factors=["segment", "channel", "region"],
        period="month",
    )


def rows_model(n: int) -> Any:
    """The same model, one term an answer."""
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor
    frame = customers(n).dropna()
    with pm.Model() as model:
        p0 = pm.Dirichlet("p0", np.ones(11))
        below = pt.clip(pt.cumsum(p0)[:-1], 1e-12, 1 - 1e-12)
        cuts = pm.Deterministic("cuts", pt.log(below) - pt.log1p(-below))
        eta = 0.0
        for name in ("segment", "channel", "region"):
            sigma = pm.HalfNormal(f"sigma_{name}", 1.0)
            effect = pm.ZeroSumNormal(f"effect_{name}", sigma, shape=SIZES[name])
            eta = eta + effect[frame[name].to_numpy()]
        walk_sd = pm.HalfNormal("walk_sd", 0.2)
        step = pm.Normal("step", 0, walk_sd, shape=SIZES["month"] - 1)
        path = pt.concatenate([pt.zeros(1), pt.cumsum(step)])
        effect = pm.Deterministic("effect_month", path - path.mean())
        eta = eta + effect[frame["month"].to_numpy()]
        pm.OrderedLogistic(
            "answer", eta, cuts, observed=frame["nps"].to_numpy(dtype=int), compute_p=False
        )
    return model


def nps(draws: Any, n: int) -> tuple[float, float]:
    """Expected NPS of everybody under draws of the parameters, with its sd."""
    counted = customers(n).groupby(list(SIZES), as_index=False)["nps"].size()
    eta = 0.0
    for name in SIZES:
        eta = eta + draws[f"effect_{name}"][:, counted[name].to_numpy()]
    passive = 1 / (1 + np.exp(eta - draws["cuts"][:, [8]]))
    detractor = 1 / (1 + np.exp(eta - draws["cuts"][:, [6]]))
    score = 100 * (1 - passive - detractor) @ counted["size"].to_numpy() / n
    return float(score.mean()), float(score.std())


def slowest(posterior: Any) -> float:
    """Effective draws of the slowest parameter that both sides have."""
    import arviz as az

    names = ["cuts", "walk_sd", *(f"sigma_{n}" for n in ("segment", "channel", "region"))]
    names += [f"effect_{n}" for n in SIZES]
    kept = posterior[names]
    return min(
        float(az.ess(kept, method=kind)[name].min()) for kind in ("bulk", "tail") for name in names
    )


def flat(posterior: Any) -> dict[str, np.ndarray]:
    """Stack chains and draws."""
    return {
        str(name): value.values.reshape(-1, *value.shape[2:])
        for name, value in posterior.data_vars.items()
    }


def measure_rows(n: int) -> dict[str, float]:
    """Sample the peer."""
    import nutpie

    model = rows_model(n)
    compiled = nutpie.compile_pymc_model(model)
    ready = cpu()
    tree = nutpie.sample(compiled, draws=500, tune=400, chains=2, seed=1, progress_bar=False)
    end = cpu()
    posterior = tree.posterior.to_dataset()
    mean, sd = nps(flat(posterior), n)
    return {"start": ready, "all": end, "ess": slowest(posterior), "nps": mean, "sd": sd}


def measure_own(n: int, method: str) -> dict[str, float]:
    """Fit the imputer."""
    import cximpact as cx

    data = wave(n)
    if method == "nuts":
        import nutpie  # noqa: F401
    ready = cpu()
    fit = cx.imputation.OrdinalImputer(
        method=method, draws=600, chains=4, allow_unconverged=True
    ).fit(data, rng=1)
    end = cpu()
    score = fit.score(target="super")
    posterior = fit.fit["posterior"].to_dataset()
    ess = slowest(posterior) if method == "nuts" else float(fit.diagnostics["min_ess"])
    found = {"start": ready, "all": end, "ess": ess}
    return found | {"nps": float(score.mean()), "sd": float(score.std())}


def measure_gradient(n: int, side: str) -> dict[str, float]:
    """Time one gradient of the log posterior, in processor seconds."""
    if side == "own":
        import cximpact as cx

        data = wave(n)
        imputer = cx.imputation.OrdinalImputer().resolve(data)
        posterior = imputer.posterior(imputer.cells(data))
        size, evaluate = posterior.n_free, posterior.value_and_gradient
    else:
        import nutpie

        handle = nutpie.compile_pymc_model(rows_model(n))
        size = handle.n_dim
        evaluate = _compiled_gradient(handle, size)
    point = np.full(size, 0.01)
    evaluate(point)
    repeats = 5
    while True:
        begin = cpu()
        for _ in range(repeats):
            evaluate(point)
        spent = cpu() - begin
        if spent > 2.0:
            return {"gradient": spent / repeats}
        repeats *= 3


def _compiled_gradient(handle: Any, size: int) -> Callable[[np.ndarray], Any]:
    """The function that nutpie calls: it writes the gradient and the value."""
    import ctypes

    address = handle.compiled_logp_func.address
    pointer = ctypes.POINTER(ctypes.c_double)
    signature = ctypes.CFUNCTYPE(
        ctypes.c_int64, ctypes.c_size_t, pointer, pointer, pointer, ctypes.c_void_p
    )
    function, out, value = signature(address), np.zeros(size), np.zeros(1)
    user = handle.user_data.ctypes.data_as(ctypes.c_void_p)

    def evaluate(point: np.ndarray) -> int:
        arrays = [a.ctypes.data_as(pointer) for a in (point, out, value)]
        return function(size, *arrays, user)

    return evaluate


def cpu() -> float:
    """Processor seconds of this process since it began."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(*arguments: object) -> dict[str, float]:
    """Take one measurement in a process of its own."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def one(what: str, size: str, *rest: str) -> dict[str, float]:
    """Take the measurement that the command line names."""
    n = int(size)
    if what == "gradient":
        found = measure_gradient(n, rest[0])
    else:
        found = measure_rows(n) if what == "rows" else measure_own(n, what)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found | {"rss": peak}


def to_400(found: dict[str, float]) -> float:
    """Processor seconds to 400 effective draws of the slowest parameter, start included."""
    return found["start"] + (found["all"] - found["start"]) * 400 / found["ess"]


def table(sizes: list[int]) -> None:
    """Print the comparison."""
    head = f"{'customers':>10} {'side':>8} {'start':>7} {'all':>8} {'ESS':>6} {'to 400':>8}"
    print(head + f" {'NPS':>8} {'sd':>6} {'MB':>6} {'ratio':>6}")
    for n in sizes:
        found = {side: run(side, n) for side in ("rows", "nuts", "laplace")}
        for side, row in found.items():
            ratio = to_400(found["rows"]) / to_400(row)
            print(
                f"{n:>10,} {side:>8} {row['start']:7.1f} {row['all']:8.1f} {row['ess']:6.0f} "
                f"{to_400(row):8.1f} {row['nps']:8.3f} {row['sd']:6.3f} {row['rss']:6.0f} "
                f"{ratio:6.1f}",
                flush=True,
            )


def gradients(sizes: list[int]) -> None:
    """Print the time of one gradient."""
    for n in sizes:
        rows, own = (run("gradient", n, side)["gradient"] for side in ("rows", "own"))
        print(f"{n:>10,} rows {rows * 1e6:10.0f} us  own {own * 1e6:8.0f} us  {rows / own:6.1f}")


def main() -> None:
    """Read the command line."""
    words = sys.argv[1:]
    if words[:1] == ["--one"]:
        print(json.dumps(one(*words[1:])))
    elif words[:1] == ["--gradient"]:
        gradients([int(w) for w in words[1:]])
    else:
        started = time.perf_counter()
        table([int(w) for w in words] or [20_000])
        print(f"{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
