"""The mediation of an effect by a score: settings, models and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from cximpact.core.errors import ConfigError, DesignError, join_names
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.data import frames
from cximpact.effects.linkage.mediators.interventional import interventional_means
from cximpact.effects.linkage.mediators.models import MEDIATOR, OUTCOME, Crowd, MediationModels
from cximpact.effects.linkage.mediators.natural import natural_means
from cximpact.effects.linkage.mediators.result import MediationPosterior, mediation_result
from cximpact.effects.linkage.models.families import Family, family_of
from cximpact.effects.linkage.models.fit import ModelFit, check_design
from cximpact.effects.linkage.models.joint import join_fits
from cximpact.effects.linkage.rows import MISSING, LinkedRows, link_rows
from cximpact.effects.linkage.timing import check_time_order

_MOST_ROWS = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class Mediation:
    """Settings of a mediation analysis: an exposure, a score on the way, a behavior.

    Parameters
    ----------
    exposure, mediator, outcome : str
        Numeric columns: the KPI or treatment, the score, and the behavior.
    covariates : sequence of str
        Columns known before the exposure that may move any two of the three.
    affected : sequence of str
        Numeric columns that the exposure moves and that move mediator and outcome, causes first.
        Natural effects cannot be told then; interventional ones are given instead.
    contrast : tuple of float, default (0, 1)
        Exposures that are compared, low and high.
    families : mapping of str to str
        Model of a column, such as ``{"effort": "ordinal"}``; by default binary where a column is
        0 and 1, otherwise normal.
    interaction : bool, default True
        Whether exposure and mediator may act together on the outcome.
    reliability : float, optional
        Share of the variance of a normal mediator that is no measurement error. None takes it
        as measured without error, which makes the indirect effect too small. The correction is
        exact for a linear outcome; for a 0/1 outcome it is near, and a little short where the
        outcome is steep and the error large.
    assume : {"sequential ignorability"}, optional
        Says that you answer for it: nothing unmeasured moves mediator and outcome. Without it
        the parts are descriptive and no money is made of them.
    weight, cluster : str, optional
        Columns of weights and of clusters.
    exposure_time, mediator_time, outcome_time : str, optional
        Columns with dates or periods; what comes before its cause is refused.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    draws : int, default 1000
        Draws of the parameters.

    Raises
    ------
    ConfigError
        If settings do not fit each other.
    """

    exposure: str
    mediator: str
    outcome: str
    covariates: Sequence[str] = ()
    affected: Sequence[str] = ()
    contrast: tuple[float, float] = (0.0, 1.0)
    families: Mapping[str, str] = field(default_factory=dict)
    interaction: bool = True
    reliability: float | None = None
    assume: str | None = None
    weight: str | None = None
    cluster: str | None = None
    exposure_time: str | None = None
    mediator_time: str | None = None
    outcome_time: str | None = None
    missing: str = "raise"
    draws: int = 1000

    def __post_init__(self) -> None:
        check_choice(self.missing, "missing", MISSING)
        check_count(self.draws, "draws", low=2)
        object.__setattr__(self, "affected", frames.column_names(self.affected, "affected"))
        object.__setattr__(self, "families", MappingProxyType(dict(self.families)))
        known = (self.mediator, self.outcome, *self.affected)
        if unknown := [c for c in self.families if c not in known]:
            raise ConfigError(
                f"families names {join_names(unknown)}; models are of {join_names(known)}."
            )
        low, high = (check_number(v, "contrast") for v in self.contrast)
        if low == high:
            raise ConfigError(f"contrast compares {low:g} with itself; give two exposures.")
        if self.reliability is not None:
            check_number(self.reliability, "reliability", low=0, high=1, open_low=True)
            if self.affected:
                raise ConfigError("reliability cannot be combined with affected; leave one out.")
        if self.assume is not None:
            check_choice(self.assume, "assume", ("sequential ignorability",))

    def fit(self, frame: Any, *, rng: RngLike = None) -> MediationPosterior:
        """Fit the models, and take the effect apart.

        Parameters
        ----------
        frame : frame
            One row a customer; any engine.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        MediationPosterior
            Total, direct and indirect effect, joint draws.
        """
        self._check_times(frame)
        roles = {"exposure": self.exposure, MEDIATOR: self.mediator, OUTCOME: self.outcome}
        roles |= {name: name for name in self.affected}
        rows = link_rows(
            frame,
            roles,
            self.covariates,
            weight=self.weight,
            cluster=self.cluster,
            missing=self.missing,
        )
        self._check_contrast(rows.numbers["exposure"])
        models, fits = _fit(self, rows)
        seed = seed_of(rng)
        stream, chooser = spawn(seed, "parameters of the mediation", "customers of the mediation")
        drawn = join_fits(fits, rows.cluster).draw(self.draws, rng=stream)
        crowd = _crowd(rows, chooser)
        means = _means(models, drawn, crowd, self.contrast, seed)
        at_estimate = {name: fit.values[None] for name, fit in fits.items()}
        point = _means(models, at_estimate, replace(crowd, scatter=0.0), self.contrast, seed)[0]
        return mediation_result(self, rows, models, drawn, crowd, (means, point), seed)

    def _check_times(self, frame: Any) -> None:
        exposure, mediator, outcome = self.exposure_time, self.mediator_time, self.outcome_time
        if exposure is not None and mediator is not None:
            check_time_order(frame, exposure, mediator, what="the mediator")
        for first in (mediator, exposure):
            if first is not None and outcome is not None:
                check_time_order(frame, first, outcome)

    def _check_contrast(self, x: np.ndarray) -> None:
        if not all(x.min() <= level <= x.max() for level in self.contrast):
            raise DesignError(
                f"contrast compares {self.contrast[0]:g} and {self.contrast[1]:g}, but "
                f"{self.exposure!r} lies between {x.min():g} and {x.max():g}; choose exposures "
                "that occur."
            )


def mediation(
    frame: Any,
    *,
    exposure: str,
    mediator: str,
    outcome: str,
    covariates: Sequence[str] = (),
    rng: RngLike = None,
    **settings: Any,
) -> MediationPosterior:
    """Take an effect on behavior apart: what passes through a score, and what does not.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    exposure, mediator, outcome : str
        Numeric columns: the KPI or treatment, the score, and the behavior.
    covariates : sequence of str
        Columns known before the exposure that may move any two of the three.
    rng : int or Generator, optional
        Randomness of the draws.
    **settings
        Further settings of `Mediation`, such as ``contrast``, ``families``, ``affected``,
        ``reliability`` and ``assume``.

    Returns
    -------
    MediationPosterior
        Dimensions ``(sample, effect)``: total, direct and indirect.

    Notes
    -----
    Estimands, with low exposure 0 and high exposure 1: direct E[Y(1, M(0)) - Y(0, M(0))],
    indirect E[Y(1, M(1)) - Y(1, M(0))]; they add up to the total. They are effects if, given the
    covariates, nothing unmeasured moves exposure and mediator, exposure and outcome, or mediator
    and outcome, and the exposure moves no confounder of the last two. The last cannot be had by
    randomizing the exposure; `MediationPosterior.sensitivity` shows what it matters. The product
    of two coefficients is the indirect effect only where both models are linear without
    interaction. Where an initiative's effect on behavior was measured, that comes first: a chain
    over the score needs all of this on top.

    References
    ----------
    Pearl, J. (2001). Direct and indirect effects. UAI 17, 411-420. Imai, K., Keele, L. and
    Yamamoto, T. (2010). Identification, inference and sensitivity analysis for causal mediation
    effects. Statistical Science 25, 51-71.
    """
    return Mediation(
        exposure=exposure, mediator=mediator, outcome=outcome, covariates=covariates, **settings
    ).fit(frame, rng=rng)


def _fit(settings: Mediation, rows: LinkedRows) -> tuple[MediationModels, dict[str, ModelFit]]:
    columns = {MEDIATOR: settings.mediator, OUTCOME: settings.outcome}
    columns |= {name: name for name in settings.affected}
    families = {name: _family(settings, c, rows.numbers[name]) for name, c in columns.items()}
    error = 0.0
    if settings.reliability is not None:
        if families[MEDIATOR].name != "normal":
            raise ConfigError(
                f"reliability is for a normal mediator; {settings.mediator!r} is modeled as "
                f"{families[MEDIATOR].name}. Say families={{{settings.mediator!r}: 'normal'}}."
            )
        m = rows.numbers[MEDIATOR]
        spread = np.average((m - np.average(m, weights=rows.weight)) ** 2, weights=rows.weight)
        error = (1 - settings.reliability) * float(spread)
    models = MediationModels(
        families=families,
        interaction=settings.interaction,
        affected=tuple(settings.affected),
        error_variance=error,
    )
    fits, x, design = {}, rows.numbers["exposure"], rows.design
    between = np.empty((rows.n, 0))
    for name in (*settings.affected, MEDIATOR, OUTCOME):
        y = rows.numbers[name]
        families[name].check(y, columns[name])
        m = rows.numbers[MEDIATOR] if name == OUTCOME else None
        matrix = models.design(name, x, design, m=m, between=between)
        rest = [*settings.affected[: between.shape[1]], *rows.terms]
        terms = models.terms(name, settings.exposure, settings.mediator, rest)
        check_design(matrix, terms, columns[name])
        fits[name] = families[name].fit(matrix, y, rows.weight, terms)
        if name in settings.affected:
            between = np.column_stack([between, y])
    models.trust(fits[MEDIATOR].values)
    return models, fits


def _family(settings: Mediation, column: str, y: np.ndarray) -> Family:
    default = "binary" if np.isin(y, (0, 1)).all() else "normal"
    return family_of(settings.families.get(column, default), y)


def _crowd(rows: LinkedRows, chooser: np.random.Generator) -> Crowd:
    """Choose customers to average over: one of a kind without covariates, at most some thousand."""
    if not rows.covariates:
        return Crowd(covariates=np.empty((1, 0)), weight=np.ones(1), scatter=0.0)
    chosen = np.arange(rows.n)
    if rows.n > _MOST_ROWS:
        chosen = np.sort(chooser.choice(rows.n, _MOST_ROWS, replace=False))
    return Crowd(
        covariates=rows.design[chosen],
        weight=rows.weight[chosen],
        scatter=float(np.sqrt(chosen.size / rows.n)),
    )


def _means(
    models: MediationModels,
    drawn: Mapping[str, np.ndarray],
    crowd: Crowd,
    contrast: tuple[float, float],
    seed: int,
) -> np.ndarray:
    """Return the four means of every draw, shape (sample, 4)."""
    if models.affected and len(crowd.weight) == 1:
        crowd = Crowd(covariates=np.empty((_MOST_ROWS, 0)), weight=np.ones(_MOST_ROWS), scatter=0.0)
    out = []
    for draw in range(len(drawn[OUTCOME])):
        generator = np.random.default_rng([draw, seed])
        own = {name: values[draw] for name, values in drawn.items()}
        weights = crowd.weights(generator)
        if models.affected:
            out.append(interventional_means(models, own, crowd, contrast, weights, generator))
        else:
            out.append(natural_means(models, own, crowd, contrast, weights))
    return np.array(out)
