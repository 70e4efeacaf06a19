"""Uplift beside its peers: error of the effect, seconds, memory, and evaluations per second.

python benchmarks/uplift.py [--only WORD] [--rows N]

Every measurement runs in a process of its own on one thread, after a first call on a few rows
(imports and compilation are not counted). Seconds are CPU seconds of the process. Both sides get
the same rows of a world whose effects are known. Peers are in the dependency group
``bench-uplift``; a row whose peer is not installed says so. A measurement is a function here,
found by its name in `MEASURES`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

Numbers = dict[str, Any]
Task = Callable[[int], Callable[[int], Numbers]]
ROWS, TEST_ROWS, MANY, REPLICATES = 50_000, 100_000, 500_000, 200
WORLDS = ("heterogeneous", "linear", "null", "confounded", "retention")
NEW = 10_000_000
"""Seed of the customers that nothing is fitted on."""


def section(n: int, world: str, seed: int) -> Any:
    import cximpact as cx

    made = cx.datasets.simulate_contacts(seed, n=n, world=world)
    treatment, outcome = ("called", "stayed") if world == "retention" else ("treated", "outcome")
    known = 0.5 if world in ("heterogeneous", "null", "retention") else None
    data = cx.CrossSection(
        made.customers,
        outcome=outcome,
        treatment=treatment,
        features=made.features,
        propensity=known,
    )
    return data, made.truth_frame["effect"].to_numpy()


def arrays(n: int, world: str, seed: int) -> tuple[Any, Any, Any, Any]:
    """Give a peer the matrix that our encoder makes, so that it need not read text."""
    from cximpact.effects.uplift.features import FeatureEncoder

    data, effect = section(n, world, seed)
    rows = data.to_arrays()
    return FeatureEncoder.learn(rows.table).encode(rows.table), rows.arm, rows.outcome, effect


def judged(found: Any, effect: Any, cpu: float) -> Numbers:
    import numpy as np

    error = float(np.sqrt(np.mean((found - effect) ** 2)))
    varies = effect.std() > 0 and found.std() > 0
    correlation = float(np.corrcoef(found, effect)[0, 1]) if varies else float("nan")
    return {"rmse": error, "correlation": correlation, "cpu": cpu}


def ours(name: str, world: str, **settings: Any) -> Callable[[int], Numbers]:
    import cximpact as cx

    def run(n: int) -> Numbers:
        data, _ = section(n, world, 1)
        test, effect = section(min(TEST_ROWS, 2 * n), world, NEW)
        start = time.process_time()
        fitted = getattr(cx.effects.uplift, name)(**settings).fit(data, rng=1)
        found = fitted.model.effect(fitted.model.numbers(test))
        out = judged(found[:, 0], effect, time.process_time() - start)
        if fitted.model.has_errors:
            some = fitted.model.numbers(test)[:5000]
            off = abs(found[:5000, 0] - effect[:5000])
            out["cover"] = float((off < 1.6449 * fitted.model.std_error(some)[:, 0]).mean())
        return out

    return run


def r_learner(world: str) -> Callable[[int], Numbers]:
    return ours("RLearner", world)


def dr_learner(world: str) -> Callable[[int], Numbers]:
    return ours("DRLearner", world)


def t_learner(world: str) -> Callable[[int], Numbers]:
    return ours("TLearner", world)


def boosting(**settings: Any) -> dict[str, Any]:
    """Use the same boosting on both sides: 100 rounds, 15 leaves, no early stop."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    same = {"max_leaf_nodes": 15, "max_iter": 100, "early_stopping": False}
    return {
        "classifier": HistGradientBoostingClassifier(**same),
        "regressor": HistGradientBoostingRegressor(**same),
    }


def t_same(world: str) -> Callable[[int], Numbers]:
    import cximpact as cx

    two = cx.effects.uplift.CrossFit(folds=2)
    return ours("TLearner", world, outcome_model=boosting()["classifier"], crossfit=two)


def dr_same(world: str) -> Callable[[int], Numbers]:
    import cximpact as cx

    two = cx.effects.uplift.CrossFit(folds=2)
    learner = boosting()
    return ours(
        "DRLearner",
        world,
        outcome_model=learner["classifier"],
        final_model=learner["regressor"],
        crossfit=two,
    )


def econml_forest(world: str) -> Callable[[int], Numbers]:
    from econml.dml import CausalForestDML

    def run(n: int) -> Numbers:
        x, t, y, _ = arrays(n, world, 1)
        new, _, _, effect = arrays(min(TEST_ROWS, 2 * n), world, NEW)
        start = time.process_time()
        forest = CausalForestDML(
            model_y=boosting()["classifier"],
            model_t=boosting()["classifier"],
            discrete_treatment=True,
            discrete_outcome=True,
            n_estimators=200,
            min_samples_leaf=50,
            random_state=1,
            n_jobs=1,
        ).fit(y, t, X=x)
        found = forest.effect(new).ravel()
        out = judged(found, effect, time.process_time() - start)
        low, high = forest.effect_interval(new[:5000], alpha=0.1)
        inside = (low.ravel() <= effect[:5000]) & (effect[:5000] <= high.ravel())
        return out | {"cover": float(inside.mean())}

    return run


def econml_t(world: str) -> Callable[[int], Numbers]:
    """The peer's T-learner takes regressors, so that a classifier is wrapped as one."""
    from econml.metalearners import TLearner

    def run(n: int) -> Numbers:
        x, t, y, _ = arrays(n, world, 1)
        new, _, _, effect = arrays(min(TEST_ROWS, 2 * n), world, NEW)
        start = time.process_time()
        found = TLearner(models=boosting()["regressor"]).fit(y, t, X=x).effect(new).ravel()
        return judged(found, effect, time.process_time() - start)

    return run


