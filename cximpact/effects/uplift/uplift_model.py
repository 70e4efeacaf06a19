"""A fitted model of single effects: predictions for customers, and scores to judge them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, DesignError, DtypeError
from cximpact.core.rng import RngLike, as_generator, spawn
from cximpact.data import CrossSection, frames
from cximpact.data.customer_rows import CustomerRows
from cximpact.effects.uplift.crossfit import Nuisances, assign_folds
from cximpact.effects.uplift.doubly_robust import doubly_robust_scores
from cximpact.effects.uplift.effect_models import BaggedEffect, EffectModel
from cximpact.effects.uplift.features import FeatureEncoder

_ALIKE = 0.1
"""Share of rows found among the training rows from which they are taken to be those."""
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, kw_only=True, eq=False)
class UpliftModel:
    """What a learner learned about single customers.

    Parameters
    ----------
    learner : MetaLearner
        Settings.
    encoder : FeatureEncoder
        How features become numbers.
    effects : tuple of EffectModel
        Effect of each treated arm.
    nuisances : Nuisances
        Means and propensities.
    arms : tuple
        Labels of the treated arms.
    data : CrossSection
        The training customers.
    keys : numpy.ndarray of uint64
        Sorted hashes of the training customers.
    by_unit : bool
        Whether the hashes are those of identifiers.
    """

    learner: Any
    encoder: FeatureEncoder = field(repr=False)
    effects: tuple[EffectModel, ...] = field(repr=False)
    nuisances: Nuisances = field(repr=False)
    arms: tuple[Any, ...]
    data: CrossSection = field(repr=False)
    keys: np.ndarray = field(repr=False)
    by_unit: bool = field(repr=False)

    @property
    def has_errors(self) -> bool:
        """Whether errors of single effects are known."""
        return all(not isinstance(e, BaggedEffect) or bool(e.halves) for e in self.effects)

    def numbers(self, customers: Any) -> np.ndarray:
        """Read the features of customers.

        Parameters
        ----------
        customers : CrossSection or frame
            With the features that were learned.

        Returns
        -------
        numpy.ndarray, shape (row, column)
            Features as numbers.
        """
        if isinstance(customers, CrossSection):
            return self.encoder.encode(customers.to_arrays().table)
        opened = frames.open_frame(customers)
        roles = {f"features[{i}]": c for i, c in enumerate(self.encoder.columns)}
        frames.check_columns(opened, roles)
        frames.count_rows(opened)
        return self.encoder.encode(frames.collect(opened.select(*self.encoder.columns)))

    def effect(self, x: np.ndarray) -> np.ndarray:
        """Predict the effect of each arm.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features as numbers.

        Returns
        -------
        numpy.ndarray, shape (row, arm)
            Effects.
        """
        return np.column_stack([effect.point(x) for effect in self.effects])

    def std_error(self, x: np.ndarray) -> np.ndarray | None:
        """Return the standard error of each effect.

        Parameters
        ----------
        x : numpy.ndarray, shape (row, column)
            Features as numbers.

        Returns
        -------
        numpy.ndarray, shape (row, arm), or None
            None where the learner was fitted without errors.
        """
        if not self.has_errors:
            return None
        out = np.empty((len(x), len(self.effects)))
        for start in range(0, len(x), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            for a, effect in enumerate(self.effects):
                out[part, a] = effect.errors(x[part]).std(axis=0, ddof=1)
        return out

    def check_new(self, rows: CustomerRows) -> None:
        """Refuse customers that the model was fitted on.

        Parameters
        ----------
        rows : CustomerRows
            Customers.

        Raises
        ------
        DesignError
            If they are among the training customers.
        """
        own = np.unique(rows.keys)
        known = int(np.isin(own, self.keys).sum())
        if self.by_unit and known:
            found = f"{known:,} of {len(own):,} customers are among those the model was fitted on"
        elif not self.by_unit and known > _ALIKE * rows.n_rows:
            found = f"{known:,} of {rows.n_rows:,} rows equal rows that the model was fitted on"
        else:
            return
        raise DesignError(
            f"{found}: it would be judged by what it has learned by heart. Split first with "
            "data.split(0.5, rng=...), leave the data away for a cross-fitted evaluation, or say "
            "force=True."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Customers with predicted effects and doubly robust scores that know nothing of each other.

    Parameters
    ----------
    rows : CustomerRows
        Customers.
    effect : numpy.ndarray, shape (row, arm)
        Predicted effects.
    std_error : numpy.ndarray, shape (row, arm), or None
        Their errors.
    scores : numpy.ndarray, shape (row, arm)
        Doubly robust scores.
    mean, propensity : numpy.ndarray, shape (row, 1 + arm)
        Predicted outcome and probability of each arm.
    how : str
        In words, how they were kept apart.
    """

    rows: CustomerRows = field(repr=False)
    effect: np.ndarray = field(repr=False)
    std_error: np.ndarray | None = field(repr=False)
    scores: np.ndarray = field(repr=False)
    mean: np.ndarray = field(repr=False)
    propensity: np.ndarray = field(repr=False)
    how: str


