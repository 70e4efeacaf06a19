"""The fitted models of a mediation, and what they say of one draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cximpact.core.errors import DesignError
from cximpact.effects.linkage.models.families import Family

MEDIATOR, OUTCOME = "mediator", "outcome"


@dataclass(frozen=True, kw_only=True, eq=False)
class Crowd:
    """Customers over whom effects are averaged.

    Parameters
    ----------
    covariates : numpy.ndarray, shape (customer, term)
        What is adjusted for, standardized.
    weight : numpy.ndarray, shape (customer,)
        What each counts for.
    scatter : float
        How much weights vary from draw to draw.
    """

    covariates: np.ndarray = field(repr=False)
    weight: np.ndarray = field(repr=False)
    scatter: float

    def weights(self, generator: np.random.Generator) -> np.ndarray:
        """Draw weights that sum to 1.

        Parameters
        ----------
        generator : numpy.random.Generator
            Randomness.

        Returns
        -------
        numpy.ndarray, shape (customer,)
            Weights.
        """
        drawn = self.weight
        if self.scatter > 0:
            noise = generator.standard_exponential(drawn.size) - 1
            drawn = drawn * (1 + self.scatter * noise)
        return drawn / drawn.sum()


@dataclass(frozen=True, kw_only=True, eq=False)
class MediationModels:
    """Models of the mediator and of the outcome.

    Parameters
    ----------
    families : mapping of str to Family
        ``mediator``, ``outcome``, and the confounders that the exposure affects.
    interaction : bool
        Whether exposure and mediator act together on the outcome.
    affected : tuple of str
        Confounders of mediator and outcome that the exposure affects, causes first.
    error_variance : float
        Variance of the error with which the mediator is measured; 0 if it is measured well.
    """

    families: Mapping[str, Family] = field(repr=False)
    interaction: bool
    affected: tuple[str, ...]
    error_variance: float

    def design(
        self,
        name: str,
        x: np.ndarray | float,
        covariates: np.ndarray,
        *,
        m: np.ndarray | None = None,
        between: np.ndarray | None = None,
    ) -> np.ndarray:
        """Lay out the design of one of the models.

        Parameters
        ----------
        name : str
            What is modeled.
        x : numpy.ndarray or float
            Exposure.
        covariates : numpy.ndarray, shape (row, term)
            What is adjusted for.
        m : numpy.ndarray, shape (row,), optional
            Mediator, for the outcome.
        between : numpy.ndarray, shape (row, affected), optional
            Affected confounders that come before.

        Returns
        -------
        numpy.ndarray, shape (row, term)
            Constant, exposure, for the outcome mediator and product, then the rest.
        """
        n = len(covariates)
        columns = [np.ones(n), np.broadcast_to(np.asarray(x, dtype=float), n)]
        if m is not None and name == OUTCOME:
            columns += [m, columns[1] * m] if self.interaction else [m]
        if between is not None:
            columns += list(between.T)
        return np.column_stack([*columns, covariates])

    def terms(self, name: str, exposure: str, mediator: str, rest: list[str]) -> list[str]:
        """Name the columns of a design.

        Parameters
        ----------
        name : str
            What is modeled.
        exposure, mediator : str
            Their columns.
        rest : list of str
            Affected confounders and covariates.

        Returns
        -------
        list of str
            As `design` lays them out.
        """
        out = ["constant", exposure]
        if name == OUTCOME:
            out += [mediator, f"{exposure} x {mediator}"] if self.interaction else [mediator]
        return out + rest

    def mediator_center(self, own: np.ndarray, x: float, crowd: Crowd) -> np.ndarray:
        """Return the mean of a normal mediator at an exposure.

        Parameters
        ----------
        own : numpy.ndarray
            Parameters of the mediator's model.
        x : float
            Exposure.
        crowd : Crowd
            Customers.

        Returns
        -------
        numpy.ndarray, shape (customer,)
            Means.
        """
        return self.families[MEDIATOR].mean(own, self.design(MEDIATOR, x, crowd.covariates))

    def trust(self, own: np.ndarray) -> float:
        """Return the share of the mediator's residual variance that is no measurement error.

        Parameters
        ----------
        own : numpy.ndarray
            Parameters of the mediator's model.

        Returns
        -------
        float
            Between 0 and 1.

        Raises
        ------
        DesignError
            If the error would be larger than all that is left.
        """
        if self.error_variance == 0:
            return 1.0
        share = 1 - self.error_variance / float(np.exp(2 * own[-1]))
        if share <= 0.02:
            raise DesignError(
                "the mediator's reliability is so low that its error exceeds what exposure and "
                "covariates leave of it; nothing can be said about paths through it. Measure it "
                "better, or by more items."
            )
        return share
