"""Pooling estimates from completed data sets: Rubin's rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from cximpact.core.errors import ConfigError, InsufficientDataError, NonFiniteError
from cximpact.core.validate import check_choice, check_prob
from cximpact.core.wording import number

FEWEST_SETS = 20
TRANSFORMS = ("identity", "logit", "log")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooled:
    """Estimates pooled over completed data sets.

    Parameters
    ----------
    estimate : numpy.ndarray, shape (term,) or ()
        Mean of the estimates, on the transformed scale.
    within : numpy.ndarray
        Mean of their sampling variances.
    between : numpy.ndarray
        Variance of the estimates between sets.
    total : numpy.ndarray
        ``within + (1 + 1 / m) between``.
    nu_old, nu_obs, nu : numpy.ndarray
        Degrees of freedom of Rubin (1987), of the answers, and of Barnard and Rubin (1999).
    fmi : numpy.ndarray
        Fraction of missing information.
    m : int
        Sets.
    transform : {"identity", "logit", "log"}
        Scale on which estimates were pooled.
    """

    estimate: np.ndarray
    within: np.ndarray
    between: np.ndarray
    total: np.ndarray
    nu_old: np.ndarray = field(repr=False)
    nu_obs: np.ndarray = field(repr=False)
    nu: np.ndarray
    fmi: np.ndarray
    m: int
    transform: str = "identity"

    @property
    def std_error(self) -> np.ndarray:
        """Root of the total variance, on the transformed scale."""
        return np.sqrt(self.total)

    @property
    def lambda_(self) -> np.ndarray:
        """Share of the total variance that is due to the missing answers."""
        return _ratio((1 + 1 / self.m) * self.between, self.total, 0.0)

    @property
    def r(self) -> np.ndarray:
        """Relative increase of the variance due to the missing answers."""
        return _ratio((1 + 1 / self.m) * self.between, self.within, np.inf)

    def interval(self, prob: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return the t interval, on the scale of the estimates.

        Parameters
        ----------
        prob : float, default 0.95
            Mass.

        Returns
        -------
        tuple of numpy.ndarray
            Lower and upper ends.
        """
        at = stats.t.ppf((1 + check_prob(prob)) / 2, np.where(self.nu > 0, self.nu, np.inf))
        half = at * self.std_error
        return _back(self.estimate - half, self.transform), _back(
            self.estimate + half, self.transform
        )

    def tidy(self, prob: float = 0.95) -> pd.DataFrame:
        """Return one row an estimate.

        Parameters
        ----------
        prob : float, default 0.95
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``estimate``, ``std_error`` (on the transformed scale), ``conf_low``, ``conf_high``,
            ``conf_level``, ``df``, ``fmi``, ``m``.
        """
        low, high = self.interval(prob)
        columns: dict[str, Any] = {
            "estimate": _back(self.estimate, self.transform),
            "std_error": self.std_error,
            "conf_low": low,
            "conf_high": high,
        }
        table = pd.DataFrame({name: np.atleast_1d(value) for name, value in columns.items()})
        more = {"df": np.atleast_1d(self.nu), "fmi": np.atleast_1d(self.fmi)}
        return table.assign(conf_level=prob, **more, m=self.m)

    def explain(self) -> str:
        """Say how much of the uncertainty comes from the answers that are missing.

        Returns
        -------
        str
            A sentence or two.
        """
        fmi = float(np.max(self.fmi))
        wanted = sets_needed(fmi)
        advice = (
            f"{self.m} sets suffice."
            if self.m >= wanted
            else f"Use at least {wanted} sets: with {self.m} the answer would differ by seed."
        )
        cost = f"{number(100 * fmi)} % of the information"
        return f"Pooled over {self.m} completed sets, the missing answers cost {cost}. {advice}"


