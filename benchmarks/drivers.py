"""Importance of 30 ratings with bootstrap draws, beside refitting on rows in every draw.

30 correlated ratings of 30,000 customers. Ours is the whole search for drivers: shares of R2 with
200 draws, the same without the halo, stability selection and coefficients. The peer computes the
same shares over the same number of orders, but as it is usually written: in every draw the rows are
weighted, and each step of an order is a least-squares fit on them. It would take days, so one
draw and a few orders are timed and the rest is extrapolated; the table says so. Between the two
stands a careful peer, which weights the rows in every draw, makes their cross-products once, and
then solves the normal equations of each step in numpy; a few of its draws are timed.

    python benchmarks/drivers.py [--rows 30000] [--ratings 30] [--draws 200]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from cximpact.effects.linkage.importance import drivers

ORDERS, PEER_ORDERS, CAREFUL_DRAWS = 120, 1, 1


def survey(rows: int, ratings: int) -> pd.DataFrame:
    """Ratings with a halo; the first four go with the outcome."""
    rng = np.random.default_rng(0)
    x = np.round(3.5 + 0.6 * rng.standard_normal((rows, 1)) + rng.standard_normal((rows, ratings)))
    frame = pd.DataFrame(np.clip(x, 1, 5), columns=[f"r{i:02d}" for i in range(ratings)])
    y = frame.iloc[:, :4].to_numpy() @ [0.5, 0.4, 0.3, 0.2] + rng.standard_normal(rows)
    return frame.assign(y=y)


def refit_on_rows(x: np.ndarray, y: np.ndarray, w: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Gains in R2 over some orders, by a least-squares fit on rows for every step."""
    root = np.sqrt(w)[:, None]
    full = root * np.column_stack([np.ones(len(x)), x])
    target = root[:, 0] * y
    total = w @ (y - np.average(y, weights=w)) ** 2
    gains = np.zeros(x.shape[1])
    for order in orders:
        before = total
        for step in range(1, len(order) + 1):
            inside = full[:, [0, *(order[:step] + 1)]]
            left = target - inside @ np.linalg.lstsq(inside, target, rcond=None)[0]
            after = left @ left
            gains[order[step - 1]] += before - after
            before = after
    return gains / len(orders) / total


def solve_normal_equations(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, orders: np.ndarray
) -> np.ndarray:
    """The same from cross-products of the weighted rows."""
    joint = np.column_stack([x, y])
    centered = joint - np.average(joint, axis=0, weights=w)
    matrix = (centered * w[:, None]).T @ centered
    gains = np.zeros(x.shape[1])
    for order in orders:
        before = 0.0
        for step in range(1, len(order) + 1):
            inside = order[:step]
            cross = matrix[inside, -1]
            after = cross @ np.linalg.solve(matrix[np.ix_(inside, inside)], cross)
            gains[order[step - 1]] += after - before
            before = after
    return gains / len(orders) / matrix[-1, -1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rows", 30_000), ("ratings", 30), ("draws", 200)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    frame = survey(asked.rows, asked.ratings)
    names = list(frame)[:-1]
    drivers(frame.iloc[:500], outcome="y", ratings=names, draws=2, pairs=2, rng=1)  # compile
    start = time.perf_counter()
    result = drivers(frame, outcome="y", ratings=names, draws=asked.draws, orders=ORDERS, rng=1)
    ours = time.perf_counter() - start

    rng = np.random.default_rng(1)
    x, y = frame[names].to_numpy(), frame["y"].to_numpy()
    rounds = -(-ORDERS // (2 * len(names))) * 2 * len(names)
    orders = np.array([rng.permutation(len(names)) for _ in range(rounds)])
    w = rng.standard_exponential(len(x))
    start = time.perf_counter()
    rows = refit_on_rows(x, y, w, orders[:PEER_ORDERS])
    rows_time = (time.perf_counter() - start) * rounds / PEER_ORDERS * asked.draws
    start = time.perf_counter()
    for _ in range(CAREFUL_DRAWS):
        careful = solve_normal_equations(x, y, w, orders)
    careful_time = (time.perf_counter() - start) * asked.draws / CAREFUL_DRAWS
    same = solve_normal_equations(x, y, w, orders[:PEER_ORDERS])

    print(f"{asked.rows:,} rows, {len(names)} ratings, {asked.draws} draws, {rounds} orders a draw")
    print(f"{'':34}{'seconds':>12}{'ratio':>10}")
    print(f"{'whole search for drivers':34}{ours:12.1f}{1:10.0f}")
    for name, taken in (
        ("cross-products, numpy (*)", careful_time),
        ("refit on rows (*)", rows_time),
    ):
        print(f"{name:34}{taken:12.1f}{taken / ours:10.0f}")
    print(f"(*) extrapolated from {CAREFUL_DRAWS} draw, and from {PEER_ORDERS} order of one draw")
    print(f"both peers agree to {np.abs(rows - same).max():.1e}")
    estimate = result.estimate.values
    print(f"one draw of the peer is within {np.abs(careful - estimate).max():.4f} of our estimate,")
    print(f"whose draws have standard deviations up to {result.draws.std('sample').max():.4f}")
    print(f"stable drivers: {', '.join(result.selected)}")


if __name__ == "__main__":
    main()
