"""Which effects a two-way fixed-effects coefficient averages, and with what sign."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cximpact.core.errors import RankError
from cximpact.effects.did.design import DidTable
from cximpact.effects.did.regression import residualize


def two_way_weights(did: DidTable) -> pd.DataFrame:
    """Return the weight of every treated cell in the two-way fixed-effects coefficient.

    Parameters
    ----------
    did : DidTable
        The design.

    Returns
    -------
    pandas.DataFrame
        Columns ``cohort``, ``period``, ``weight``; the weights sum to 1, and negative ones mean
        that the coefficient can have another sign than every effect in it.

    Raises
    ------
    RankError
        If treatment cannot be told apart from the unit and period effects.

    References
    ----------
    de Chaisemartin, C. and D'Haultfoeuille, X. (2020). Two-way fixed effects estimators with
    heterogeneous treatment effects. American Economic Review 110, 2964-2996.
    """
    treated = did.treated
    residual = residualize(did, treated.to_frame())[:, 0]
    if np.abs(residual).max() < 1e-10:
        raise RankError("treatment cannot be told apart from the unit and the period effects.")
    share = did.table["weight"].to_numpy() * residual * treated.to_numpy()
    cells = pd.DataFrame(
        {
            "cohort": did.table["first_treated"],
            "period": did.table["time"],
            "weight": share / share.sum(),
        }
    )
    summed = cells[treated > 0].groupby(["cohort", "period"], as_index=False)["weight"].sum()
    return summed.sort_values(["cohort", "period"], ignore_index=True)


def negative_share(weights: pd.DataFrame) -> float:
    """Return the sum of the negative weights, as a positive number.

    Parameters
    ----------
    weights : pandas.DataFrame
        From `two_way_weights`.

    Returns
    -------
    float
        0 when all weights are positive.
    """
    return float(np.maximum(-weights["weight"], 0.0).sum())
