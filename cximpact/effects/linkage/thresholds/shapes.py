"""Shapes of the link from score to behavior: step, kink, straight line, none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.core.validate import check_choice, check_number, check_vector

STEP, KINK, LINEAR, NONE = "step", "kink", "linear", "none"
SHAPES = ("step", "kink", "any")
MODELS: Mapping[str, tuple[str, ...]] = {
    STEP: (STEP, NONE),
    KINK: (KINK, NONE),
    "any": (STEP, KINK, LINEAR, NONE),
}
MANY = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """All shapes that are compared, with their prior probabilities.

    Parameters
    ----------
    model : tuple of str, shape (candidate,)
        ``step``, ``kink``, ``linear`` or ``none``.
    threshold : numpy.ndarray, shape (candidate,)
        Where step or kink lies; NaN for the others.
    log_prior : numpy.ndarray, shape (candidate,)
        Log prior probabilities; they add up to 1.
    grid : numpy.ndarray, shape (threshold,)
        All thresholds that are possible.
    low, high : float
        Lowest and highest score.
    """

    model: tuple[str, ...]
    threshold: np.ndarray = field(repr=False)
    log_prior: np.ndarray = field(repr=False)
    grid: np.ndarray = field(repr=False)
    low: float
    high: float

    @property
    def names(self) -> tuple[str, ...]:
        """Models in order, each once."""
        return tuple(dict.fromkeys(self.model))

    def is_model(self, *names: str) -> np.ndarray:
        """Say which candidates are of some models.

        Parameters
        ----------
        *names : str
            Models.

        Returns
        -------
        numpy.ndarray of bool, shape (candidate,)
            Whether they are.
        """
        return np.isin(self.model, names)

    def heights(self, i: int, scores: np.ndarray) -> np.ndarray:
        """Return how far up the shape each score is.

        Parameters
        ----------
        i : int
            Which candidate.
        scores : numpy.ndarray
            Scores.

        Returns
        -------
        numpy.ndarray
            0 at the bottom of the shape, 1 at its top.
        """
        c = self.threshold[i]
        match self.model[i]:
            case "step":
                return (scores >= c).astype(float)
            case "kink":
                return np.clip((scores - c) / (self.high - c), 0.0, 1.0)
            case "linear":
                return np.clip((scores - self.low) / (self.high - self.low), 0.0, 1.0)
            case _:
                return np.zeros(scores.shape)


def candidates(
    observed: np.ndarray,
    shape: str,
    *,
    levels: Sequence[float] | None,
    prior: Mapping[float, float] | None,
    model_prior: Mapping[str, float] | None,
) -> Candidates:
    """List the shapes to compare.

    Parameters
    ----------
    observed : numpy.ndarray, shape (level,)
        Scores that occur, in order.
    shape : {"step", "kink", "any"}
        What is looked for.
    levels : sequence of float, optional
        Possible thresholds; all scores that occur but the lowest by default.
    prior : mapping of float to float, optional
        Prior weights of thresholds; equal by default.
    model_prior : mapping of str to float, optional
        Prior weights of models; equal by default.

    Returns
    -------
    Candidates
        The list.

    Raises
    ------
    ConfigError, InsufficientDataError
        If a threshold has nobody on one side, weights do not fit, or there are too few levels.
    """
    check_choice(shape, "shape", SHAPES)
    need = 2 if shape == STEP else 3
    if observed.size < need:
        raise InsufficientDataError(
            f"the score has {observed.size} levels; a {'step' if shape == STEP else 'kink'} "
            f"needs at least {need}. Use the score in finer steps."
        )
    low, high = float(observed[0]), float(observed[-1])
    grid = _grid(observed, levels)
    weight = _weights(grid, prior)
    names = MODELS[shape]
    shares = _model_shares(names, model_prior)
    rows: list[tuple[str, float, float]] = []
    for name in names:
        log_share = float(np.log(shares[name]))
        if name in (LINEAR, NONE):
            rows.append((name, np.nan, log_share))
            continue
        at = weight * _possible(name, grid, high)
        if not at.sum() > 0:
            raise ConfigError(
                f"a {name} at the highest score {high:g} has no room above it; give a threshold "
                "below it in levels, with weight in prior."
            )
        rows += [
            (name, float(c), float(np.log(w / at.sum())) + log_share)
            for c, w in zip(grid, at, strict=True)
            if w > 0
        ]
    models, thresholds, logs = zip(*rows, strict=True)
    kept = np.isin(grid, thresholds)
    return Candidates(
        model=models,
        threshold=np.array(thresholds),
        log_prior=np.array(logs),
        grid=grid[kept],
        low=low,
        high=high,
    )


def _possible(name: str, grid: np.ndarray, high: float) -> np.ndarray:
    return (grid < high) if name == KINK else np.ones(grid.size, dtype=bool)


def _grid(observed: np.ndarray, levels: Sequence[float] | None) -> np.ndarray:
    if levels is None:
        if observed.size > MANY:
            raise ConfigError(
                f"the score has {observed.size:,} different values; say where a threshold may "
                "lie, as in levels=[2.5, 3, 3.5]."
            )
        return observed[1:]
    grid = np.unique(check_vector(levels, "levels"))
    outside = grid[(grid <= observed[0]) | (grid > observed[-1])]
    if outside.size:
        raise ConfigError(
            f"levels has {outside[0]:g}, but scores run from {observed[0]:g} to "
            f"{observed[-1]:g}: nobody is on one side of it. A threshold lies above the lowest "
            "score and not above the highest."
        )
    return grid


def _weights(grid: np.ndarray, prior: Mapping[float, float] | None) -> np.ndarray:
    if prior is None:
        return np.ones(grid.size)
    if strange := [c for c in prior if c not in grid]:
        raise ConfigError(
            f"prior names the threshold {strange[0]!r}, which is not possible; possible are "
            f"{', '.join(f'{c:g}' for c in grid)}."
        )
    weight = np.array([check_number(prior.get(c, 0.0), f"prior[{c:g}]", low=0) for c in grid])
    if not weight.sum() > 0:
        raise ConfigError("prior gives all thresholds weight 0; give one of them weight.")
    return weight


def _model_shares(names: Sequence[str], given: Mapping[str, float] | None) -> dict[str, float]:
    weights = dict.fromkeys(names, 1.0) if given is None else dict(given)
    if set(weights) != set(names):
        raise ConfigError(
            f"model_prior has {', '.join(map(str, weights))}; expected a weight for each of "
            f"{', '.join(names)}."
        )
    for name, value in weights.items():
        check_number(value, f"model_prior[{name!r}]", low=0, open_low=True)
    total = sum(weights.values())
    return {name: value / total for name, value in weights.items()}
