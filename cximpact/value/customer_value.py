"""Lifetime value without a contract: purchases to come, times what they bring, discounted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.results import Assumption, Provenance
from cximpact.core.rng import RngLike
from cximpact.core.units import rate_per_period
from cximpact.core.validate import check_count, check_number
from cximpact.value.gamma_gamma import NAMES, SpendFit, expected_spend
from cximpact.value.joint import join
from cximpact.value.posterior import ValuePosterior
from cximpact.value.purchase_fit import PurchaseFit
from cximpact.value.transactions import COLUMNS

_NODES = 16


def customer_value(
    purchases: PurchaseFit,
    spend: SpendFit,
    *,
    margin: float,
    currency: str,
    horizon: int,
    rng: RngLike,
    discount_rate: float = 0.10,
    size: int = 200,
) -> ValuePosterior:
    """Return the discounted margin of the purchases to come, averaged over the customers.

    Parameters
    ----------
    purchases : PurchaseFit
        From `BetaGeoNBD` or `ParetoNBD`.
    spend : SpendFit
        From `GammaGamma`, for the same customers.
    margin : float
        Margin rate: the share of the money spent that stays, from 0 to 1.
    currency : str
        ISO 4217 code of the spend.
    horizon : int
        Periods ahead that are counted, in periods of the history.
    rng : int or Generator
        Pairs the draws of both fits.
    discount_rate : float, default 0.10
        Effective annual rate.
    size : int, default 200
        Draws of the parameters.

    Returns
    -------
    ValuePosterior
        Per customer; ``details["customers"]`` is a table with ``alive``, ``purchases``, ``spend``
        and ``value`` of each, at the estimates.

    Raises
    ------
    ConfigError
        If both fits are of different customers.

    Notes
    -----
    Purchases are discounted from the moment they are made, ``integral of (1 + d)^-t dE[Y(t)]``,
    times expected spend, times the margin. It holds what parameters leave open; a single
    customer varies far more. Frequency and spend are taken as independent, and so are their
    fits.
    """
    rate = check_number(margin, "margin", low=0, high=1)
    count, periods = check_count(size, "size", low=2), check_count(horizon, "horizon")
    if not purchases.history.table.index.equals(spend.history.table.index):
        raise ConfigError(
            "purchases and spend were fitted to different customers; use one history."
        )
    force = np.log1p(rate_per_period(discount_rate, purchases.history.period))
    x, t_x, age = (purchases.history.table[c].to_numpy(float) for c in COLUMNS)
    mean = np.nan_to_num(spend.history.table["monetary"].to_numpy(float))

    def bought(theta: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Discounted purchases of some customers, by parts: only the expectation is needed."""
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        times = np.append((nodes + 1) * periods / 2, periods)
        share = np.append(force * weights * periods / 2, 1.0) * np.exp(-force * times)
        who = (v[rows][:, None] for v in (x, t_x, age))
        return purchases.kernel.conditional(times, theta, *who) @ share

    everyone = np.arange(x.size)
    at = bought(purchases.maximum.theta, everyone)
    each = expected_spend(spend.maximum.theta, x, mean)
    table = purchases.predict(float(periods)).assign(spend=each, value=at * each * rate)
    first, rows, counts = _alike(x, t_x, age)
    drawn = _thetas(purchases.draws, purchases.kernel.NAMES, count)
    units = np.array([bought(theta, first) for theta in drawn])
    money = _thetas(spend.draws, NAMES, count)
    totals = np.array([np.bincount(rows, expected_spend(m, x, mean)) for m in money]) / counts
    source = f"{purchases.provenance.source} {periods} {discount_rate:g}"
    same = [purchases.history.data_hash]
    block = dr.from_array(units * counts / x.size, source=source, dims=("kind",), data_ids=same)
    mean_source = f"{spend.provenance.source} mean"
    worth = dr.from_array(totals, source=mean_source, dims=("kind",), data_ids=same)
    joint = join(
        {"purchases": block, "spend": worth}, rng=rng, assume_independent=_INDEPENDENT.statement
    )
    draws = (joint.blocks["purchases"] * joint.blocks["spend"]).sum("kind") * rate
    return ValuePosterior(
        draws=joint.label(draws).rename("customer value"),
        currency=currency,
        per="customer",
        horizon="lifetime",
        discount_rate=float(discount_rate),
        payment="mid",
        draw_kind="asymptotic",
        assumptions=(_INDEPENDENT, _STATIONARY),
        n=x.size,
        provenance=Provenance(
            method="value.customer_value",
            settings={"margin": rate, "horizon": periods, "discount_rate": discount_rate},
            parents=tuple(sorted(joint.order)),
        ),
        would_change_it="a market that grows or fades, or spend that goes with frequency",
        details={"customers": table},
    )


_INDEPENDENT = Assumption(
    name="independent spend",
    statement="how much customers spend does not go with how often they buy",
    tested=True,
    evidence="see the correlation in the spend fit",
)
_STATIONARY = Assumption(
    name="stationary buying",
    statement="customers go on buying at their own rate, without seasons or promotions",
    tested=False,
)


def _alike(
    x: np.ndarray, t_x: np.ndarray, age: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group customers with the same history: one of each, the group of each, and its size."""
    frame = pd.DataFrame({"x": x, "t_x": t_x, "age": age})
    rows = frame.groupby(["x", "t_x", "age"], sort=False).ngroup().to_numpy()
    _, first, counts = np.unique(rows, return_index=True, return_counts=True)
    return first, rows, counts


def _thetas(draws: object, names: tuple[str, ...], count: int) -> np.ndarray:
    values = np.column_stack([draws[name].values for name in names])  # type: ignore[index]
    return values[:count]
