"""Drivers: which few ratings go with an outcome, and how much each can claim."""

from __future__ import annotations

from cximpact.effects.linkage.importance.driver_result import DriverImportance, DriverParts
from cximpact.effects.linkage.importance.driver_settings import DriverSettings
from cximpact.effects.linkage.importance.find_drivers import drivers
from cximpact.effects.linkage.importance.shares import lmg

__all__ = ["DriverImportance", "DriverParts", "DriverSettings", "drivers", "lmg"]
