"""ROI: initiatives, their cash flows, and the metrics people decide by."""

from cximpact.roi.assumed import assumed_effect
from cximpact.roi.initiative import Initiative
from cximpact.roi.result import RoiResult
from cximpact.roi.settings import Settings
from cximpact.roi.simple import SimpleRoi, simple
from cximpact.roi.simulate import simulate

__all__ = [
    "Initiative",
    "RoiResult",
    "Settings",
    "SimpleRoi",
    "assumed_effect",
    "simple",
    "simulate",
]
