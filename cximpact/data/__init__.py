"""Frames with named roles, and their compressed forms."""

from __future__ import annotations

from cximpact.core.scale import ScoreScale
from cximpact.data.compress import Cells, cells
from cximpact.data.cross_section import CrossSection
from cximpact.data.moments import PanelMoments, moments
from cximpact.data.panel import Panel, RepeatedCrossSection
from cximpact.data.retention import retained_after
from cximpact.data.survey import SurveyWave
from cximpact.data.wide import WidePanel, wide

__all__ = [
    "Cells",
    "CrossSection",
    "Panel",
    "PanelMoments",
    "RepeatedCrossSection",
    "ScoreScale",
    "SurveyWave",
    "WidePanel",
    "cells",
    "moments",
    "retained_after",
    "wide",
]
