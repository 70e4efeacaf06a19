"""Results as pages and tables for people: one HTML file, and CSV that is safe to open."""

from __future__ import annotations

from cximpact.core import wording
from cximpact.report import tables
from cximpact.report.document import write
from cximpact.report.section import Section, section_of
from cximpact.report.suppression import suppress_small_cells
from cximpact.report.tables import write_csv

__all__ = [
    "Section",
    "section_of",
    "suppress_small_cells",
    "tables",
    "wording",
    "write",
    "write_csv",
]
