"""One stage of the report: what was found, the picture, the numbers, the conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from cximpact.core import wording
from cximpact.core.draws import ASSUMED_INDEPENDENT, UNRELIABLE
from cximpact.core.errors import ConfigError
from cximpact.core.provenance import Provenance
from cximpact.core.results import Assumption
from cximpact.roi import RoiResult

_RESTS = "This rests on"
_CHANGES = "What would change it:"
_MARKS = {UNRELIABLE: "Unreliable", ASSUMED_INDEPENDENT: "Assumed independent"}


@runtime_checkable
class _Explained(Protocol):
    """What a result must offer to become a section; the rest is used where it is there."""

    def explain(self) -> str: ...


@dataclass(frozen=True, eq=False)
class Section:
    """One stage of a report.

    Parameters
    ----------
    title : str
        Heading; empty takes the name under which the section is handed in.
    text : str
        A paragraph; blank lines separate several.
    table : pandas.DataFrame, optional
        Numbers. Rows with a small ``n`` are blanked on the page.
    figure : matplotlib Axes or Figure, optional
        The picture.
    figure_text : str
        What a reader who cannot see the picture needs to know; made from its title when empty.
    closing : str
        A paragraph after the numbers, such as what would change the conclusion.
    conditions : tuple of Assumption
        Conditions of the claim, tested or not.
    facts : mapping of str to str
        Short facts such as the estimand and the number of clusters.
    notes : tuple of str
        What a reader must know: dropped rows, failed gates that were overruled.
    unit : str
        Unit of the estimates in the table; fractions such as ``"pp"`` are shown times 100.
    provenance : Provenance, optional
        For the appendix.
    simulation : RoiResult, optional
        A simulation that a what-if panel recomputes.
    """

    title: str
    text: str
    table: pd.DataFrame | None = None
    figure: Any = None
    figure_text: str = field(default="", kw_only=True)
    closing: str = field(default="", kw_only=True)
    conditions: tuple[Assumption, ...] = field(default=(), kw_only=True)
    facts: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    unit: str = field(default="", kw_only=True)
    provenance: Provenance | None = field(default=None, kw_only=True)
    simulation: RoiResult | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.notes, str):
            raise ConfigError("notes of a section is one text; expected a tuple of texts.")
        if self.table is not None and not isinstance(self.table, pd.DataFrame):
            raise ConfigError(
                f"the table of section {self.title!r} is a {type(self.table).__name__}; "
                "expected a pandas DataFrame."
            )


def section_of(title: str, result: Any) -> Section:
    """Make a section from a result.

    Parameters
    ----------
    title : str
        Heading, used where the result has none of its own.
    result : object
        A `Section`, a table, text, or anything with ``explain()``.

    Returns
    -------
    Section
        With what the result offers.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    if isinstance(result, Section):
        return result
    if isinstance(result, pd.DataFrame):
        return Section(title, "", result)
    if isinstance(result, str):
        return Section(title, result)
    if not isinstance(result, _Explained) or isinstance(result, type):
        raise ConfigError(
            f"section {title!r} holds a {type(result).__name__}; expected a result with "
            "explain(), a Section, a table or text."
        )
    text = result.explain()
    conditions = tuple(getattr(result, "assumptions", ()))
    closing = ""
    if conditions and _RESTS in text:
        text, _, rest = text.partition(_RESTS)
        stated = getattr(result, "would_change_it", "")
        found = rest[rest.index(_CHANGES) :] if _CHANGES in rest else ""
        closing = f"{_CHANGES} {stated}" if stated else found
    provenance = getattr(result, "provenance", None)
    notes = [*getattr(provenance, "notes", ()), *_marks(result)]
    return Section(
        title,
        text.strip(),
        _table(result),
        _called(result, "plot"),
        closing=closing.strip(),
        conditions=conditions,
        facts=_facts(result),
        notes=tuple(note for note in notes if note not in text + closing),
        unit=str(getattr(getattr(result, "estimand", None), "scale", "")),
        provenance=provenance if isinstance(provenance, Provenance) else None,
    )


def _table(result: Any) -> pd.DataFrame | None:
    table = _called(result, "tidy") if hasattr(result, "tidy") else _called(result, "summary")
    return table if isinstance(table, pd.DataFrame) else None


def _called(result: Any, name: str) -> Any:
    """Call a method where it is there."""
    return getattr(result, name)() if hasattr(result, name) else None


def _marks(result: Any) -> list[str]:
    attrs = getattr(getattr(result, "draws", None), "attrs", {})
    return [f"{word}: {attrs[mark]}." for mark, word in _MARKS.items() if attrs.get(mark)]


def _facts(result: Any) -> dict[str, str]:
    """Collect estimand, sizes, simulation error and the numbers among the diagnostics."""
    facts: dict[str, str] = {}
    for name, label in (("estimand", "Estimand"), ("n", "Rows"), ("draw_kind", "Draws")):
        value = getattr(result, name, None)
        if value not in (None, "", 0):
            facts[label] = f"{value:,}" if isinstance(value, int) else str(value)
    if (error := _largest_error(result)) > 0:
        facts["Largest simulation error"] = wording.number(error, digits=2)
    diagnostics = getattr(result, "diagnostics", None)
    if isinstance(diagnostics, Mapping):
        for name, value in diagnostics.items():
            if (text := _scalar(value)) is not None:
                facts[str(name).replace("_", " ").capitalize()] = text
    return facts


def _largest_error(result: Any) -> float:
    """Return the largest Monte Carlo error where all rows share the unit of one estimand."""
    scale = getattr(getattr(result, "estimand", None), "scale", None)
    summary: Any = _called(result, "summary") if scale else None
    if not isinstance(summary, pd.DataFrame) or "mcse" not in summary:
        return 0.0
    return float(summary["mcse"].max()) * (100.0 if scale in wording.FRACTION_UNITS else 1.0)


def _scalar(value: Any) -> str | None:
    match value:
        case bool() | np.bool_():
            return "yes" if bool(value) else "no"
        case int() | np.integer():
            return f"{int(value):,}"
        case float() | np.floating():
            return wording.number(float(value))
        case str():
            return value or None
        case _:
            return None
