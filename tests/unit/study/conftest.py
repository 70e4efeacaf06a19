"""A small study without sampling: seconds, and every stage but imputation and goals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

TEXT = """
[study]
title = "Stores <b>&</b> money"
question = "Did it work?"
seed = 3
currency = "EUR"

[tables.people]
path = "people.csv"

[tables.people.columns]
band = { from = "age", bins = [0, 40, 100] }
spoke = { from = "language", fill = "blank" }
started = { from = "store", map = { a = 3, b = 3 }, other = 0 }

[tables.people.where]
year = [1, 2, 3, 4]

[scores.nps]
answer = "nps"
scale = "NPS"
factors = ["band"]
period = "year"
by = ["year", "band"]

[effects.stay]
design = "repeated"
inference = "cluster"
outcome = "stayed"
group = "store"
period = "year"
first_treated = "started"

[associations.nps_and_stay]
score = "nps"
outcome = "stayed"
within = "year"
cluster = "store"
missing = "drop"

[value.stay]
amount = 100.0
per = "customer who stays"
assumption = "=from accounting"

[roi]
horizon = 2
period = "year"

[[roi.initiatives]]
name = "Fix"
n = 1000
effect = "stay"
value = "stay"
mechanism = "one_time"
costs = { one_off = 5000.0 }
"""


def people(seed: int = 0, n: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    store = rng.choice(list("abcdefghijkl"), n)
    year = rng.integers(1, 6, n)
    treated = np.isin(store, ["a", "b"]) & (year >= 3)
    answered = rng.random(n) < 0.6
    return pd.DataFrame(
        {
            "store": store,
            "year": year,
            "age": rng.integers(18, 90, n),
            "language": np.where(rng.random(n) < 0.1, None, "en"),
            "nps": np.where(answered, rng.integers(0, 11, n), np.nan),
            "stayed": (rng.random(n) < 0.6 + 0.2 * treated).astype(int),
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with study.toml and its data."""
    people().to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "study.toml").write_text(TEXT)
    return tmp_path
