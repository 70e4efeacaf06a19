"""Which conditional models there are, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cximpact.core.errors import unknown_name
from cximpact.effects.linkage.models.counts import Count
from cximpact.effects.linkage.models.fit import ModelFit
from cximpact.effects.linkage.models.hurdle import Hurdle
from cximpact.effects.linkage.models.linear import Lognormal, Normal
from cximpact.effects.linkage.models.logistic import Binary
from cximpact.effects.linkage.models.ordinal import Ordinal

FAMILIES = ("normal", "lognormal", "binary", "ordinal", "count", "hurdle")


class Family(Protocol):
    """A conditional model: how it is fitted, its mean, and its values for given noise.

    ``x`` is a design with its constant first, ``values`` are the parameters of one draw.
    """

    @property
    def name(self) -> str:
        """Name of the family."""
        ...

    @property
    def link(self) -> str:
        """Scale on which terms add up."""
        ...

    def check(self, y: np.ndarray, what: str) -> None:
        """Refuse values that the family does not have."""
        ...

    def fit(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, terms: Sequence[str]) -> ModelFit:
        """Fit by maximum likelihood."""
        ...

    def mean(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the expectation of each row."""
        ...

    def quantile(self, values: np.ndarray, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return each row's value at the noise ``u``, uniform between 0 and 1."""
        ...

    def support(self, values: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points and weights, shape (row, point), whose sums are expectations."""
        ...


def family_of(name: str, y: np.ndarray) -> Family:
    """Return a family by name, for the values that it is to model.

    Parameters
    ----------
    name : {"normal", "lognormal", "binary", "ordinal", "count", "hurdle"}
        Name of the family.
    y : numpy.ndarray
        Values; an ordered score takes its levels from them.

    Returns
    -------
    Family
        Ready to fit.

    Raises
    ------
    ConfigError
        If there is no such family.
    """
    if name not in FAMILIES:
        raise unknown_name("family", name, FAMILIES)
    if name == "ordinal":
        return Ordinal(levels=tuple(float(v) for v in np.unique(y)))
    made: dict[str, Family] = {
        "normal": Normal(),
        "lognormal": Lognormal(),
        "binary": Binary(),
        "count": Count(),
        "hurdle": Hurdle(),
    }
    return made[name]
