"""Ratings with a halo and known drivers."""

import numpy as np
import pandas as pd

RATINGS = ["checkin", "staff", "food", "wifi", "signs", "price"]


def world(n: int = 1500, seed: int = 1) -> pd.DataFrame:
    """Ratings with a halo, of which the first three go with the outcome beyond it."""
    rng = np.random.default_rng(seed)
    halo, own = rng.standard_normal((n, 1)), rng.standard_normal((n, 6))
    x = np.clip(np.round([3.0, 4.0, 3.2, 2.8, 3.9, 3.5] + 0.7 * halo + 0.8 * own), 1, 5)
    y = 0.5 * halo[:, 0] + own @ [0.6, 0.4, 0.3, 0, 0, 0] + rng.standard_normal(n)
    frame = pd.DataFrame(x, columns=RATINGS)
    return frame.assign(
        csat=y, buys=(y > 0.3).astype(int), store=np.arange(n) % 50, region=np.arange(n) % 3,
        w=1.0 + np.arange(n) % 2,
    )  # fmt: skip
