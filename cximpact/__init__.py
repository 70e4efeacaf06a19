"""cximpact: what customer experience is worth, from survey to money.

Submodules and names load on first use, so importing the package stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cximpact import (
        core,
        data,
        datasets,
        effects,
        goals,
        imputation,
        plots,
        report,
        repository,
        roi,
        scores,
        study,
        value,
    )
    from cximpact.data import CrossSection, Panel, RepeatedCrossSection, SurveyWave
    from cximpact.repository import Repository
    from cximpact.study import Study

__version__ = "0.1.0"

_MODULES = (
    "core",
    "data",
    "datasets",
    "effects",
    "goals",
    "imputation",
    "plots",
    "report",
    "repository",
    "roi",
    "scores",
    "study",
    "value",
)
_NAMES = {
    "CrossSection": "data",
    "Panel": "data",
    "RepeatedCrossSection": "data",
    "Repository": "repository",
    "Study": "study",
    "SurveyWave": "data",
}

__all__ = [
    "CrossSection",
    "Panel",
    "RepeatedCrossSection",
    "Repository",
    "Study",
    "SurveyWave",
    "core",
    "data",
    "datasets",
    "effects",
    "goals",
    "imputation",
    "plots",
    "report",
    "repository",
    "roi",
    "scores",
    "study",
    "value",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"cximpact.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"cximpact.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'cximpact' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
