"""The log posterior of the ordinal model with its gradient and curvature, in NumPy.

It is the fast twin of the PyMC graph in `model`: same free numbers, same value. The free numbers
are the baseline probabilities ``y``, the coordinates of every term, the slopes, and last the
logarithms of the terms' standard deviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import special

from cximpact.imputation import terms as tm
from cximpact.imputation.counts import Counts, LinearTerms
from cximpact.imputation.cutpoints import Cutpoints, cutpoints_at, cuts_of, full
from cximpact.imputation.design import Design
from cximpact.imputation.fused import Layout, log_posterior

_LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Where the coordinates of a term are, and how they are scaled.

    Parameters
    ----------
    term : Term
        The term.
    where : slice
        Its coordinates.
    scale_at : int
        Position of the logarithm of its standard deviation.
    prior : float
        Scale of the half-normal of the standard deviation.
    centered : numpy.ndarray, shape (coordinate,)
        How far each coordinate is centered: 1 is on the scale of the effects, 0 in standard
        deviations.
    """

    term: tm.Term
    where: slice
    scale_at: int
    prior: float
    centered: np.ndarray = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Posterior:
    """Log posterior as a function of the free numbers.

    Parameters
    ----------
    counts : Counts
        Answers.
    design : Design
        Effects of the cells.
    blocks : tuple of Block
        Terms, and last the spread of the response style where there is one.
    concentration : float
        Of the Dirichlet prior.
    slope_sd : numpy.ndarray, shape (slope,)
        Prior standard deviations of the slopes.
    n_categories : int
        Possible answers.
    """

    counts: Counts = field(repr=False)
    design: Design = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    concentration: float
    slope_sd: np.ndarray = field(repr=False)
    n_categories: int

    @property
    def answers(self) -> np.ndarray:
        """Answers in each category, shape (category,)."""
        return self.counts.answers

    def parametrized(self, centered: Mapping[str, np.ndarray]) -> Posterior:
        """Return the same posterior in other coordinates.

        Parameters
        ----------
        centered : mapping of str to numpy.ndarray
            Term to how far its coordinates are centered.

        Returns
        -------
        Posterior
            With the same value up to the change of variables.
        """
        blocks = tuple(replace(b, centered=centered[b.term.name]) for b in self.blocks)
        return replace(self, blocks=blocks)

    @cached_property
    def n_inner(self) -> int:
        """Free numbers without the standard deviations."""
        return self.slopes_at.stop

    @property
    def n_free(self) -> int:
        """All free numbers."""
        return self.n_inner + len(self.blocks)

    @cached_property
    def slopes_at(self) -> slice:
        """Where the slopes are."""
        start = self.blocks[-1].where.stop if self.blocks else self.n_categories - 1
        return slice(start, start + len(self.slope_sd))

    @cached_property
    def _has_spread(self) -> bool:
        return self.design.n_styles > 1

    def value_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Evaluate the log posterior.

        Parameters
        ----------
        theta : numpy.ndarray, shape (free,)
            Free numbers.

        Returns
        -------
        tuple
            Value, and gradient of shape (free,).
        """
        return log_posterior(theta, self.layout)

    def curvature(self, theta: np.ndarray, *, bent: bool = True) -> np.ndarray:
        """Evaluate the Hessian by all free numbers but the standard deviations.

        Parameters
        ----------
        theta : numpy.ndarray, shape (free,)
            Free numbers.
        bent : bool, default True
            Whether the curvature of the cutpoints counts; without, the Hessian is never
            indefinite.

        Returns
        -------
        numpy.ndarray, shape (inner, inner)
            Symmetric.
        """
        n = self.n_categories
        cut = cutpoints_at(theta[: n - 1], self.design.link)
        spread, effects = self._pieces(theta)
        found = self.counts.log_likelihood(spread[:, None] * cut.cuts, effects, curved=True)
        jacobian = self._jacobian(theta, cut, spread)
        out = jacobian.T @ found.hessian @ jacobian
        if bent:
            self._add_bend(out, theta, cut, spread, found)
        p = np.exp(cut.log_p0)
        free = np.vstack([np.eye(n - 1), -np.ones(n - 1)])
        out[: n - 1, : n - 1] -= (
            n * self.concentration * free.T @ (np.diag(p) - np.outer(p, p)) @ free
        )
        diagonal = np.einsum("ii->i", out)
        for block in self.blocks:
            scale = np.exp(theta[block.scale_at])
            diagonal[block.where] -= scale ** (-2 * block.centered)
        diagonal[self.slopes_at] -= self.slope_sd**-2
        return out

    def named(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Return the parameters of the model.

        Parameters
        ----------
        theta : numpy.ndarray, shape (..., free)
            Free numbers.

        Returns
        -------
        dict of str to numpy.ndarray, shape (..., ...)
            ``p0``, ``cuts``, every standard deviation and effect, ``slope`` and ``spread``.
        """
        log_p0 = full(theta[..., : self.n_categories - 1])
        out = {"p0": np.exp(log_p0), "cuts": cuts_of(log_p0, self.design.link)}
        for block in self.blocks:
            scale = np.exp(theta[..., block.scale_at])
            out[block.term.scale] = scale
            unit = scale[..., None] ** (1 - block.centered)
            out[block.term.effect] = block.term.effects(unit * theta[..., block.where])
        if len(self.slope_sd):
            out["slope"] = theta[..., self.slopes_at]
        return out

    def _pieces(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spread of each style, and the effects of all levels and slopes."""
        spread, effects = np.ones(1), []
        for block in self.blocks:
            scale = np.exp(theta[block.scale_at])
            scaled = scale ** (1 - block.centered) * theta[block.where]
            by_level = block.term.effects(scaled)
            if block.term.kind == "spread":
                spread = np.exp(by_level)
            else:
                effects.append(by_level)
        return spread, np.concatenate([*effects, theta[self.slopes_at]])

    @cached_property
    def layout(self) -> Layout:
        """Data and priors as the compiled kernel reads them."""
        terms = [block.term for block in self.blocks]
        flat, basis_at, at = [np.zeros(0)], [], 0
        for term in terms:
            basis_at.append(-1 if term.basis is None else at)
            flat.append(np.zeros(0) if term.basis is None else term.basis.ravel())
            at += flat[-1].size
        first = self.n_categories - 1
        masks = [block.centered for block in self.blocks]
        counts = self.counts
        return Layout(
            logit=counts.link == "logit",
            columns=counts.columns,
            values=counts.values,
            style=counts.style,
            start=counts.start,
            category=counts.category,
            count=counts.count,
            middle=counts.middle,
            levels=np.cumsum([0, *(t.n_levels for t in terms)]),
            coordinates=np.cumsum([first, *(t.n_coordinates for t in terms)]),
            basis=np.concatenate(flat),
            basis_at=np.array(basis_at, dtype=np.int64),
            centered=np.concatenate([np.zeros(first), *masks]),
            prior=np.array([block.prior for block in self.blocks], dtype=float),
            spread=len(terms) - 1 if self._has_spread else -1,
            slope_sd=self.slope_sd,
            concentration=float(self.concentration),
            constant=self._constant(),
        )

    def _constant(self) -> float:
        """Sum the part of the log prior that depends on no free number."""
        n, a = self.n_categories, self.concentration
        out = float(np.log(n) + special.gammaln(n * a) - n * special.gammaln(a))
        for block in self.blocks:
            out -= 0.5 * block.term.n_coordinates * _LOG_2PI
            out += 0.5 * float(np.log(2 / np.pi)) - float(np.log(block.prior))
        out -= float(np.log(self.slope_sd).sum()) + 0.5 * len(self.slope_sd) * _LOG_2PI
        return out

    def _jacobian(self, theta: np.ndarray, cut: Cutpoints, spread: np.ndarray) -> np.ndarray:
        """Differentiate cutpoints and effects by the free numbers, shape (linear, inner)."""
        n_cuts = self.n_categories - 1
        offset = len(spread) * n_cuts
        out = np.zeros((offset + self.counts.n_effects, self.n_inner))
        out[:offset, :n_cuts] = np.concatenate([s * cut.slope for s in spread])
        row = offset
        for block in self.blocks:
            basis = self._scaled_basis(block, theta)
            if block.term.kind == "spread":
                by_cut = np.einsum("s,sj,k->skj", spread, basis, cut.cuts)
                out[:offset, block.where] = by_cut.reshape(offset, -1)
                continue
            out[row : row + block.term.n_levels, block.where] = basis
            row += block.term.n_levels
        slopes = range(self.slopes_at.start, self.slopes_at.stop)
        out[range(row, row + len(self.slope_sd)), slopes] = 1.0
        return out

    def _scaled_basis(self, block: Block, theta: np.ndarray) -> np.ndarray:
        basis = np.eye(block.term.n_levels) if block.term.basis is None else block.term.basis
        return basis * np.exp((1 - block.centered) * theta[block.scale_at])

    def _add_bend(
        self,
        out: np.ndarray,
        theta: np.ndarray,
        cut: Cutpoints,
        spread: np.ndarray,
        found: LinearTerms,
    ) -> None:
        """Add the first derivatives times the curvature of the cutpoints."""
        n_cuts = self.n_categories - 1
        out[:n_cuts, :n_cuts] += np.tensordot(spread @ found.by_cut, cut.bend, axes=1)
        if not self._has_spread:
            return
        block = self.blocks[-1]
        basis = self._scaled_basis(block, theta)
        by_style = spread * (found.by_cut @ cut.cuts)
        out[block.where, block.where] += (basis * by_style[:, None]).T @ basis
        mixed = (spread[:, None] * found.by_cut @ cut.slope).T @ basis
        out[:n_cuts, block.where] += mixed
        out[block.where, :n_cuts] += mixed.T


def build_posterior(
    counts: Counts,
    design: Design,
    *,
    concentration: float,
    scales: Mapping[str, float],
    slope_sd: np.ndarray,
    n_categories: int,
    centered: Mapping[str, np.ndarray] | None = None,
) -> Posterior:
    """Lay out the free numbers.

    Parameters
    ----------
    counts : Counts
        Answers.
    design : Design
        Effects of the cells.
    concentration : float
        Of the Dirichlet prior.
    scales : mapping of str to float
        Term to the scale of the half-normal of its standard deviation.
    slope_sd : numpy.ndarray, shape (slope,)
        Prior standard deviations of the slopes.
    n_categories : int
        Possible answers.
    centered : mapping of str to numpy.ndarray, optional
        Term to how far its coordinates are centered; wholly by default.

    Returns
    -------
    Posterior
        Ready to be evaluated.
    """
    parts = blocks_terms(design)
    inner = n_categories - 1 + sum(t.n_coordinates for t in parts) + len(slope_sd)
    blocks, start = [], n_categories - 1
    for i, term in enumerate(parts):
        where = slice(start, start + term.n_coordinates)
        start = where.stop
        mask = (centered or {}).get(term.name, np.ones(term.n_coordinates))
        blocks.append(
            Block(
                term=term,
                where=where,
                scale_at=inner + i,
                prior=scales[term.name],
                centered=np.asarray(mask, dtype=float),
            )
        )
    return Posterior(
        counts=counts,
        design=design,
        blocks=tuple(blocks),
        concentration=concentration,
        slope_sd=slope_sd,
        n_categories=n_categories,
    )


def blocks_terms(design: Design) -> tuple[tm.Term, ...]:
    """Return the terms with coordinates: those of the design, then the spread of the style.

    Parameters
    ----------
    design : Design
        Effects of the cells.

    Returns
    -------
    tuple of Term
        The spread's effects are logarithms of what a style multiplies the cutpoints by.
    """
    if design.n_styles == 1:
        return design.effects
    style = str(design.spec.style)
    labels = design.levels[style]
    spread = tm.Term(
        name=f"spread_{style}",
        columns=(style,),
        kind="spread",
        labels=labels,
        basis=tm.zero_sum_basis(np.ones(len(labels))),
    )
    return (*design.effects, spread)
