"""How a choice of initiatives compares with the best of every draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cximpact.roi.choice import Choices

_PRODUCTS = 2e9  # at most, over all combinations and draws


@dataclass(frozen=True, kw_only=True)
class Hindsight:
    """A choice beside the best of every draw.

    Parameters
    ----------
    optimal : float
        Share of draws in which the choice is the best.
    regret : float
        Mean of what the best would add.
    optimal_error, regret_error : float
        Their Monte Carlo errors.
    draws : int
        Draws that were compared.
    """

    optimal: float
    regret: float
    optimal_error: float
    regret_error: float
    draws: int


def in_hindsight(choices: Choices, best: int) -> Hindsight:
    """Compare a choice with the best of every draw, among all combinations allowed.

    Parameters
    ----------
    choices : Choices
        Combinations that the limits allow.
    best : int
        The choice.

    Returns
    -------
    Hindsight
        On as many draws as the number of combinations leaves time for; with more than 20
        initiatives among the choice and its neighbors.
    """
    rows = choices.rows if choices.exact else choices.neighbors(best)
    n = choices.single.shape[0]
    used = int(np.clip(_PRODUCTS / (rows.size * len(choices.names)), 50, n))
    draws = np.linspace(0, n - 1, used).astype(int)
    top = np.full(used, -np.inf)
    for part in np.array_split(rows, max(rows.size * used // 20_000_000, 1)):
        top = np.maximum(top, choices.npv(part, draws).max(axis=0))
    own = choices.npv(np.array([best]), draws)[0]
    slack = 1e-9 * max(float(np.abs(top).max()), 1.0)
    share, lost = float((own >= top - slack).mean()), top - own
    ess = min(float(used), choices.result.effective_draws)
    return Hindsight(
        optimal=share,
        regret=float(lost.mean()),
        optimal_error=float(np.sqrt(share * (1 - share) / ess)),
        regret_error=float(lost.std(ddof=1) / np.sqrt(ess)),
        draws=used,
    )
