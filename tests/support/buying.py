"""Builders for tests about customers who buy again, or leave."""

import numpy as np
import pandas as pd

from cximpact import datasets, value

HIGH = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


def cohort(surviving=HIGH, **columns) -> pd.DataFrame:
    """A table of customers left by period."""
    return pd.DataFrame({"period": range(len(surviving)), "surviving": surviving} | columns)


def two_cohorts() -> pd.DataFrame:
    """The two published cohorts as segments."""
    parts = [cohort(HIGH, tier="high"), cohort(REGULAR, tier="regular")]
    return pd.concat(parts, ignore_index=True)


def simulated_cohort(alpha, beta, n, periods, rng) -> pd.DataFrame:
    """Customers whose probability to leave is beta distributed."""
    life = rng.geometric(np.clip(rng.beta(alpha, beta, n), 1e-12, 1.0))
    return cohort([int((life > t).sum()) for t in range(periods + 1)])


def simulated_buyers(theta, n, age, rng) -> pd.DataFrame:
    """Customers of the BG/NBD model: frequency, recency and T."""
    r, alpha, a, b = theta
    rate, leaves = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    ages = rng.uniform(0.7 * age, age, n)
    now, last, count = np.zeros(n), np.zeros(n), np.zeros(n)
    there = np.ones(n, bool)
    while there.any():
        now = np.where(there, now + rng.exponential(1 / rate), now)
        there &= now <= ages
        count += there
        last = np.where(there, now, last)
        there &= rng.random(n) >= leaves
    return pd.DataFrame({"frequency": count, "recency": last, "T": ages})


def cdnow(until="1997-09-30", table="sample"):
    """The CDNOW customers as a purchase history."""
    return value.purchase_history(
        datasets.load_cdnow(table),
        customer="customer_id",
        date="date",
        amount="dollar_value",
        until=until,
    )
