"""Difference-in-differences by segment, where segments learn from each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cximpact.core.errors import ConfigError
from cximpact.core.results import TIDY_COLUMNS, EffectPosterior
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.data import Panel, RepeatedCrossSection, frames
from cximpact.effects.did.cell_blocks import CellModel
from cximpact.effects.did.design import did_table
from cximpact.effects.did.design_form import DesignForm
from cximpact.effects.did.estimates import Claim, Design, Estimator
from cximpact.effects.did.generative_form import GenerativeForm
from cximpact.effects.did.group_time import GroupTime
from cximpact.effects.did.partial_pooling import OMEGA_PRIORS
from cximpact.effects.did.pooled_result import exchangeable, pooled_result, segment_estimand
from cximpact.effects.did.segment_estimates import split
from cximpact.effects.did.two_way_moments import without_rows
from cximpact.effects.did.words import assumptions, estimand

FORMS = ("design", "generative")
_TAKEN = ("sample", "than", "mcse", *TIDY_COLUMNS)


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
    form : {"design", "generative"}
        Pool the estimates of the segments with their joint covariance; or model the counts or
        means of clusters and periods, on the scale of a link, with effects compared on the scale
        of the outcome.
    estimator : GroupTime or TwoByTwo
        What estimates the effect within a segment in the design form; by default `GroupTime()`,
        averaged over the treated cells. Where clusters lie in several segments it must be a
        `GroupTime`.
    covariates : sequence of str
        Numeric columns that are the same for all rows of a segment and may explain why effects
        differ, such as its size; they are centered and scaled over segments. Design form only.
    omega_prior : {"half_normal", "half_cauchy", "uniform"}
        Prior of omega, the standard deviation between segments.
    omega_scale : float, optional
        Its scale, in the outcome's unit; half the standard deviation of the outcome by default.
        In the generative form, on the scale of the link: 0.5 for logits and logarithms.
    mu_scale : float, optional
        Standard deviation of the normal prior of the mean over segments; that of the outcome by
        default, and 1 for logits and logarithms.
    draws : int, default 4000
        How many draws, in the design form.
    model : CellModel
        Settings of the generative form.

    Notes
    -----
    Estimand: for every segment s, the average effect on its treated, ``tau_s``; besides them the
    mean ``mu`` of all segments that might be, and the effect in a segment that was not seen. It
    stands on the design within each segment (parallel trends, no anticipation, no spill-over),
    and on segments that are exchangeable given the covariates.

    Design form: the estimates with their joint covariance, by cluster, are the data,
    ``tau_hat ~ N(tau, V)``, ``tau_s ~ N(mu + z_s'b, omega^2)``. Few clusters in a segment: V is
    widened so that the normal 90 % interval of each estimate is its t interval; farther out in
    the tails that is an approximation. Generative form: for the mean outcome of a cluster's
    segment and cohort in a period, ``g(E y) = level + period + trend of the segment + tau_s D``,
    shaken by a shock of that cluster in that period; without that shock intervals are far too
    narrow. Trends are parallel on the scale of the link, segments have random walks of their own
    around the common periods, and the effect is the mean over treated cells of the outcome with
    treatment less that without.

    What breaks it: few segments, where the prior of omega decides (a warning says so;
    ``diagnostics["omega_learned"]`` shows it); a segment unlike all others, which is pulled to
    them the more the noisier it is; in the generative form, shocks that persist from period to
    period (``diagnostics["serial_p"]`` shows them; ``CellModel(drift=True)`` allows for them).

    References
    ----------
    Rubin, D. B. (1981). Estimation in parallel randomized experiments. Journal of Educational
    Statistics 6, 377-401. Gelman, A. (2006). Prior distributions for variance parameters in
    hierarchical models. Bayesian Analysis 1, 515-534.
    """

    by: str
    form: str = "design"
    estimator: Estimator = field(default_factory=_group_time)
    covariates: Sequence[str] = ()
    omega_prior: str = "half_normal"
    omega_scale: float | None = None
    mu_scale: float | None = None
    draws: int = 4000
    model: CellModel = field(default_factory=CellModel)

    def __post_init__(self) -> None:
        if not isinstance(self.by, str) or self.by in _TAKEN:
            raise ConfigError(f"by is {self.by!r}; expected a column with a name of its own.")
        check_choice(self.form, "form", FORMS)
        names = frames.column_names(self.covariates, "covariates")
        object.__setattr__(self, "covariates", names)
        check_choice(self.omega_prior, "omega_prior", OMEGA_PRIORS)
        for name in ("omega_scale", "mu_scale"):
            if (value := getattr(self, name)) is not None:
                check_number(value, name, low=0, open_low=True)
        check_count(self.draws, "draws", low=100)
        if self.form == "generative" and (names or self.omega_prior != "half_normal"):
            raise ConfigError(
                "form='generative' takes no covariates and omega_prior='half_normal' only; use "
                "form='design'."
            )

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
        form = self._form().fit(data, parts, seed)
        design: Design = without_rows(data) or did_table(data)
        claim = Claim(
            method="HierarchicalDiD",
            settings={"form": self.form, "by": self.by, **form.settings},
            estimand=segment_estimand(estimand(design, self._scale()), self.by),
            assumptions=(
                *assumptions(design, equal=not isinstance(self.estimator, GroupTime)),
                *form.assumptions,
                exchangeable(self.covariates),
            ),
            would_change_it=(
                "a difference in trends within segments that continues after treatment, or "
                "segments that are not of one kind, so that learning from each other misleads."
            ),
            diagnostics=form.diagnostics,
            details=form.details,
            packages=form.packages,
            notes=form.notes,
        )
        return pooled_result(design, form, claim, rng=seed)

    def _form(self) -> DesignForm | GenerativeForm:
        if self.form == "generative":
            return GenerativeForm(
                by=self.by,
                model=self.model,
                omega_scale=self.omega_scale,
                mu_scale=self.mu_scale,
            )
        return DesignForm(
            by=self.by,
            estimator=self.estimator,
            covariates=self.covariates,
            omega_prior=self.omega_prior,
            omega_scale=self.omega_scale,
            mu_scale=self.mu_scale,
            draws=self.draws,
        )

    def _scale(self) -> str | None:
        return getattr(self.estimator, "scale", None)
