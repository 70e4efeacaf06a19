"""What is estimated from the answers on a scale: one number for each possible answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import ConfigError
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_choice, check_count

STATISTICS = ("score", "top_box", "mean", "net")


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistic:
    """A mean of values that are given to the answers of a scale.

    Parameters
    ----------
    name : {"score", "top_box", "mean", "net"}
        What it is.
    values : numpy.ndarray, shape (category,)
        What each answer counts for.
    unit : str
        Unit of the values.
    """

    name: str
    values: np.ndarray = field(repr=False)
    unit: str

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=float)
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest possible value."""
        return float(self.values.min()), float(self.values.max())


def statistic_of(scale: ScoreScale, name: str = "score", top: int | None = None) -> Statistic:
    """Build a statistic for a scale.

    Parameters
    ----------
    scale : ScoreScale
        Scale of the answers.
    name : {"score", "top_box", "mean", "net"}
        ``"score"``: the scale's own score (NPS in points, the mean answer of CSAT and CES, the
        share of PSAT). ``"top_box"``: share of answers in the best boxes, 0 to 1. ``"mean"``: the
        mean answer. ``"net"``: best minus worst answers, in points from -100 to 100.
    top : int, optional
        How many boxes count as best (and, for ``"net"``, as worst). By default the scale's own
        bands, and two boxes where it has none.

    Returns
    -------
    Statistic
        Values of the answers, in the order of ``scale.values``.

    Raises
    ------
    ConfigError
        For an unknown name, or boxes that do not fit on the scale.
    """
    check_choice(name, "statistic", STATISTICS)
    if name == "score":
        return Statistic(name=name, values=scale.score_weights, unit=scale.unit)
    if name == "mean":
        return Statistic(name=name, values=scale.values, unit="scale points")
    if name == "top_box":
        best = _boxes(scale, ("top", "promoter"), top, best=True)
        return Statistic(name=name, values=best.astype(float), unit="share")
    best = _boxes(scale, ("easy", "promoter", "top"), top, best=True)
    worst = _boxes(scale, ("hard", "detractor", "bottom"), top, best=False)
    if (best & worst).any():
        raise ConfigError(
            f"scale {scale.name!r} has {scale.n_categories} answers; the best and the worst boxes "
            "overlap. Use a smaller top."
        )
    return Statistic(name=name, values=100.0 * best - 100.0 * worst, unit="points")


def _boxes(scale: ScoreScale, bands: tuple[str, ...], top: int | None, *, best: bool) -> np.ndarray:
    """Mark the categories in the best or worst boxes, shape (category,)."""
    if top is None:
        band = next((b for b in bands if b in scale.bands), None)
        if band is not None:
            return scale.in_band(scale.values, band)
        top = 2
    size = scale.n_categories
    if check_count(top, "top") >= size:
        raise ConfigError(f"top is {top}; scale {scale.name!r} has only {size} answers.")
    mask = np.zeros(size, dtype=bool)
    mask[-top:] = True
    return mask if best == scale.higher_is_better else mask[::-1]