def score_customers(model: UpliftModel, data: CrossSection, *, force: bool = False) -> Scored:
    """Score customers that the model has not seen.

    Parameters
    ----------
    model : UpliftModel
        Model.
    data : CrossSection
        Held-out customers with outcomes, in the arms of the model.
    force : bool, default False
        Whether training customers are let through.

    Returns
    -------
    Scored
        Effects and scores.

    Raises
    ------
    ConfigError
        If the arms differ.
    DesignError
        If these are training customers.
    """
    if not isinstance(data, CrossSection):
        raise DtypeError(
            f"data is a {type(data).__name__}; expected a CrossSection of held-out customers, with "
            "their treatment and outcome."
        )
    if tuple(data.arms) != tuple(model.arms) or data.control != model.data.control:
        raise ConfigError(
            f"these customers have the arms {list(data.arms)} against {data.control!r}, the model "
            f"{list(model.arms)} against {model.data.control!r}; expected the same."
        )
    rows = data.to_arrays()
    if not force:
        model.check_new(rows)
    x = model.encoder.encode(rows.table)
    mean = model.nuisances.mean_of(x)
    known = rows.propensity
    propensity = known if known is not None else model.nuisances.propensity_of(x)
    return Scored(
        rows=rows,
        effect=model.effect(x),
        std_error=model.std_error(x),
        scores=doubly_robust_scores(rows.outcome, rows.arm, mean, propensity),
        mean=mean,
        propensity=propensity,
        how="on training customers, by force" if force else "on held-out customers",
    )


def crossed_scores(model: UpliftModel, *, folds: int = 5, rng: RngLike) -> Scored:
    """Score the training customers by models that are fitted anew without them.

    Parameters
    ----------
    model : UpliftModel
        Model, with its settings and training customers.
    folds : int, default 5
        Parts; the learner is fitted once without each.
    rng : int or Generator
        Randomness.

    Returns
    -------
    Scored
        Effects and scores of every customer, from fits that know nothing of the customer.
    """
    generator = as_generator(rng)
    rows = model.data.to_arrays()
    fold = assign_folds(rows, folds, generator)
    table = model.data.table()
    parts: list[tuple[np.ndarray, Scored]] = []
    for k, stream in enumerate(spawn(generator, *(f"fold {k}" for k in range(folds)))):
        learned = model.learner.fit(_part(model.data, table, fold != k), rng=stream)
        held_out = score_customers(learned.model, _part(model.data, table, fold == k), force=True)
        parts.append((np.flatnonzero(fold == k), held_out))
    return Scored(
        rows=rows,
        effect=_together(parts, [s.effect for _, s in parts]),
        std_error=None
        if parts[0][1].std_error is None
        else _together(parts, [s.std_error for _, s in parts]),
        scores=_together(parts, [s.scores for _, s in parts]),
        mean=_together(parts, [s.mean for _, s in parts]),
        propensity=_together(parts, [s.propensity for _, s in parts]),
        how=f"cross-fitted: each of {folds} parts by a fit without it",
    )


def _part(data: CrossSection, table: pd.DataFrame, inside: np.ndarray) -> CrossSection:
    return data.replaced(table[inside].reset_index(drop=True))


def _together(parts: Sequence[tuple[np.ndarray, Scored]], values: Sequence[Any]) -> np.ndarray:
    n = sum(len(rows) for rows, _ in parts)
    out = np.empty((n, *values[0].shape[1:]))
    for (rows, _), value in zip(parts, values, strict=True):
        out[rows] = value
    return out
