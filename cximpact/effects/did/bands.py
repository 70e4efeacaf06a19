"""Bands that hold for all coefficients at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.results import EffectPosterior
from cximpact.core.validate import check_prob


def simultaneous_band(effect: EffectPosterior, prob: float = 0.95) -> pd.DataFrame:
    """Return the intervals that hold all coefficients together with a probability.

    Parameters
    ----------
    effect : EffectPosterior
        With at least one dimension, such as ``event_time``, an estimate and a standard error.
    prob : float, default 0.95
        Mass of the band.

    Returns
    -------
    pandas.DataFrame
        As ``effect.tidy(prob)``, with ``band_low`` and ``band_high`` beside the interval of each
        coefficient alone, and ``critical_value``, by how many standard errors the band reaches.

    Raises
    ------
    ConfigError
        If the result is a single number or has no standard error.

    Notes
    -----
    The critical value is the quantile of the largest ``|draw - estimate| / std_error`` over the
    coefficients (sup-t). Coefficients without error, such as a reference, do not count.

    References
    ----------
    Montiel Olea, J. L. and Plagborg-Moller, M. (2019). Simultaneous confidence bands. Journal of
    Applied Econometrics 34, 1-17.
    """
    check_prob(prob)
    if effect.estimate is None or effect.std_error is None or effect.draws.ndim < 2:
        raise ConfigError("a simultaneous band needs several coefficients with standard errors.")
    table = effect.tidy(prob)
    value, error = effect.estimate.values.ravel(), effect.std_error.values.ravel()
    draws = effect.draws.transpose(dr.SAMPLE, ...).values.reshape(effect.draws.sizes[dr.SAMPLE], -1)
    moves = error > 0
    largest = np.abs((draws[:, moves] - value[moves]) / error[moves]).max(axis=1)
    critical = float(np.quantile(largest, prob))
    return table.assign(
        band_low=value - critical * error,
        band_high=value + critical * error,
        critical_value=critical,
    )
