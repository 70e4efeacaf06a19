"""Shifted-beta-geometric: retention of contractual customers who differ in how loyal they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.errors import ConfigError
from cximpact.core.provenance import Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count
from cximpact.core.versions import versions
from cximpact.value import sbg
from cximpact.value.cohorts import ALL, Cohorts, read_cohorts
from cximpact.value.likelihood import Maximum, maximize
from cximpact.value.retention_fit import RetentionFit
from cximpact.value.shifted_beta_bayes import RetentionPosterior

METHODS = ("mle", "bayes")
_SEGMENT = "segment"
_NAMES = ("alpha", "beta")


@dataclass(frozen=True, kw_only=True)
class ShiftedBetaGeometric:
    """Lifetimes under contract: every customer has a constant probability to leave, not the same.

    Parameters
    ----------
    method : {"mle", "bayes"}
        Maximum likelihood, each segment for itself; or the posterior, in which segments learn
        from each other.
    by : str, optional
        Column of the segments.
    cohort : str, optional
        Column of the cohorts. Cohorts of a segment share its parameters and may differ in
        age.
    covariates : sequence of str
        Numeric columns, constant within a segment, that move the logit of its mean
        probability to leave; with ``method="bayes"`` and ``by``.
    draws : int, default 4000
        Draws of the parameters.
    allow_unconverged : bool, default False
        Accept a posterior that failed the convergence gate, and mark everything made from it.

    Notes
    -----
    Estimand: the distribution of lifetimes, in renewals, of customers like those seen.
    ``P(T = t) = B(alpha + 1, beta + t - 1) / B(alpha, beta)``. Retention then rises with age
    although nobody becomes more loyal: the less loyal have left. A rise of the curve is no
    evidence that anything was improved. It breaks when leaving depends on calendar time, on
    a price change, or on age itself; compare the retention seen with the curve.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2007). How to project customer retention. Journal of
    Interactive Marketing 21(1), 76-90.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = [1000, 869, 743, 653, 593, 551, 517, 491]
    >>> table = pd.DataFrame({"period": range(8), "surviving": seen})
    >>> fit = ShiftedBetaGeometric().fit(table, rng=1)
    >>> [round(x, 3) for x in fit.tidy()["estimate"]]
    [0.668, 3.806]
    """

    method: str = "mle"
    by: str | None = None
    cohort: str | None = None
    covariates: Sequence[str] = ()
    draws: int = 4000
    allow_unconverged: bool = False

    def __post_init__(self) -> None:
        check_choice(self.method, "method", METHODS)
        check_count(self.draws, "draws", low=2)
        if self.covariates and (self.method != "bayes" or self.by is None):
            raise ConfigError(
                "covariates is for method='bayes' with by=: it explains how segments differ."
            )

    def fit(self, data: Any, *, rng: RngLike = None) -> RetentionFit:
        """Fit the model to customers left by period.

        Parameters
        ----------
        data : frame
            Columns ``period`` (whole numbers without holes; the first is the purchase) and
            ``surviving`` (customers left), and those named in the settings.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        RetentionFit
            Parameters, curves and lifetime value.

        Raises
        ------
        DataError, DesignError
            If counts rise or have holes, or there are fewer than two renewals.
        ConvergenceError
            If the likelihood has no maximum (customers do not differ), or the posterior
            failed its gate.
        """
        cohorts = read_cohorts(data, by=self.by, cohort=self.cohort, covariates=self.covariates)
        seed = seed_of(rng)
        provenance = Provenance(
            method=f"value.ShiftedBetaGeometric({self.method})",
            data_hash=cohorts.data_hash,
            settings={"by": self.by, "cohort": self.cohort, "covariates": list(self.covariates)}
            | {"draws": self.draws},
            seed=seed,
            versions=versions(),
        )
        if self.method == "bayes":
            return self._posterior(cohorts, provenance, seed)
        return self._maximum(cohorts, provenance, seed)

    def _maximum(self, cohorts: Cohorts, provenance: Provenance, seed: int) -> RetentionFit:
        found = [_maximum(cohorts, k) for k in range(len(cohorts.segments))]
        drawn = [
            m.draw(
                self.draws,
                seed=seed,
                source=f"{provenance.source} {s}",
                names=_NAMES,
                data_id=cohorts.data_hash,
            )
            for m, s in zip(found, cohorts.segments, strict=True)
        ]
        parts = {name: np.stack([d[name].values for d in drawn], axis=1) for name in _NAMES}
        labelled = {
            name: _labelled(values, cohorts, provenance.source) for name, values in parts.items()
        }
        theta = np.array([m.theta for m in found])
        log_error = np.array([np.sqrt(np.diag(m.log_cov)) for m in found])
        pattern = labelled["alpha"].isel({dr.SAMPLE: 0}, drop=True)
        return RetentionFit(
            draws=dr.with_order(xr.Dataset(labelled), dr.order_of(labelled["alpha"])),
            cohorts=cohorts,
            draw_kind="asymptotic",
            provenance=provenance,
            diagnostics={"log_likelihood": sum(m.log_likelihood for m in found)},
            estimate=_point(theta, pattern),
            log_error=_point(log_error, pattern),
        )

    def _posterior(self, cohorts: Cohorts, provenance: Provenance, seed: int) -> RetentionFit:
        tree = RetentionPosterior(cohorts).sample(seed, self.draws)
        flat = dr.from_datatree(
            tree,
            source=provenance.source,
            data_ids=[cohorts.data_hash],
            allow_unconverged=self.allow_unconverged,
        )
        return RetentionFit(
            draws=flat,
            cohorts=cohorts,
            draw_kind="posterior",
            provenance=provenance,
            diagnostics=dict(sampling.diagnostics(tree)),
        )


def _maximum(cohorts: Cohorts, k: int) -> Maximum:
    lost, at_risk = cohorts.lost[k : k + 1], cohorts.at_risk[k : k + 1]

    def loglik(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, by_alpha, by_beta = sbg.log_likelihood(theta[:1], theta[1:], lost, at_risk)
        return float(value[0]), np.array([by_alpha[0], by_beta[0]])

    name = cohorts.segments[k]
    what = "the shifted-beta-geometric model" + ("" if name == ALL else f" of segment {name!r}")
    return maximize(loglik, [(1.0, 1.0), (1.0, 5.0), (20.0, 80.0)], what)


def _labelled(values: np.ndarray, cohorts: Cohorts, source: str) -> xr.DataArray:
    """Label draws (sample, segment); without segments the dimension is dropped."""
    ids = [cohorts.data_hash]
    if cohorts.segments == (ALL,):
        return dr.from_array(values[:, 0], source=source, data_ids=ids)
    coords = {_SEGMENT: list(cohorts.segments)}
    return dr.from_array(values, source=source, dims=(_SEGMENT,), coords=coords, data_ids=ids)


def _point(values: np.ndarray, pattern: xr.DataArray) -> xr.Dataset:
    out = {
        name: pattern.copy(data=values[:, k] if pattern.ndim else values[0, k])
        for k, name in enumerate(_NAMES)
    }
    return xr.Dataset(out).drop_attrs()
