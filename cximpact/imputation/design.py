"""Which effects a cell has: the arrays that the model and its predictions share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ConfigError,
    DtypeError,
    InsufficientDataError,
    MissingColumnError,
    UnseenLevelError,
    ZeroVarianceError,
    join_names,
    rows_phrase,
)
from cximpact.data import Cells
from cximpact.imputation import terms as tm
from cximpact.imputation.build_terms import build_terms
from cximpact.imputation.spec import Spec


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """The effects of every cell.

    Parameters
    ----------
    spec : Spec
        Which terms there are.
    link : {"logit", "probit"}
        From latent score to probabilities.
    levels : mapping of str to numpy.ndarray
        Column to its levels, sorted.
    effects : tuple of Term
        Terms with levels.
    codes : mapping of str to numpy.ndarray of int, shape (cell,)
        Term to the level number of each cell.
    style_codes : numpy.ndarray of int, shape (cell,)
        Number of the level of the response style; zeros without one.
    x : numpy.ndarray, shape (cell, slope)
        Standardized covariates, then the time of a local trend.
    center, spread : numpy.ndarray, shape (covariate,)
        Mean and standard deviation that were taken out, over the people of the frame.
    """

    spec: Spec = field(repr=False)
    link: str = "logit"
    levels: Mapping[str, np.ndarray]
    effects: tuple[tm.Term, ...] = field(repr=False)
    codes: Mapping[str, np.ndarray] = field(repr=False)
    style_codes: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)
    center: np.ndarray = field(repr=False)
    spread: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", MappingProxyType(dict(self.levels)))
        object.__setattr__(self, "codes", MappingProxyType(dict(self.codes)))

    @property
    def period(self) -> str | None:
        """Column of the period, if it has an effect."""
        return self.spec.period

    @property
    def covariates(self) -> tuple[str, ...]:
        """Numeric columns with a slope."""
        return self.spec.covariates

    @property
    def slopes(self) -> tuple[str, ...]:
        """Names of the columns of ``x``."""
        trend = (f"trend_{self.period}",) if self.spec.period_model == "local_trend" else ()
        return (*self.covariates, *trend)

    @property
    def terms(self) -> tuple[str, ...]:
        """Everything the model knows about: columns, and interactions as ``a:b``."""
        crossed = [":".join(pair) for pair in self.spec.interactions]
        return (*self.spec.columns, *crossed)

    @property
    def n_styles(self) -> int:
        """How many sets of cutpoints there are."""
        scaled = self.spec.style is not None and self.spec.style_kind == "scale"
        return len(self.levels[str(self.spec.style)]) if scaled else 1

    def at(self, table: pd.DataFrame, *, open_levels: bool = False) -> Design:
        """Look up the effects of other rows, with the levels and standardization of the fit.

        Parameters
        ----------
        table : pandas.DataFrame, shape (row, column)
            With every column of the model.
        open_levels : bool, default False
            Whether new levels of open factors are numbered after the known ones;
            `with_new_levels` draws their effects.

        Returns
        -------
        Design
            One row a row of the table.

        Raises
        ------
        MissingColumnError
            If a column of the model is not in the table.
        UnseenLevelError
            If a factor has a level that the fit never met.
        """
        if missing := [name for name in self.spec.columns if name not in table]:
            raise MissingColumnError.from_names(missing, list(table), role="model term")
        levels = dict(self.levels)
        if open_levels:
            for name in self.spec.open:
                found = table[name].unique()
                new = np.sort(found[~np.isin(found, levels[name])])
                levels[name] = np.concatenate([levels[name], new])
        codes = {name: known_codes(table[name], known) for name, known in levels.items()}
        effects = tuple(
            replace(t, labels=levels[t.name]) if t.kind == "open" else t for t in self.effects
        )
        raw = table[list(self.covariates)].to_numpy(dtype=float)
        x = (raw - self.center) / self.spread
        return replace(
            self,
            levels=levels,
            effects=effects,
            codes=_term_codes(effects, codes, levels),
            style_codes=_style_codes(self.spec, codes, len(table)),
            x=_with_time(self.spec, x, codes, levels),
        )

    def at_reference(self) -> Design:
        """Return the same cells as if everybody had answered by the reference channel.

        Returns
        -------
        Design
            Itself where there is no response style.
        """
        style = self.spec.style
        if style is None:
            return self
        number = int(np.searchsorted(self.levels[style], np.asarray(self.spec.reference)))
        same = np.full(len(self.x), number)
        codes = {t.name: same if t.kind == "style" else self.codes[t.name] for t in self.effects}
        return replace(self, codes=codes, style_codes=same if self.n_styles > 1 else 0 * same)


def build_design(cells: Cells, spec: Spec, link: str = "logit") -> Design:
    """Build the design: number the levels of each factor and standardize the covariates.

    Parameters
    ----------
    cells : Cells
        Cells that cross all columns of the spec.
    spec : Spec
        Which terms there are.
    link : {"logit", "probit"}
        From latent score to probabilities.

    Returns
    -------
    Design
        One row a cell.

    Raises
    ------
    InsufficientDataError
        If a factor has a single level: its effect cannot be told from the baseline.
    ZeroVarianceError, DtypeError
        If a covariate is constant or not numeric.
    ConfigError
        If the reference of the response style is not one of its levels.
    """
    levels, codes = {}, {}
    for name in spec.columns:
        if name in spec.covariates:
            continue
        values = cells.index[name]
        found = np.sort(values.unique())
        if len(found) < 2:
            raise InsufficientDataError(
                f"Factor {name!r} has the single level {found[0]!r}; leave it out."
            )
        levels[name] = found
        codes[name] = np.searchsorted(found, values.to_numpy(dtype=found.dtype))
    spec = _with_reference(spec, cells, levels, codes)
    effects = build_terms(spec, cells, levels, codes)
    x, center, spread = _standardize(cells, spec.covariates)
    return Design(
        spec=spec,
        link=link,
        levels=levels,
        effects=effects,
        codes=_term_codes(effects, codes, levels),
        style_codes=_style_codes(spec, codes, cells.n_cells),
        x=_with_time(spec, x, codes, levels),
        center=center,
        spread=spread,
    )


def latent(design: Design, effects: Mapping[str, Any]) -> Any:
    """Add up the effects of every cell; works on numbers and on symbols of a model.

    Parameters
    ----------
    design : Design
        Which effects a cell has.
    effects : mapping of str to array
        ``effect_<term>`` with its levels on the last axis, and ``slope`` with the covariates.

    Returns
    -------
    array
        Latent score with the cells on the last axis.
    """
    eta: Any = 0.0
    for term in design.effects:
        part = effects[term.effect][..., design.codes[term.name]]
        eta = eta - part if term.kind == "style" else eta + part
    if design.slopes:
        eta = eta + effects["slope"] @ design.x.T
    return eta


def known_codes(column: pd.Series, levels: np.ndarray) -> np.ndarray:
    """Look up the values of a column among known levels.

    Parameters
    ----------
    column : pandas.Series
        Values.
    levels : numpy.ndarray
        Known levels.

    Returns
    -------
    numpy.ndarray of int
        One number a row.

    Raises
    ------
    UnseenLevelError
        If a value is no known level.
    """
    codes = pd.Index(levels).get_indexer(pd.Index(column))
    if (unseen := codes < 0).any():
        raise UnseenLevelError(
            f"column {column.name!r} has {column[unseen].nunique()} levels in {unseen.sum()} rows "
            f"that the fit never met ({rows_phrase(np.flatnonzero(unseen))}); it knows "
            f"{join_names(list(levels))}. Merge them into known levels, or name the factor in "
            "OrdinalImputer(open=...) and allow new levels."
        )
    return codes


def _with_reference(
    spec: Spec, cells: Cells, levels: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray]
) -> Spec:
    if spec.style is None:
        return spec
    known = levels[spec.style]
    if spec.reference is None:
        answers = np.bincount(codes[spec.style], weights=cells.answered, minlength=len(known))
        return replace(spec, reference=known[int(answers.argmax())])
    if spec.reference not in list(known):
        raise ConfigError(
            f"reference is {spec.reference!r}; {spec.style!r} has {join_names(list(known))}."
        )
    return spec


def _term_codes(
    effects: tuple[tm.Term, ...],
    codes: Mapping[str, np.ndarray],
    levels: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Look up the level of every term in each row."""
    out = {}
    for term in effects:
        sizes = [len(levels[c]) for c in term.columns]
        out[term.name] = np.ravel_multi_index([codes[c] for c in term.columns], sizes)
    return out


