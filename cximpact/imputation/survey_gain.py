"""What further answers would teach: the variance of a score after some more of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import linalg, stats

from cximpact.core.errors import MemoryBudgetError

_HELD = 20_000_000
_FEWEST = 100
"""Fewest draws from which covariances are taken."""
_LOST = 1e-5
"""Share of the variance of the cells that may be left out to keep the factors small."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge:
    """What is known of the cells, as a normal distribution of their means.

    Parameters
    ----------
    score : numpy.ndarray, shape (cell, factor)
        Rows whose products are the covariances of the cells' expected scores.
    signal : numpy.ndarray, shape (cell, factor)
        The same for the expected signal of an answer, on the same factors.
    noise : numpy.ndarray, shape (cell,)
        Variance of the signal of a single answer within a cell.
    scatter : numpy.ndarray, shape (cell,)
        Variance of the score of a single answer within a cell.
    weight, weight_sq : numpy.ndarray, shape (cell,)
        Sums of the weights, and of the squared weights, of people whose score is not known; the
        number of people where they weigh alike.
    each : numpy.ndarray, shape (cell,)
        Weight of the person whose score becomes known by an answer; 0 where an answer does not
        give it, since a response style is taken out.
    group : numpy.ndarray of int, shape (cell,)
        Group of each cell.
    total : numpy.ndarray, shape (group,)
        Weight of everybody in the group.
    """

    score: np.ndarray = field(repr=False)
    signal: np.ndarray = field(repr=False)
    noise: np.ndarray = field(repr=False)
    scatter: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    weight_sq: np.ndarray = field(repr=False)
    each: np.ndarray = field(repr=False)
    group: np.ndarray = field(repr=False)
    total: np.ndarray = field(repr=False)

    def variance(self) -> np.ndarray:
        """Return the variance of each group's score over all its people.

        Returns
        -------
        numpy.ndarray, shape (group,)
            In squared points: what is not known of the cells, and the scatter of the people
            whose answers are not known.
        """
        scatter = np.bincount(
            self.group, weights=self.weight_sq * self.scatter, minlength=len(self.total)
        )
        return (self._targets() ** 2).sum(axis=1) + scatter / self.total**2

    def gains(self, answers: np.ndarray) -> np.ndarray:
        """Return how much each cell's answers alone would lower the variances, summed over groups.

        Parameters
        ----------
        answers : numpy.ndarray, shape (cell,)
            Expected answers of each cell, at most its people who did not answer.

        Returns
        -------
        numpy.ndarray, shape (cell,)
            Zero where no answers are expected.
        """
        targets = self._targets()
        rows = np.arange(len(self.group))
        with_signal = self.signal @ targets.T
        with_score = np.einsum("jr,jr->j", self.score, targets[self.group])
        both = np.einsum("jr,jr->j", self.score, self.signal)
        with np.errstate(divide="ignore"):
            spread = (self.signal**2).sum(axis=1) + self.noise / answers
        own = with_signal[rows, self.group]
        share = answers * self.each / self.total[self.group]
        learnt = (with_signal**2).sum(axis=1) / spread
        moved = 2 * share * (with_score - both * own / spread)
        moved -= share**2 * ((self.score**2).sum(axis=1) - both**2 / spread)
        known = share * self.each * self.scatter / self.total[self.group]
        return np.where(answers > 0, learnt + moved + known, 0.0)

    def after(self, answers: np.ndarray) -> Knowledge:
        """Return what would be known after some answers.

        Parameters
        ----------
        answers : numpy.ndarray, shape (cell,)
            Answers of each cell, at most its people who did not answer.

        Returns
        -------
        Knowledge
            The same whatever the order of the answers.
        """
        (asked,) = np.nonzero(answers)
        if len(asked) == 1:
            return self._after_one(int(asked[0]), float(answers[asked[0]]))
        precision = np.eye(self.signal.shape[1])
        precision += (self.signal * (answers / self.noise)[:, None]).T @ self.signal
        root = linalg.cholesky(precision, lower=True)
        return replace(
            self,
            score=linalg.solve_triangular(root, self.score.T, lower=True).T,
            signal=linalg.solve_triangular(root, self.signal.T, lower=True).T,
            **self._left(answers),
        )

    def _after_one(self, cell: int, n: float) -> Knowledge:
        """Update for one cell alone, which needs no factorization."""
        row, noise = self.signal[cell], self.noise[cell] / n
        size = row @ row
        shrink = (1 - np.sqrt(noise / (size + noise))) / max(size, 1e-300)
        answers = np.where(np.arange(len(self.weight)) == cell, n, 0.0)
        return replace(
            self,
            score=self.score - shrink * np.outer(self.score @ row, row),
            signal=self.signal - shrink * np.outer(self.signal @ row, row),
            **self._left(answers),
        )

    def _left(self, answers: np.ndarray) -> dict[str, np.ndarray]:
        """Return the weights of those who stay unknown."""
        return {
            "weight": self.weight - answers * self.each,
            "weight_sq": self.weight_sq - answers * self.each**2,
        }

    def _targets(self) -> np.ndarray:
        """Return the factors of each group's score, shape (group, factor)."""
        share = np.zeros((len(self.total), len(self.group)))
        share[self.group, np.arange(len(self.group))] = self.weight / self.total[self.group]
        return share @ self.score


