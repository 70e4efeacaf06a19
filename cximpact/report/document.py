"""One HTML file that stands alone: no network, at most one script of its own, and it prints."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from cximpact.core import wording
from cximpact.core.errors import ConfigError, EmptyDataError
from cximpact.core.files import write_whole
from cximpact.core.provenance import Provenance
from cximpact.core.results import plotting
from cximpact.report.display import Display, display
from cximpact.report.panel import Panel, panel_of
from cximpact.report.section import Section, section_of
from cximpact.report.suppression import suppress_small_cells

TEMPLATE = "report.html.j2"
STYLE = "report.css"
SCRIPT = "what_if.js"
SMALL = 10
_TABLES = (Section, pd.DataFrame)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A section as the template reads it.

    Parameters
    ----------
    anchor : str
        Identifier within the page.
    section : Section
        Its texts.
    table : Display or None
        Its numbers as text.
    has_hidden_rows : bool
        Whether small groups were blanked.
    picture : str
        The figure as a data address; empty without one.
    alt : str
        The figure in words.
    panel : Panel or None
        Sliders that recompute the section.
    """

    anchor: str
    section: Section
    table: Display | None
    has_hidden_rows: bool
    picture: str
    alt: str
    panel: Panel | None = None


def write(
    results: Mapping[str, Any],
    path: str | Path,
    *,
    title: str = "What the customer experience is worth",
    answer: str | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write results as one self-contained HTML page that begins with the answer.

    Parameters
    ----------
    results : mapping of str to object
        Heading to result, in reading order. A result is anything with ``explain()``; its
        ``tidy()`` or ``summary()``, ``plot()``, ``assumptions`` and ``provenance`` are shown
        where they are there. A `Section`, a table and plain text are taken as well.
    path : str or Path
        File to write; an existing one is replaced.
    title : str
        Title of the page.
    answer : str, optional
        The answer in words. By default the headline of the first result that has one, else
        the text of the first section.
    notes : sequence of str
        What a reader must know about the whole, listed in the appendix.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    EmptyDataError
        If there is nothing to report.
    ConfigError
        If an entry is not a result, or ``path`` is a folder.

    Notes
    -----
    A simulation of initiatives gets a what-if panel, which recomputes it in the page from
    embedded draws; without one the page has no scripts. The content security policy forbids
    every script but that one, and every request to a network. All text is escaped. In tables,
    numbers of fewer than ten persons are blanked where the column ``n`` counts the persons of
    each row; in the table of a fit it does so only if it differs between rows. Hand figures made
    from blanked tables (`suppress_small_cells`) where groups are small.
    """
    if not isinstance(results, Mapping):
        raise ConfigError(
            f"results is a {type(results).__name__}; expected a mapping of heading to result."
        )
    if not results:
        raise EmptyDataError("results has 0 entries; expected at least 1 to report.")
    if isinstance(notes, str):
        raise ConfigError("notes is one text; expected a sequence of texts.")
    place = Path(path)
    if place.is_dir():
        raise ConfigError(
            f"path is the folder {place.name!r}; expected a file such as report.html."
        )
    pages = [_page(i, str(name), result) for i, (name, result) in enumerate(results.items(), 1)]
    text = _render(title, answer or _answer(results, pages), pages, notes)
    return write_whole(place, lambda file: file.write_bytes(text.encode("utf-8", "replace")))


def _render(title: str, answer: str, pages: list[Page], notes: Sequence[str]) -> str:
    environment = Environment(
        loader=PackageLoader("cximpact.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    environment.filters["paragraphs"] = _paragraphs
    environment.globals["provenance_rows"] = _provenance_rows
    css = _source(environment, STYLE)
    script = _source(environment, SCRIPT) if any(page.panel for page in pages) else ""
    return environment.get_template(TEMPLATE).render(
        title=title,
        answer=answer,
        pages=pages,
        notes=list(notes),
        style=css,
        style_hash=f"sha256-{_digest(css)}",
        script=script,
        script_hash=f"sha256-{_digest(script)}" if script else "",
        small=SMALL,
    )


def _source(environment: Environment, name: str) -> str:
    loader = environment.loader
    if loader is None:
        raise ConfigError("the report's templates are missing; reinstall cximpact.")
    return loader.get_source(environment, name)[0]


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _page(number: int, name: str, result: Any) -> Page:
    section = section_of(name, result)
    if not section.title:
        section = replace(section, title=name)
    table = section.table
    if table is not None and _counts_groups(table, is_fit=not isinstance(result, _TABLES)):
        table = suppress_small_cells(table, threshold=SMALL)
    picture = ""
    if section.figure is not None:
        svg = plotting().to_svg(section.figure)
        picture = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    return Page(
        anchor=f"section-{number}",
        section=section,
        table=None if table is None or table.empty else display(table, unit=section.unit),
        has_hidden_rows=table is not None and "n" in table and _has_hidden(table["n"]),
        picture=picture,
        alt=section.figure_text
        or f"Picture: {section.title}. The text and the table say the same.",
        panel=panel_of(section.simulation if section.simulation is not None else result),
    )


def _counts_groups(table: pd.DataFrame, *, is_fit: bool) -> bool:
    """Whether ``n`` counts the persons of each row; in a fit it may count what entered it."""
    if "n" not in table or not pd.api.types.is_numeric_dtype(table["n"]):
        return False
    return not is_fit or table["n"].nunique() > 1


def _has_hidden(counts: pd.Series) -> bool:
    return any(isinstance(n, str) for n in counts)


def _answer(results: Mapping[str, Any], pages: list[Page]) -> str:
    for result in results.values():
        if callable(headline := getattr(result, "headline", None)):
            return str(headline())
    return pages[0].section.text or pages[0].section.title


def _clean(value: Any) -> Any:
    """Keep what no document can hold out of every text that the template prints."""
    return wording.plain(value) if type(value) is str else value


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def _provenance_rows(source: Provenance) -> list[tuple[str, str]]:
    """Lay out where a result comes from, leaving out what is not known."""
    known = source.as_dict()
    rows = [
        ("Method", known["method"]),
        ("Data", known["data_hash"]),
        ("Seed", "" if known["seed"] is None else str(known["seed"])),
        ("Settings", json.dumps(known["settings"], ensure_ascii=False)[1:-1]),
        ("Versions", ", ".join(f"{k} {v}" for k, v in known["versions"].items())),
        ("Made from", ", ".join(known["parents"])),
    ]
    return [(name, text) for name, text in rows if text]