def econml_dr(world: str) -> Callable[[int], Numbers]:
    from econml.dr import DRLearner
    from sklearn.dummy import DummyClassifier

    def run(n: int) -> Numbers:
        x, t, y, _ = arrays(n, world, 1)
        new, _, _, effect = arrays(min(TEST_ROWS, 2 * n), world, NEW)
        start = time.process_time()
        learner = DRLearner(
            model_propensity=DummyClassifier(),
            model_regression=boosting()["classifier"],
            model_final=boosting()["regressor"],
            discrete_outcome=True,
            cv=2,
            random_state=1,
        )
        found = learner.fit(y, t, X=x).effect(new).ravel()
        return judged(found, effect, time.process_time() - start)

    return run


def scored(n: int) -> tuple[Any, Any, Any]:
    """Outcome, treatment and a score with some truth in it, of many distinct values."""
    import numpy as np

    data, effect = section(n, "heterogeneous", 1)
    rows = data.to_arrays()
    noise = np.random.default_rng(2).normal(0, 0.05, n)
    return rows.outcome, rows.arm, effect + noise


def qini(_: str) -> Callable[[int], Numbers]:
    import cximpact as cx

    def run(n: int) -> Numbers:
        y, t, score = scored(n)
        held_out = cx.effects.uplift.HeldOut(outcome=y, treatment=t)
        start, wall = time.process_time(), time.perf_counter()
        found = cx.effects.uplift.evaluate_scores(score, held_out, replicates=REPLICATES, rng=1)
        cpu, wall = time.process_time() - start, time.perf_counter() - wall
        value = found.tidy().set_index("metric").loc["qini", "estimate"]
        return {"qini": float(value), "cpu": cpu / REPLICATES, "wall": wall / REPLICATES}

    return run


def sklift_qini(_: str) -> Callable[[int], Numbers]:
    from sklift.metrics import qini_auc_score

    def run(n: int) -> Numbers:
        import numpy as np

        y, t, score = scored(n)
        y, t = y.astype(int), np.asarray(t)
        start = time.process_time()
        for _ in range(5):
            value = qini_auc_score(y, score, t)
        return {"qini": float(value), "cpu": (time.process_time() - start) / 5}

    return run


def segments(_: str) -> Callable[[int], Numbers]:
    import cximpact as cx

    def run(n: int) -> Numbers:
        import numpy as np
        import pandas as pd

        rng = np.random.default_rng(1)
        cell, t = rng.integers(0, 24, n), rng.integers(0, 2, n)
        y = (rng.random(n) < 0.2 + 0.01 * cell + 0.02 * t).astype(int)
        frame = pd.DataFrame({"cell": cell.astype(str), "t": t, "y": y})
        start = time.process_time()
        data = cx.CrossSection(frame, outcome="y", treatment="t", features=["cell"])
        read = time.process_time() - start
        cx.effects.uplift.HierarchicalUplift(by=["cell"]).fit(data, rng=1)
        return {"cpu": time.process_time() - start, "of which checks": read}

    return run


MEASURES: dict[str, tuple[str, str | None, Callable[[str], Callable[[int], Numbers]], int]] = {
    "error, RLearner (causal forest)": ("error", None, r_learner, ROWS),
    "error, DRLearner (forest)": ("error", None, dr_learner, ROWS),
    "error, TLearner (boosting)": ("error", None, t_learner, ROWS),
    "error, econml CausalForestDML": ("error", "econml", econml_forest, ROWS),
    "same boosting, TLearner": ("same", None, t_same, MANY),
    "same boosting, econml TLearner": ("same", "econml", econml_t, MANY),
    "same boosting, DRLearner": ("same", None, dr_same, MANY),
    "same boosting, econml DRLearner": ("same", "econml", econml_dr, MANY),
    "one Qini of 200 replicates": ("once", None, qini, MANY),
    "one Qini, scikit-uplift": ("once", "sklift", sklift_qini, MANY),
    "HierarchicalUplift, few rows": ("once", None, segments, 10_000),
    "HierarchicalUplift, many rows": ("once", None, segments, 5_000_000),
}


def measure(name: str, world: str, rows: int | None) -> None:
    """Run one measurement in this process and print its numbers."""
    _, _, task, n = MEASURES[name]
    warnings.simplefilter("ignore")
    run = task(world)
    run(4000)
    found = run(rows or n)
    gained = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found | {"peak MB": gained}))


def table(only: str, rows: int | None) -> None:
    """Run every measurement in a process of its own and print a line for each."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    for name, (kind, peer, _, _) in MEASURES.items():
        if only not in name and only != kind:
            continue
        for world in WORLDS if kind == "error" else ("heterogeneous",):
            if peer is not None and importlib.util.find_spec(peer) is None:
                print(f"{name:34} {peer} is not installed")
                break
            command = [sys.executable, __file__, "--measure", name, "--world", world]
            command += ["--rows", str(rows)] if rows else []
            done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
            if done.returncode:
                print(
                    f"{name:34} {world:14} failed: {done.returncode} {done.stderr.strip()[-200:]}"
                )
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            shown = "  ".join(f"{k} {v:.4g}" for k, v in found.items())
            print(f"{name:34} {world:14} {shown}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--measure")
    parser.add_argument("--world", default="heterogeneous")
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.world, options.rows)
    else:
        table(options.only, options.rows)


if __name__ == "__main__":
    main()
