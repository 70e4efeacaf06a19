"""The change of the treated against the untreated between two periods, and its influence.

Outcome regression, inverse probability weighting and the doubly robust contrast are sums of
weighted means. The influence function of each is that of its means plus, by the chain rule, that
of the models inside: the one rule below covers all six forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.effects.did.nuisance import OutcomeModel, Propensity, outcome_model, propensity

METHODS = ("dr", "ipw", "reg")


@dataclass(frozen=True, kw_only=True, eq=False)
class Contrast:
    """Effects with the share of every row in their error.

    Parameters
    ----------
    value : numpy.ndarray, shape (outcome,)
        Effects.
    influence : numpy.ndarray, shape (row, outcome)
        Sums to 0 over the rows; the variance is the sum of squares.
    trimmed : int
        Untreated rows whose propensity is too near one to count.
    """

    value: np.ndarray
    influence: np.ndarray = field(repr=False)
    trimmed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Mean:
    """A signed weighted mean: ``sign * sum(weight * value) / sum(weight)``.

    ``loads`` says how the value moves with the fit of an outcome model; ``odds`` whether the
    weight holds the odds of the propensity.
    """

    sign: float
    weight: np.ndarray
    value: np.ndarray
    loads: Mapping[str, float] = field(default_factory=dict)
    odds: bool = False


def panel_contrast(
    change: np.ndarray,
    treated: np.ndarray,
    weight: np.ndarray,
    x: np.ndarray | None,
    *,
    method: str,
    where: str = "",
) -> Contrast:
    """Compare changes of the same units.

    Parameters
    ----------
    change : numpy.ndarray, shape (row, outcome)
        Outcome less that of the base period; several periods at once.
    treated : numpy.ndarray of float, shape (row,)
        0 or 1.
    weight : numpy.ndarray, shape (row,)
        Weights.
    x : numpy.ndarray, shape (row, covariate), or None
        Covariates with a constant. Without them all methods are the difference of means.
    method : {"dr", "ipw", "reg"}
        Doubly robust, inverse probability weighting, or outcome regression.
    where : str
        For messages.

    Returns
    -------
    Contrast
        Effects on the treated.

    References
    ----------
    Sant'Anna, P. H. C. and Zhao, J. (2020). Doubly robust difference-in-differences estimators.
    Journal of Econometrics 219, 101-122.
    """
    on, off = weight * treated, weight * (1 - treated)
    if x is None:
        return _sum(
            [_Mean(sign=1, weight=on, value=change), _Mean(sign=-1, weight=off, value=change)]
        )
    models: dict[str, OutcomeModel] = {}
    if method != "ipw":
        models["untreated"] = outcome_model(x, change, off, where)
    if method == "reg":
        fitted = models["untreated"].fitted
        means = [
            _Mean(sign=1, weight=on, value=change),
            _Mean(sign=-1, weight=on, value=fitted, loads={"untreated": 1.0}),
        ]
        return _sum(means, x=x, models=models)
    score = propensity(x, treated, weight, where)
    left = change - models["untreated"].fitted if models else change
    loads = {"untreated": -1.0} if models else {}
    means = [
        _Mean(sign=1, weight=on, value=left, loads=loads),
        _Mean(sign=-1, weight=off * score.odds, value=left, loads=loads, odds=True),
    ]
    return _sum(means, x=x, models=models, score=score)


def level_contrast(
    outcome: np.ndarray,
    treated: np.ndarray,
    after: np.ndarray,
    weight: np.ndarray,
    x: np.ndarray | None,
    *,
    method: str,
    where: str = "",
) -> Contrast:
    """Compare changes of groups of different rows, as in repeated cross-sections.

    Parameters
    ----------
    outcome : numpy.ndarray, shape (row,)
        Outcome.
    treated, after : numpy.ndarray of float, shape (row,)
        0 or 1: who, and in which of the two periods.
    weight : numpy.ndarray, shape (row,)
        Weights.
    x : numpy.ndarray, shape (row, covariate), or None
        Covariates with a constant.
    method : {"dr", "ipw", "reg"}
        As for `panel_contrast`; ``"dr"`` is the locally efficient one.
    where : str
        For messages.

    Returns
    -------
    Contrast
        The effect on the treated, one outcome.

    References
    ----------
    As for `panel_contrast`.
    """
    y = outcome[:, None]
    parts = {
        (d, p): weight * (treated if d else 1 - treated) * (after if p else 1 - after)
        for d in (1, 0)
        for p in (1, 0)
    }
    if x is None:
        return _sum([_Mean(sign=_sign(d, p), weight=w, value=y) for (d, p), w in parts.items()])
    names = {(d, p): f"{d}{p}" for d, p in parts}
    needed = {"reg": [(0, 1), (0, 0)], "ipw": [], "dr": list(parts)}[method]
    models = {names[key]: outcome_model(x, y, parts[key], where) for key in needed}
    score = propensity(x, treated, weight, where) if method != "reg" else None
    odds = score.odds if score is not None else np.ones(len(x))
    means = []
    for (d, p), w in parts.items():
        if method == "reg" and d == 0:
            continue
        weighted = w if d else w * odds
        fit = models.get(names[0, p]) if method == "dr" else None
        means.append(
            _Mean(
                sign=_sign(d, p),
                weight=weighted,
                value=y - fit.fitted if fit else y,
                loads={names[0, p]: -1.0} if fit else {},
                odds=d == 0,
            )
        )
    on = weight * treated
    if method == "reg":
        gap = models["01"].fitted - models["00"].fitted
        means.append(_Mean(sign=-1, weight=on, value=gap, loads={"01": 1.0, "00": -1.0}))
    if method == "dr":
        for p in (1, 0):
            gap = models[names[1, p]].fitted - models[names[0, p]].fitted
            loads = {names[1, p]: 1.0, names[0, p]: -1.0}
            for sign, w in ((1, on), (-1, parts[1, p])):
                means.append(_Mean(sign=sign if p else -sign, weight=w, value=gap, loads=loads))
    return _sum(means, x=x, models=models, score=score)


def _sign(treated: int, after: int) -> float:
    return 1.0 if treated == after else -1.0


def _sum(
    means: Sequence[_Mean],
    *,
    x: np.ndarray | None = None,
    models: Mapping[str, OutcomeModel] | None = None,
    score: Propensity | None = None,
) -> Contrast:
    """Add weighted means and the error of the models inside them."""
    n = len(means[0].weight)
    value = np.zeros(means[0].value.shape[1])
    influence = np.zeros((n, len(value)))
    slopes = {name: 0.0 for name in models or {}}
    tilt = 0.0
    for mean in means:
        total = mean.weight.sum()
        eta = mean.weight @ mean.value / total
        centred = mean.weight[:, None] * (mean.value - eta) * (mean.sign / total)
        value += mean.sign * eta
        influence += centred
        if x is None:
            continue
        for name, load in mean.loads.items():
            slopes[name] = slopes[name] + mean.sign * load / total * (mean.weight @ x)
        if mean.odds:
            tilt = tilt + x.T @ centred
    if x is not None:
        for name, model in (models or {}).items():
            influence += model.residual * ((x @ (model.bread @ slopes[name])) / n)[:, None]
        if score is not None:
            influence += score.score[:, None] * (x @ (score.bread @ tilt)) / n
    trimmed = score.trimmed if score is not None else 0
    return Contrast(value=value, influence=influence, trimmed=trimmed)