def rubin(
    estimates: np.ndarray,
    variances: np.ndarray,
    *,
    complete_df: float | None = None,
    transform: str = "identity",
) -> Pooled:
    """Pool estimates from completed data sets.

    Parameters
    ----------
    estimates : array-like, shape (set,) or (set, term)
        Estimates, one a completed set.
    variances : array-like, of the same shape
        Their sampling variances (squared standard errors); zeros where the whole frame is
        known once it is completed.
    complete_df : float, optional
        Degrees of freedom that a complete data set would have; large by default.
    transform : {"identity", "logit", "log"}
        Scale on which the estimates are nearly normal; variances are carried over by the delta
        method, and the interval back.

    Returns
    -------
    Pooled
        With the degrees of freedom of Barnard and Rubin.

    Raises
    ------
    InsufficientDataError
        If there are fewer than two sets.
    ConfigError, NonFiniteError
        If shapes differ, a variance is negative or a number is not finite.

    Notes
    -----
    ``T = U + (1 + 1/m) B``, ``lambda = (1 + 1/m) B / T``, ``nu_old = (m - 1) / lambda^2``,
    ``nu_obs = (nu_c + 1) / (nu_c + 3) nu_c (1 - lambda)``, ``1 / nu = 1 / nu_old + 1 / nu_obs``,
    ``r = (1 + 1/m) B / U`` and ``FMI = (r + 2 / (nu + 3)) / (r + 1)``. The sets must come from
    separate draws of all parameters, and the imputation model must know whatever the analysis
    asks about.

    References
    ----------
    .. [1] Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
    .. [2] Barnard, J. and Rubin, D. B. (1999). Small-sample degrees of freedom with multiple
       imputation. Biometrika 86, 948-955.
    """
    check_choice(transform, "transform", TRANSFORMS)
    values, spread = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    m = _check_sets(values, spread)
    values, spread = _forth(values, spread, transform)
    within, between = spread.mean(axis=0), values.var(axis=0, ddof=1)
    raised = (1 + 1 / m) * between
    total = within + raised
    share = _ratio(raised, total, 0.0)
    nu_old = _ratio(np.full_like(share, m - 1.0), share**2, np.inf)
    if complete_df is None:
        nu_obs = np.full_like(share, np.inf)
    else:
        nu_obs = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
    nu_obs = np.where(within > 0, nu_obs, np.inf)
    with np.errstate(divide="ignore"):
        nu = 1 / (1 / nu_old + 1 / nu_obs)
    r = _ratio(raised, within, np.inf)
    with np.errstate(invalid="ignore"):
        fmi = np.where(np.isinf(r), 1.0, (r + 2 / (nu + 3)) / (r + 1))
    fmi = np.where(raised == 0, 0.0, fmi)
    return Pooled(
        estimate=values.mean(axis=0),
        within=within,
        between=between,
        total=total,
        nu_old=nu_old,
        nu_obs=nu_obs,
        nu=nu,
        fmi=fmi,
        m=m,
        transform=transform,
    )


@dataclass(frozen=True, kw_only=True)
class WaldTest:
    """A test of several estimates at once.

    Parameters
    ----------
    statistic : float
        ``D1``, about F distributed.
    df1, df2 : float
        Degrees of freedom.
    p_value : float
        Probability of a larger statistic if the null is true.
    r : float
        Mean relative increase of the variance due to the missing answers.
    """

    statistic: float
    df1: float
    df2: float
    p_value: float
    r: float


