"""How many customers to hold out of a campaign, so as to learn whether it works."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cximpact.core.units import check_currency
from cximpact.core.validate import check_count, check_number, check_prob
from cximpact.core.wording import money, percent

STEPS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class HoldoutPlan:
    """The share to hold out, and what it costs and brings.

    Parameters
    ----------
    share : float
        Share of the campaign's customers that is not contacted; 0 where learning does not pay.
    held_out : int
        How many that are.
    forgone : float
        Expected profit that is not earned on them.
    learning : float
        What the next decision is expected to be worth more for having learned.
    most : float
        What it would be worth more if the profit per contact were known.
    std_error : float
        Standard error of the profit per contact; infinite without a hold-out.
    n : int
        Customers of the campaign.
    currency : str
        ISO 4217 code.
    curve : pandas.DataFrame
        Columns ``share, forgone, learning, loss``.
    """

    share: float
    held_out: int
    forgone: float
    learning: float
    most: float
    std_error: float
    n: int
    currency: str
    curve: pd.DataFrame = field(repr=False)

    def tidy(self) -> pd.DataFrame:
        """Return the plan as a table of one row.

        Returns
        -------
        pandas.DataFrame
            Numbers of the plan.
        """
        return pd.DataFrame([{k: v for k, v in vars(self).items() if k != "curve"}])

    def explain(self) -> str:
        """Say how many to hold out and why.

        Returns
        -------
        str
            A paragraph.
        """
        code = self.currency
        if self.share == 0:
            return (
                "Hold nobody out: what could be learned is worth less than the profit forgone on "
                f"those held out, at most {money(self.most, code)} for the next decision."
            )
        return (
            f"Hold out {self.held_out:,} of {self.n:,} customers ({percent(self.share)}) at "
            f"random. That forgoes {money(self.forgone, code)} of expected profit and makes the "
            f"next decision worth {money(self.learning, code)} more, of at most "
            f"{money(self.most, code)} if the profit per contact were known. It will be known with "
            f"a standard error of {money(self.std_error, code)}."
        )


def holdout_share(
    n: int,
    *,
    gain: float,
    gain_sd: float,
    sd: float,
    future: float,
    currency: str,
    most: float = 0.5,
) -> HoldoutPlan:
    """Return the share to hold out that loses least.

    Parameters
    ----------
    n : int
        Customers of this campaign.
    gain : float
        Expected profit per contact after cost, before this campaign.
    gain_sd : float
        How uncertain that is, as a standard deviation.
    sd : float
        Standard deviation of profit between customers.
    future : float
        Contacts that will be decided on by what is learned.
    currency : str
        ISO 4217 code.
    most : float, default 0.5
        Largest share to consider.

    Returns
    -------
    HoldoutPlan
        The share with the smallest expected loss.

    Notes
    -----
    The profit per contact is normal with mean ``gain`` and deviation ``gain_sd``. Holding out the
    share ``h`` costs ``n h gain`` now. It measures the profit with the variance
    ``v = sd^2 (1 / (n h) + 1 / (n (1 - h)))``, and the next campaign is run if the mean by then is
    positive. Before the data that mean has the deviation ``s = gain_sd^2 / sqrt(gain_sd^2 + v)``,
    so that knowing it is worth ``future (s f(a) - |gain| F(-a))``, with ``a = |gain| / s`` and the
    normal density ``f`` and distribution ``F``. The loss is the cost less this worth, counted from
    full knowledge.

    References
    ----------
    Raiffa, H. and Schlaifer, R. (1961). Applied Statistical Decision Theory, chapter 5.
    Feit, E. M. and Berman, R. (2019). Test & roll: profit-maximizing A/B tests. Marketing Science
    38, 1038-1058.
    """
    check_count(n, "n", low=2)
    mean = check_number(gain, "gain")
    prior = check_number(gain_sd, "gain_sd", low=0)
    between = check_number(sd, "sd", low=0, open_low=True)
    later = check_number(future, "future", low=0)
    check_currency(currency)
    top = check_prob(most, "most")

    def error(share: float) -> float:
        return between * np.sqrt(1 / (n * share) + 1 / (n * (1 - share)))

    def learned(share: float) -> float:
        return later * _worth_knowing(mean, prior**2 / np.hypot(prior, error(share)))

    perfect = later * _worth_knowing(mean, prior)

    def loss(share: float) -> float:
        return n * share * mean + perfect - learned(share)

    grid = np.geomspace(1 / n, top, STEPS)
    losses = np.array([loss(h) for h in grid])
    at = int(losses.argmin())
    found = optimize.minimize_scalar(
        loss, bounds=(grid[max(at - 1, 0)], grid[min(at + 1, STEPS - 1)]), method="bounded"
    )
    share = float(found.x) if found.fun < losses[at] else float(grid[at])
    held = round(n * share)
    if loss(share) >= perfect or held == 0:
        share, held = 0.0, 0
    return HoldoutPlan(
        share=share,
        held_out=held,
        forgone=n * share * mean,
        learning=learned(share) if share else 0.0,
        most=perfect,
        std_error=float(error(share)) if share else np.inf,
        n=n,
        currency=currency,
        curve=pd.DataFrame(
            {
                "share": grid,
                "forgone": n * grid * mean,
                "learning": [learned(h) for h in grid],
                "loss": losses,
            }
        ),
    )


def _worth_knowing(mean: float, deviation: float) -> float:
    """Return what a decision gains per contact when the mean is known up to a deviation."""
    if not deviation > 0:
        return 0.0
    a = abs(mean) / deviation
    return float(deviation * stats.norm.pdf(a) - abs(mean) * stats.norm.cdf(-a))
