"""Repeat buying without a contract: BG/NBD and Pareto/NBD, fitted by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cximpact.core.errors import InsufficientDataError
from cximpact.core.provenance import Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.core.versions import versions
from cximpact.value import beta_geo, pareto
from cximpact.value.likelihood import maximize
from cximpact.value.purchase_fit import Kernel, PurchaseFit, distinct
from cximpact.value.transactions import COLUMNS, DAYS, PurchaseHistory, as_history

_USUAL_AGE = 35.0  # the starting values are for histories about this long


@dataclass(frozen=True, kw_only=True)
class BetaGeoNBD:
    """BG/NBD: customers buy at their own rate and may leave after any purchase.

    Parameters
    ----------
    draws : int, default 4000
        Draws of the parameters.
    period : {"day", "week", "month", "quarter", "year"}
        Unit of time of a plain frame; a `PurchaseHistory` knows its own.

    Notes
    -----
    Estimand: purchases of customers like those seen, if nothing changes. While a customer is
    there, purchases follow a Poisson process whose rate is gamma(r, alpha) distributed over
    customers; after each repeat purchase they leave with a probability that is beta(a, b)
    distributed; both are independent of each other. A customer without a repeat purchase
    cannot have left in this model, so P(alive) is 1: use Pareto/NBD where that matters. It
    breaks with seasons, promotions, and rates that grow or fade; compare the holdout.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005). Counting your customers the easy way:
    an alternative to the Pareto/NBD model. Marketing Science 24(2), 275-284.
    """

    draws: int = 4000
    period: str = "week"

    def __post_init__(self) -> None:
        _check(self)

    def fit(self, data: PurchaseHistory | Any, *, rng: RngLike = None) -> PurchaseFit:
        """Fit the model.

        Parameters
        ----------
        data : PurchaseHistory or frame
            Columns ``frequency``, ``recency`` and ``T``, or ``x``, ``t_x`` and ``T``.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        PurchaseFit
            Parameters, expected purchases, P(alive).

        Raises
        ------
        CLVInputError
            For customers that cannot be: recency beyond T, negative frequency.
        InsufficientDataError, ConvergenceError
            If nobody bought again, or the data do not identify the parameters.
        """
        return _fit(self, data, beta_geo, "BG/NBD", rng)


@dataclass(frozen=True, kw_only=True)
class ParetoNBD:
    """Pareto/NBD: customers buy at their own rate and leave at a time of their own.

    Parameters
    ----------
    draws : int, default 4000
        Draws of the parameters.
    period : {"day", "week", "month", "quarter", "year"}
        Unit of time of a plain frame; a `PurchaseHistory` knows its own.

    Notes
    -----
    Estimand: purchases of customers like those seen, if nothing changes. As `BetaGeoNBD`, but
    the time to leaving is exponential with a rate that is gamma(s, beta) distributed over
    customers, so that one can leave without ever buying again.

    References
    ----------
    Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987). Counting your customers: who are
    they and what will they do next? Management Science 33(1), 1-24.
    """

    draws: int = 4000
    period: str = "week"

    def __post_init__(self) -> None:
        _check(self)

    def fit(self, data: PurchaseHistory | Any, *, rng: RngLike = None) -> PurchaseFit:
        """Fit the model.

        Parameters
        ----------
        data : PurchaseHistory or frame
            Columns ``frequency``, ``recency`` and ``T``, or ``x``, ``t_x`` and ``T``.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        PurchaseFit
            Parameters, expected purchases, P(alive).

        Raises
        ------
        CLVInputError
            For customers that cannot be: recency beyond T, negative frequency.
        InsufficientDataError, ConvergenceError
            If nobody bought again, or the data do not identify the parameters.
        """
        return _fit(self, data, pareto, "Pareto/NBD", rng)


def _check(settings: BetaGeoNBD | ParetoNBD) -> None:
    check_count(settings.draws, "draws", low=2)
    check_choice(settings.period, "period", tuple(DAYS))


def _fit(
    settings: BetaGeoNBD | ParetoNBD, data: Any, kernel: Kernel, name: str, rng: RngLike
) -> PurchaseFit:
    history = as_history(data, period=settings.period)
    rows = distinct(history)
    likelihood = kernel.Likelihood(*(rows[c].to_numpy(float) for c in (*COLUMNS, "count")))
    again = int(rows.loc[rows["frequency"] > 0, "count"].sum())
    if again <= len(kernel.NAMES):
        raise InsufficientDataError(
            f"{again} of {history.n} customers bought again; {name} has {len(kernel.NAMES)} "
            "parameters and needs more repeaters than that."
        )
    longer = float(np.average(rows["T"], weights=rows["count"])) / _USUAL_AGE
    size = np.array([longer if p in ("alpha", "beta") else 1.0 for p in kernel.NAMES])
    found = maximize(likelihood, [np.array(s) * size for s in kernel.STARTS], name)
    seed = seed_of(rng)
    provenance = Provenance(
        method=f"value.{type(settings).__name__}",
        data_hash=history.data_hash,
        settings={"draws": settings.draws, "period": history.period},
        seed=seed,
        versions=versions(),
        notes=history.notes,
    )
    return PurchaseFit(
        name=name,
        kernel=kernel,
        maximum=found,
        draws=found.draw(
            settings.draws,
            seed=seed,
            source=provenance.source,
            names=kernel.NAMES,
            data_id=history.data_hash,
        ),
        history=history,
        provenance=provenance,
    )
