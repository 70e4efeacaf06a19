"""Journeys: a change in a score traced to touchpoints, and the map of steps and channels."""

from __future__ import annotations

from cximpact.effects.linkage.journeys.contributions import WaveShares
from cximpact.effects.linkage.journeys.map_cells import journey_map
from cximpact.effects.linkage.journeys.map_result import JourneyMap
from cximpact.effects.linkage.journeys.trace import score_trace
from cximpact.effects.linkage.journeys.trace_result import ScoreTrace

__all__ = ["JourneyMap", "ScoreTrace", "WaveShares", "journey_map", "score_trace"]
