"""Simulation-based calibration: whether a fit recovers what its data were made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cximpact.core.errors import AlignmentError, ConfigError, InsufficientDataError, join_names
from cximpact.core.results import result_html
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_count, check_prob
from cximpact.imputation.validation.bands import EcdfTest, ecdf_test
from cximpact.imputation.validation.levels import holm

LOG_LIKELIHOOD = "log_likelihood"
Quantities = Callable[[Any, Any], Mapping[str, ArrayLike]]


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedCalibration:
    """Ranks of true values among posterior draws, over many simulated data sets.

    Parameters
    ----------
    ranks : pandas.DataFrame, shape (simulation, quantity)
        From 0 to ``n_draws``; uniform when the fit is right.
    n_draws : int
        Thinned draws that each true value was ranked among.
    tests : mapping of str to EcdfTest
        Empirical distribution of the ranks of each quantity, with its simultaneous band.
    prob : float
        Probability that a right fit passes.
    """

    ranks: pd.DataFrame = field(repr=False)
    n_draws: int
    tests: Mapping[str, EcdfTest] = field(repr=False)
    prob: float

    @property
    def calibrated(self) -> bool:
        """Whether all quantities pass together."""
        return not self.summary()["rejected"].any()

    def summary(self) -> pd.DataFrame:
        """Test every quantity.

        Returns
        -------
        pandas.DataFrame
            ``term``; ``mean_rank`` as a share (0.5 when right; more: true values lie above the
            draws); ``spread`` (1 when right; more: draws too narrow); ``largest_gap`` of the
            empirical distribution, its simultaneous ``p_value``, and ``chi2_p``; ``p_adjusted``
            (Holm, over the quantities) and ``rejected``; ``n``.
        """
        shares = (self.ranks + 0.5) / (self.n_draws + 1)
        p = np.array([self.tests[name].p_value for name in self.ranks])
        adjusted = holm(p)
        return pd.DataFrame(
            {
                "term": list(self.ranks),
                "mean_rank": shares.mean().to_numpy(),
                "spread": (shares - 0.5).pow(2).mean().to_numpy() * 12,
                "largest_gap": [self.tests[name].largest_gap for name in self.ranks],
                "p_value": p,
                "chi2_p": [chi2_p_value(self.ranks[name], self.n_draws) for name in self.ranks],
                "p_adjusted": adjusted,
                "rejected": adjusted < 1 - self.prob,
                "n": len(self.ranks),
            }
        )

    def explain(self) -> str:
        """Say whether the fit recovers what data were made from, and where it does not.

        Returns
        -------
        str
            A paragraph.
        """
        table = self.summary()
        head = (
            f"{len(self.ranks):,} data sets were simulated from the prior and fitted; each true "
            f"value was ranked among {self.n_draws} posterior draws."
        )
        bad = table[table["rejected"]]
        if bad.empty:
            return f"{head} Ranks of all {len(table)} quantities look uniform: no fault was found."
        return f"{head} The fit is wrong: " + "; ".join(map(_fault, bad.to_dict("records"))) + "."

    def _repr_html_(self) -> str:
        return result_html("Simulation-based calibration", self.summary(), self.explain())


def sbc(
    simulate: Callable[[np.random.Generator], tuple[Any, Any]],
    fit: Callable[[Any, np.random.Generator], Any],
    quantities: Quantities,
    *,
    n: int = 200,
    n_draws: int = 99,
    prob: float = 0.95,
    rng: RngLike,
) -> SimulatedCalibration:
    """Simulate from the prior, fit, and rank the truth among the posterior draws.

    Parameters
    ----------
    simulate : callable
        Takes a generator; returns parameters drawn from the prior, and data drawn given them.
    fit : callable
        Takes data and a generator; returns posterior draws in the form of the parameters.
    quantities : callable
        Takes parameters (true ones, or draws) and data; returns numbers by name, one a draw.
        One of them must be ``"log_likelihood"``, of the data given the parameters.
    n : int, default 200
        Simulations, at least 20.
    n_draws : int, default 99
        Draws a truth is ranked among (L); the fit's draws are thinned evenly to that many.
    prob : float, default 0.95
        Probability that a right fit passes all tests together.
    rng : int or Generator
        Randomness.

    Returns
    -------
    SimulatedCalibration
        Ranks and tests.

    Raises
    ------
    ConfigError
        If there is no log-likelihood among the quantities.
    InsufficientDataError
        If a fit has fewer than ``n_draws`` draws.
    AlignmentError
        If the truth has more than one value of a quantity, or a value is NaN.

    Notes
    -----
    If parameters come from the prior and data from the model, the truth is one more draw of the
    posterior, so its rank among L independent draws is uniform on 0..L, for any function of
    parameters and data. A fit that ignores the data and returns the prior passes for every
    function of the parameters alone; the log-likelihood depends on both and finds it. Ties are
    broken at random.

    What breaks it: autocorrelated draws, which make ranks pile up at both ends; thinning must
    leave about independent ones.

    References
    ----------
    Talts, S. et al. (2018). Validating Bayesian inference algorithms with simulation-based
    calibration. arXiv:1804.06788. Modrák, M. et al. (2025). Simulation-based calibration checking
    for Bayesian computation: The choice of test quantities shapes sensitivity. Bayesian Analysis
    20, 461-488.
    """
    n, n_draws = check_count(n, "n", low=20), check_count(n_draws, "n_draws", low=4)
    prob, seed = check_prob(prob), seed_of(rng)
    rows = []
    for i in range(n):
        names = ("simulate", "fit", "ties")
        streams = dict(zip(names, spawn(seed, *(f"{s} {i}" for s in names)), strict=True))
        truth, data = simulate(streams["simulate"])
        draws = fit(data, streams["fit"])
        true, drawn = quantities(truth, data), quantities(draws, data)
        if LOG_LIKELIHOOD not in true:
            raise ConfigError(
                f"the quantities are {join_names(list(true))}; add {LOG_LIKELIHOOD!r}, without "
                "which a fit that ignores its data passes."
            )
        ranks = {}
        for name in true:
            ranks[name] = _rank(name, true[name], drawn[name], n_draws, streams["ties"])
        rows.append(ranks)
    table, (bands,) = pd.DataFrame(rows), spawn(seed, "bands")
    points = np.arange(1, n_draws + 1) / (n_draws + 1)
    tests = {
        str(name): ecdf_test(
            (table[name] + 0.5) / (n_draws + 1), points=points, prob=prob, rng=bands
        )
        for name in table
    }
    return SimulatedCalibration(ranks=table, n_draws=n_draws, tests=tests, prob=prob)


def chi2_p_value(ranks: ArrayLike, n_draws: int) -> float:
    """Test ranks by their histogram.

    Parameters
    ----------
    ranks : array_like of int, shape (simulation,)
        From 0 to ``n_draws``.
    n_draws : int
        Largest rank.

    Returns
    -------
    float
        p-value of Pearson's chi-squared with as many equal bins as hold five ranks each on
        average, at most 20.
    """
    ranks = np.asarray(ranks)
    possible = [b for b in range(2, 21) if (n_draws + 1) % b == 0 and len(ranks) / b >= 5]
    bins = max(possible, default=2)
    at = np.minimum(ranks * bins // (n_draws + 1), bins - 1).astype(int)
    share = np.bincount(np.arange(n_draws + 1) * bins // (n_draws + 1), minlength=bins)
    expected = share / (n_draws + 1) * len(ranks)
    return float(stats.chisquare(np.bincount(at, minlength=bins), expected).pvalue)


def _rank(
    name: str, true: ArrayLike, drawn: ArrayLike, n_draws: int, rng: np.random.Generator
) -> int:
    """Rank the truth among evenly thinned draws; ties at random."""
    truth, values = np.asarray(true, dtype=float).ravel(), np.asarray(drawn, dtype=float).ravel()
    if truth.size != 1 or np.isnan(truth).any() or np.isnan(values).any():
        raise AlignmentError(
            f"quantity {name!r} has {truth.size} true values, or NaN; expected one number, and "
            "one a draw."
        )
    if values.size < n_draws:
        raise InsufficientDataError(
            f"quantity {name!r} has {values.size} draws; expected at least n_draws={n_draws}."
        )
    kept = values[np.linspace(0, values.size - 1, n_draws).round().astype(int)]
    return int((kept < truth).sum() + rng.integers(0, (kept == truth).sum() + 1))


def _fault(row: dict[Any, Any]) -> str:
    off = abs(row["mean_rank"] - 0.5) * np.sqrt(12 * row["n"])
    spread = (row["spread"] - 1) / np.sqrt(0.8 / row["n"])
    if off >= abs(spread):
        what = "draws too low" if row["mean_rank"] > 0.5 else "draws too high"
    else:
        what = "draws too narrow" if spread > 0 else "draws too wide"
    return f"{row['term']} ({what}, adjusted p = {row['p_adjusted']:.2g})"
