"""Uplift by segment, where segments learn from each other."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.errors import AssumptionWarning, ConfigError, join_names
from cximpact.core.results import TIDY_COLUMNS, EffectPosterior
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.data import CrossSection, frames
from cximpact.effects.uplift.segment_cells import BINOMIAL, SegmentCells, collapse
from cximpact.effects.uplift.segment_model import SegmentPosterior, SegmentPriors
from cximpact.effects.uplift.segment_result import segment_result

_TAKEN = ("sample", "than", "arm", "of", "mcse", *TIDY_COLUMNS)
_SCALES = ("baseline_scale", "effect_scale", "baseline_spread", "effect_spread")
_LOGITS = dict(zip(_SCALES, (2.5, 1.0, 1.0, 0.5), strict=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class HierarchicalUplift:
    """What a treatment changes in every segment, partially pooled.

    Parameters
    ----------
    by : str or sequence of str
        Features whose crossed levels are the segments.
    baseline_scale : float, optional
        Standard deviation of the normal prior of the mean baseline over segments: 2.5 logits
        around 0, or 2.5 units around the mean of the outcome.
    effect_scale : float, optional
        Standard deviation of the normal prior of the mean effect, which is centered at 0: 1 logit
        or 1 unit.
    baseline_spread, effect_spread : float, optional
        Scales of the half-normal priors of how far baselines, and effects, of segments lie apart:
        1 and 0.5, in logits or units.
    correlation : float, default 2
        Concentration of the prior of the correlations of baseline and effects over segments; 1 is
        uniform, above it they are drawn to 0.
    empty : {"raise", "pool"}
        What to do with a segment that lacks an arm: refuse it, or take from the other segments
        what it does not tell. ``"pool"`` warns, and ``details["pooled_only"]`` names them.
    draws : int, default 4000
        How many draws.
    allow_unconverged : bool, default False
        Accept a fit that failed the convergence gate; every result then says so.

    Notes
    -----
    Estimand: for every segment the difference of the expected outcome with and without treatment.
    It needs assignment that is as good as random within each segment, or known propensities, and no
    spill-over between customers.

    A 0/1 outcome is collapsed to counts: ``y0 ~ binomial(n0, p0)``, ``logit p0 = a``, and for each
    arm ``logit p1 = a + d``. Other outcomes are collapsed to means with known variances on the
    scale of the outcome, where one unit of the priors is the standard deviation within cells, or
    the mean of the outcome if that is smaller and nobody is below 0, as for spend. Over segments
    ``(a, d)`` is normal with free means, spreads and correlations: customers who do more without
    treatment often gain more from it, and the model learns whether they do. The posterior is
    sampled, on the cells alone, however many customers there are.

    What breaks it: few segments, where the prior of the spread of effects decides (a warning says
    so); segments that are not of one kind; customers who are dependent, which is refused; means of
    so few customers with so long a tail that they are not normal.

    References
    ----------
    Gelman, A. and Hill, J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical
    Models. Cambridge University Press, chapter 13. Lewandowski, D., Kurowicka, D. and Joe, H.
    (2009). Generating random correlation matrices based on vines and extended onion method.
    Journal of Multivariate Analysis 100, 1989-2001.
    """

    by: str | Sequence[str]
    baseline_scale: float | None = None
    effect_scale: float | None = None
    baseline_spread: float | None = None
    effect_spread: float | None = None
    correlation: float = 2.0
    empty: str = "raise"
    draws: int = 4000
    allow_unconverged: bool = False

    def __post_init__(self) -> None:
        by = frames.column_names([self.by] if isinstance(self.by, str) else self.by, "by")
        if not by:
            raise ConfigError("by names no feature; expected at least one.")
        if len(by) == 1 and by[0] in _TAKEN:
            raise ConfigError(f"by is {by[0]!r}, a name that results use; rename the column.")
        object.__setattr__(self, "by", by)
        for name in _SCALES:
            if (value := getattr(self, name)) is not None:
                check_number(value, name, low=0, open_low=True)
        check_number(self.correlation, "correlation", low=0, open_low=True)
        check_choice(self.empty, "empty", ("raise", "pool"))
        check_count(self.draws, "draws", low=100)

    def fit(self, data: CrossSection, *, rng: RngLike = None) -> EffectPosterior:
        """Estimate the effect in every segment.

        Parameters
        ----------
        data : CrossSection
            Customers; ``by`` is among their features.
        rng : int or Generator, optional
            Randomness of the sampler.

        Returns
        -------
        EffectPosterior
            Posterior draws by segment; with several arms by arm and segment. One ``by`` names
            the dimension; several are crossed in a dimension ``segment``, as in ``"north | new"``.
            ``details`` as `segment_result` lists them.

        Raises
        ------
        ConfigError, MissingColumnError, MissingValueError
            If the segments cannot be read.
        NoTreatedError, NoControlError
            If a segment lacks an arm and ``empty="raise"``; it is named.
        DesignError
            If customers are dependent, or there are too many segments or only one.
        ConvergenceError
            If the sampler did not pass the gate twice and ``allow_unconverged`` is False.

        Warns
        -----
        SmallSampleWarning
            If there are so few segments that the prior decides how much effects differ.
        AssumptionWarning
            If a segment lacks an arm and ``empty="pool"``.
        """
        seed = seed_of(rng)
        cells = collapse(data, self.by, pool=self.empty == "pool")
        if cells.empty.any():
            _warn_empty(cells)
        priors = self.priors(cells)
        posterior = SegmentPosterior(cells, priors)
        tree = posterior.sample(seed, self.draws)
        flat = dr.from_datatree(
            tree, source="HierarchicalUplift", allow_unconverged=self.allow_unconverged
        )
        return segment_result(
            data,
            posterior,
            flat,
            diagnostics=sampling.diagnostics(tree),
            settings={"by": self.by, "priors": priors, "empty": self.empty, "draws": self.draws},
            seed=seed,
        )

    def priors(self, cells: SegmentCells) -> SegmentPriors:
        """Return the priors for what was counted.

        Parameters
        ----------
        cells : SegmentCells
            Counts or means.

        Returns
        -------
        SegmentPriors
            In logits, or in the unit of the outcome.
        """
        unit = 1.0 if cells.family == BINOMIAL else cells.scale
        usual = {name: unit * size for name, size in _LOGITS.items()}
        given = {name: getattr(self, name) for name in _SCALES if getattr(self, name) is not None}
        return SegmentPriors(
            baseline_location=0.0 if cells.family == BINOMIAL else cells.location,
            concentration=self.correlation,
            **(usual | given),
        )


def _warn_empty(cells: SegmentCells) -> None:
    bad = [cells.labels[s] for s in np.flatnonzero(cells.empty.any(axis=1))]
    warnings.warn(
        f"{cells.by} {join_names(bad)} lacks an arm; what it does not tell is taken from the other "
        "segments.",
        AssumptionWarning,
        stacklevel=3,
    )