def wald_d1(
    estimates: np.ndarray, covariances: np.ndarray, null: np.ndarray | float = 0.0
) -> WaldTest:
    """Test several estimates from completed data sets at once.

    Parameters
    ----------
    estimates : array-like, shape (set, term)
        Estimates, one row a completed set.
    covariances : array-like, shape (set, term, term)
        Their sampling covariances.
    null : array-like, shape (term,), default 0
        Values under the null hypothesis.

    Returns
    -------
    WaldTest
        The statistic D1.

    Raises
    ------
    InsufficientDataError, ConfigError, NonFiniteError
        As for `rubin`.

    Notes
    -----
    The covariance between sets is taken to be proportional to the one within them, because few
    sets say little about it: ``D1 = (Q - null)' U^-1 (Q - null) / (k (1 + r))`` with
    ``r = (1 + 1/m) tr(B U^-1) / k``. Transform the estimates first where they are far from
    normal, rates to logits.

    References
    ----------
    Li, K. H., Raghunathan, T. E. and Rubin, D. B. (1991). Large-sample significance levels from
    multiply imputed data using moment-based statistics and an F reference distribution. Journal
    of the American Statistical Association 86, 1065-1073.
    """
    values, spread = np.asarray(estimates, dtype=float), np.asarray(covariances, dtype=float)
    if values.ndim != 2 or spread.shape != (*values.shape, values.shape[1]):
        raise ConfigError(
            f"estimates have shape {values.shape} and covariances {spread.shape}; expected "
            "(set, term) and (set, term, term)."
        )
    m = _check_sets(values, np.einsum("mii->mi", spread))
    k = values.shape[1]
    away = values.mean(axis=0) - null
    within = spread.mean(axis=0)
    between = np.atleast_2d(np.cov(values, rowvar=False, ddof=1))
    r = (1 + 1 / m) * float(np.trace(np.linalg.solve(within, between))) / k
    statistic = float(away @ np.linalg.solve(within, away)) / (k * (1 + r))
    t = k * (m - 1)
    if r <= 0:
        df2 = np.inf
    elif t > 4:
        df2 = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2
    else:
        df2 = t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2
    p_value = stats.f.sf(statistic, k, df2) if np.isfinite(df2) else stats.chi2.sf(k * statistic, k)
    return WaldTest(statistic=statistic, df1=float(k), df2=float(df2), p_value=float(p_value), r=r)


def sets_needed(fmi: float) -> int:
    """Say how many completed sets make the answer about the same for every seed.

    Parameters
    ----------
    fmi : float
        Fraction of missing information, from 0 to 1.

    Returns
    -------
    int
        A hundred times the fraction, and at least 20.

    References
    ----------
    White, I. R., Royston, P. and Wood, A. M. (2011). Multiple imputation using chained
    equations: issues and guidance for practice. Statistics in Medicine 30, 377-399.
    """
    return max(FEWEST_SETS, int(np.ceil(round(100 * float(fmi), 6))))


def _check_sets(values: np.ndarray, spread: np.ndarray) -> int:
    if values.shape != spread.shape:
        raise ConfigError(
            f"estimates have shape {values.shape} and variances {spread.shape}; expected the same."
        )
    if values.ndim == 0 or len(values) < 2:
        raise InsufficientDataError("pooling needs the estimates of at least two completed sets.")
    if not (np.isfinite(values).all() and np.isfinite(spread).all()):
        bad = int((~(np.isfinite(values) & np.isfinite(spread))).sum())
        raise NonFiniteError(f"{bad} estimates or variances are not finite; fix the analysis.")
    if (spread < 0).any():
        raise ConfigError(f"{int((spread < 0).sum())} variances are negative.")
    return len(values)


def _ratio(top: np.ndarray, bottom: np.ndarray, empty: float) -> np.ndarray:
    top, bottom = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    some = np.where(bottom > 0, bottom, 1.0)
    with np.errstate(over="ignore"):
        return np.where(bottom > 0, top / some, np.where(top > 0, np.inf, empty))


def _forth(values: np.ndarray, spread: np.ndarray, transform: str) -> tuple[np.ndarray, np.ndarray]:
    """Carry estimates and variances to the scale on which they are pooled."""
    if transform == "identity":
        return values, spread
    inside = (values > 0) & ((values < 1) | (transform == "log"))
    if not inside.all():
        raise ConfigError(
            f"{int((~inside).sum())} estimates are outside the range of the {transform}; pool them "
            "without a transform."
        )
    if transform == "log":
        return np.log(values), spread / values**2
    return special.logit(values), spread / (values * (1 - values)) ** 2


def _back(values: np.ndarray, transform: str) -> np.ndarray:
    return {"identity": np.asarray, "logit": special.expit, "log": np.exp}[transform](values)