def _style_codes(spec: Spec, codes: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    if spec.style is None or spec.style_kind != "scale":
        return np.zeros(n, dtype=np.int64)
    return codes[spec.style].astype(np.int64)


def _with_time(
    spec: Spec, x: np.ndarray, codes: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Add the time of a local trend, in periods from the middle."""
    if spec.period is None or spec.period_model != "local_trend":
        return x
    time = codes[spec.period] - (len(levels[spec.period]) - 1) / 2
    return np.column_stack([x, time])


def _standardize(
    cells: Cells, covariates: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    columns = []
    for name in covariates:
        if cells.index[name].dtype.kind not in "iuf":
            raise DtypeError(
                f"Covariate {name!r} has type {cells.index[name].dtype}; name it as a factor."
            )
        columns.append(cells.index[name].to_numpy(dtype=float))
    raw = np.column_stack(columns) if columns else np.empty((cells.n_cells, 0))
    share = cells.frame_count / cells.frame_count.sum()
    center = share @ raw
    spread = np.sqrt(share @ (raw - center) ** 2)
    constant = [name for name, s in zip(covariates, spread, strict=True) if not s > 0]
    if constant:
        raise ZeroVarianceError(f"Covariate {constant[0]!r} is constant; leave it out.")
    return (raw - center) / spread, center, spread
