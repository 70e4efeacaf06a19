"""Public data sets, and a simulated world whose truth is known."""

from __future__ import annotations

from cximpact.data.simulate_contacts import simulate_contacts
from cximpact.data.simulate_kpis import simulate_kpis
from cximpact.datasets.cdnow import load_cdnow
from cximpact.datasets.hillstrom import load_hillstrom
from cximpact.datasets.medicare import load_medicare_stars
from cximpact.datasets.sfo import load_sfo_survey
from cximpact.datasets.tables import simulate_world, world_tables

__all__ = [
    "load_cdnow",
    "load_hillstrom",
    "load_medicare_stars",
    "load_sfo_survey",
    "simulate_contacts",
    "simulate_kpis",
    "simulate_world",
    "world_tables",
]
