"""Difference-in-differences by segment, where segments learn from each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import narwhals as nw
import numpy as np
import xarray as xr

from cximpact.core.errors import ConfigError, DesignError, RankError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import TIDY_COLUMNS, EffectPosterior
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.data import Panel, RepeatedCrossSection, frames
from cximpact.data.checks import check_finite, check_no_missing
from cximpact.effects.did.design import did_table
from cximpact.effects.did.estimates import Claim, Design
from cximpact.effects.did.group_time import GroupTime
from cximpact.effects.did.partial_pooling import (
    OMEGA_PRIORS,
    PooledEffects,
    omega_distribution,
    partial_pooling,
)
from cximpact.effects.did.pooled_result import (
    PooledDraws,
    exchangeable,
    pooled_result,
    segment_estimand,
)
from cximpact.effects.did.segment_estimates import (
    Estimator,
    SegmentEstimates,
    segment_estimates,
    split,
)
from cximpact.effects.did.two_way_moments import without_rows
from cximpact.effects.did.words import assumptions, estimand

_TAKEN = ("sample", "than", "mcse", *TIDY_COLUMNS)
_PRIOR_QUANTILES = (np.arange(4000) + 0.5) / 4000


def _group_time() -> GroupTime:
    """Estimate by cohort and period; draws of single segments are not looked at."""
    return GroupTime(inference="normal", draws=100)


@dataclass(frozen=True, kw_only=True, eq=False)
class HierarchicalDiD:
    """The effect in every segment, partially pooled.

    Parameters
    ----------
    by : str
        Column of the segments. In a panel it is fixed within a unit.
    estimator : GroupTime or TwoByTwo
        What estimates the effect within a segment; by default `GroupTime()`, averaged over the
        treated cells. Where clusters lie in several segments it must be a `GroupTime`.
    covariates : sequence of str
        Numeric columns that are the same for all rows of a segment and may explain why effects
        differ, such as its size; they are centered and scaled over segments.
    omega_prior : {"half_normal", "half_cauchy", "uniform"}
        Prior of omega, the standard deviation between segments.
    omega_scale : float, optional
        Its scale, in the outcome's unit; half the standard deviation of the outcome by default.
    mu_scale : float, optional
        Standard deviation of the normal prior of the mean over segments; that of the outcome by
        default.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: for every segment s, the average effect on its treated, ``tau_s``; besides them the
    mean ``mu`` of all segments that might be, and the effect in a segment that was not seen. It
    stands on the design of the estimator within each segment (parallel trends, no anticipation,
    no spill-over), and on segments that are exchangeable given the covariates. The estimates with
    their joint covariance, by cluster, are the data of the hierarchy: ``tau_hat ~ N(tau, V)``,
    ``tau_s ~ N(mu + z_s'b, omega^2)``. Few clusters in a segment: V is widened so that the
    normal 90 % interval of each estimate is its t interval; farther out in the tails that is an
    approximation. What breaks it: few segments, where the prior of omega decides (a warning says
    so; ``diagnostics["omega_learned"]`` shows it); a segment unlike all others, which is pulled
    to them the more the noisier it is; estimates so noisy that their own standard errors are
    unknown.

    References
    ----------
    Rubin, D. B. (1981). Estimation in parallel randomized experiments. Journal of Educational
    Statistics 6, 377-401. Gelman, A. (2006). Prior distributions for variance parameters in
    hierarchical models. Bayesian Analysis 1, 515-534.
    """

    by: str
    estimator: Estimator = field(default_factory=_group_time)
    covariates: Sequence[str] = ()
    omega_prior: str = "half_normal"
    omega_scale: float | None = None
    mu_scale: float | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        if not isinstance(self.by, str) or self.by in _TAKEN:
            raise ConfigError(f"by is {self.by!r}; expected a column with a name of its own.")
        names = frames.column_names(self.covariates, "covariates")
        object.__setattr__(self, "covariates", names)
        check_choice(self.omega_prior, "omega_prior", OMEGA_PRIORS)
        for name in ("omega_scale", "mu_scale"):
            if (value := getattr(self, name)) is not None:
                check_number(value, name, low=0, open_low=True)
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Panel | RepeatedCrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the effect in every segment.

        Parameters
        ----------
        data : Panel or RepeatedCrossSection
            The design.
        rng : int or Generator, optional
            Randomness of the draws; estimates and standard errors do not depend on it.

        Returns
        -------
        EffectPosterior
            Dimension named after ``by``; posterior means, posterior standard deviations, and
            joint draws. ``details`` as `pooled_result` lists them, and ``own_weight``.

        Raises
        ------
        MissingColumnError, MissingValueError
            If the segments cannot be read.
        DesignError
            If the segment of a unit changes, there are fewer than three, or one of them cannot
            be compared within itself; it is named.
        """
        seed = seed_of(rng)
        parts = split(data, self.by)
        z = _covariates(data, self.by, self.covariates)
        estimator = (
            GroupTime(inference="normal", draws=100) if self.estimator is None else self.estimator
        )
        found = segment_estimates(data, parts, self.by, estimator, seed)
        design: Design = without_rows(data) or did_table(data)
        spread = _outcome_sd(data)
        scales = self.omega_scale or spread / 2, self.mu_scale or spread
        (generator,) = spawn(seed, "partial pooling")
        pooled = partial_pooling(
            found.value,
            found.widened,
            z=z,
            omega_scale=scales[0],
            mu_scale=scales[1],
            omega_prior=self.omega_prior,
            draws=self.draws,
            rng=generator,
        )
        draws = self._draws(found, pooled, scales[0], generator)
        claim = self._claim(design, found, scales)
        return pooled_result(design, draws, claim, rng=seed, causal=found.causal)

    def _draws(
        self,
        found: SegmentEstimates,
        pooled: PooledEffects,
        omega_scale: float,
        generator: np.random.Generator,
    ) -> PooledDraws:
        """Add a segment that was not seen, and what every segment keeps of its own."""
        mu = pooled.coefficients[:, 0]
        weight = xr.DataArray(pooled.own_weight, dims=self.by, coords={self.by: list(found.labels)})
        return PooledDraws(
            by=self.by,
            labels=found.labels,
            effects=pooled.effects,
            mean=pooled.mean,
            covariance=pooled.covariance,
            population=mu,
            new_segment=mu + pooled.omega * generator.standard_normal(len(mu)),
            omega=pooled.omega,
            omega_prior=omega_distribution(self.omega_prior, omega_scale).ppf(_PRIOR_QUANTILES),
            treated=found.treated,
            own=found.table(self.by),
            more={"own_weight": weight, **self._slopes(pooled)},
        )

    def _slopes(self, pooled: PooledEffects) -> dict[str, xr.DataArray]:
        if not self.covariates:
            return {}
        coords = {"covariate": list(self.covariates)}
        slopes = xr.DataArray(
            pooled.coefficients[:, 1:], dims=("sample", "covariate"), coords=coords
        )
        return {"slopes": slopes}

    def _claim(
        self,
        design: Design,
        found: SegmentEstimates,
        scales: tuple[float, float],
    ) -> Claim:
        few = np.isfinite(found.df)
        notes = (
            [
                f"{few.sum()} of {len(few)} segments have few clusters; their standard errors were "
                "widened so that 90% intervals of single segments are those of the t distribution."
            ]
            if few.any()
            else []
        )
        if found.shared:
            notes.append("Some clusters lie in several segments; their shared errors are counted.")
        return Claim(
            method="HierarchicalDiD",
            settings={
                "form": "design",
                "by": self.by,
                "estimator": self.estimator,
                "covariates": list(self.covariates),
                "omega_prior": self.omega_prior,
                "omega_scale": scales[0],
                "mu_scale": scales[1],
                "draws": self.draws,
                "estimates": fingerprint(list(found.labels), found.value, found.covariance),
            },
            estimand=segment_estimand(
                estimand(design, getattr(self.estimator, "scale", None)), self.by
            ),
            assumptions=(
                *assumptions(design, equal=not isinstance(self.estimator, GroupTime)),
                exchangeable(self.covariates),
            ),
            would_change_it=(
                "a difference in trends within segments that continues after treatment, or "
                "segments that are not of one kind, so that learning from each other misleads."
            ),
            diagnostics={
                "shared_clusters": found.shared,
                "small_sample": bool(few.any()),
            },
            details={"own_covariance": found.covariance},
            packages=("numpy", "scipy"),
            notes=tuple(notes),
        )


def _outcome_sd(data: Panel | RepeatedCrossSection) -> float:
    """Compute the standard deviation of the outcome over all rows."""
    y = nw.col("outcome")
    center = float(np.mean(data.outcome_range))
    moved = y - center
    sums = frames.group_sums(data.open(), [], {"y": moved, "yy": moved * moved}).iloc[0]
    n = sums[frames.COUNT]
    return float(np.sqrt(max(sums["yy"] / n - (sums["y"] / n) ** 2, 0.0)))


def _covariates(
    data: Panel | RepeatedCrossSection, by: str, names: Sequence[str]
) -> np.ndarray | None:
    """Read what is known of the segments, centered and scaled over them."""
    if not names:
        return None
    opened = frames.open_frame(data.frame)
    frames.check_columns(opened, {f"covariates[{i}]": name for i, name in enumerate(names)})
    check_no_missing(opened, names, "give every segment its value")
    for name in names:
        frames.check_numeric(opened, name, "covariates")
        check_finite(opened, name)
    rows = frames.collect(opened.select(by, *names).unique()).sort_values(by)
    if rows[by].duplicated().any():
        many = rows.groupby(by).nunique().max()
        changing = [name for name in names if many[name] > 1]
        raise DesignError(
            f"covariates {', '.join(map(repr, changing))} differ within a segment of {by!r}; give "
            "one value a segment, such as its mean."
        )
    z = rows[list(names)].to_numpy(dtype=float)
    spread = z.std(axis=0)
    if flat := [n for n, s in zip(names, spread, strict=True) if s == 0]:
        raise RankError(f"covariates {', '.join(map(repr, flat))} are the same everywhere.")
    return (z - z.mean(axis=0)) / spread