def efficient_scores(pmf: np.ndarray, link: str) -> np.ndarray:
    """Return what each answer says about the latent score of a cell.

    Parameters
    ----------
    pmf : numpy.ndarray, shape (..., category)
        Probabilities of the answers.
    link : {"logit", "probit"}
        Link of the model.

    Returns
    -------
    numpy.ndarray, shape (..., category)
        The derivative of log p_k by the latent score; it has mean 0, and its variance is the
        Fisher information of one answer. Under the logit it is twice the ridit less 1.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. JRSS B 42(2), 109-142.
    """
    upto = np.clip(pmf.cumsum(axis=-1), 0.0, 1.0)
    upto[..., -1] = 1.0
    below = np.concatenate([np.zeros_like(upto[..., :1]), upto[..., :-1]], axis=-1)
    if link == "logit":
        return upto + below - 1
    height = [stats.norm.pdf(stats.norm.ppf(edge)) for edge in (below, upto)]
    return (height[0] - height[1]) / np.maximum(pmf, 1e-300)


def kept_draws(n_draws: int, n_cells: int) -> np.ndarray:
    """Choose the draws from which covariances are taken, evenly spread.

    Parameters
    ----------
    n_draws, n_cells : int
        Draws there are, and cells.

    Returns
    -------
    numpy.ndarray of int
        Numbers of draws; at most 1,000.

    Raises
    ------
    MemoryBudgetError
        If there are too many cells to hold their covariances.
    """
    most = min(n_draws, 1_000, _HELD // n_cells)
    if most < min(_FEWEST, n_draws):
        raise MemoryBudgetError(
            f"{n_cells:,} cells need more memory than planning may take; fit with fewer factors "
            "or coarser bins, and plan with that fit."
        )
    return np.unique(np.linspace(0, n_draws - 1, most).round().astype(int))


def factors(score: np.ndarray, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn draws of the cells into rows whose products are their covariances.

    Parameters
    ----------
    score, signal : numpy.ndarray, shape (sample, cell)
        Draws of the expected score and of the expected signal.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (cell, factor)
        On common factors, as few as hold all but a hundred-thousandth of the variance.
    """
    parts = []
    for draws in (score, signal):
        centered = (draws - draws.mean(axis=0)) / np.sqrt(len(draws) - 1)
        parts.append(centered.T)
    units = [max(float(np.linalg.norm(part)), 1e-300) for part in parts]
    scaled = np.concatenate([part / unit for part, unit in zip(parts, units, strict=True)])
    values, basis = linalg.eigh(scaled.T @ scaled)
    held = np.cumsum(values[::-1]) / max(values.sum(), 1e-300)
    n = int(np.searchsorted(held, 1 - _LOST)) + 1
    basis = basis[:, ::-1][:, :n]
    return parts[0] @ basis, parts[1] @ basis
