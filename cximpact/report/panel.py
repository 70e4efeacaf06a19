"""The what-if panel of a page: sliders that recompute a simulation from its embedded draws."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cximpact.core.wording import plain
from cximpact.roi import RoiResult
from cximpact.roi.what_if import MOST_DRAWS, panel_data

_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True, kw_only=True)
class Slider:
    """One term that can be moved.

    Parameters
    ----------
    name : str
        Field of `roi.what_if.Terms`.
    label : str
        What people call it.
    low, high, step, start : float
        Range of the slider and where it stands.
    unit : {"x", "%", "pp", "", "periods"}
        How its value is shown.
    """

    name: str
    label: str
    low: float
    high: float
    step: float
    start: float
    unit: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What the template needs for a panel.

    Parameters
    ----------
    data : str
        JSON that is safe inside a script element.
    sliders : tuple of Slider
        The terms.
    note : str
        What a reader must know.
    """

    data: str
    sliders: tuple[Slider, ...]
    note: str


def panel_of(result: Any) -> Panel | None:
    """Make a panel for a simulation.

    Parameters
    ----------
    result : object
        Any result.

    Returns
    -------
    Panel or None
        None where there is nothing to move: other results, and initiatives that overlap.
    """
    if not isinstance(result, RoiResult) or result.overlaps:
        return None
    data = panel_data(result)
    total = result.draws.sizes["sample"]
    note = (
        f"Recomputed in the page from {min(total, MOST_DRAWS):,} of {total:,} joint draws; "
        "everything else stays as simulated."
    )
    if not result.is_random:
        note = "Every input was a fixed number: the chance is 0 or 100%."
    return Panel(data=safe_json(data), sliders=_sliders(data), note=note)


def safe_json(data: Any) -> str:
    """Write JSON that cannot end a script element or start another.

    Parameters
    ----------
    data : object
        Plain values.

    Returns
    -------
    str
        JSON with angle brackets, ampersands and line separators escaped.
    """
    text = plain(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    for char, escaped in _UNSAFE.items():
        text = text.replace(char, escaped)
    return text


def _sliders(data: dict[str, Any]) -> tuple[Slider, ...]:
    widest = max(_size(s["tau"]) for item in data["items"] for s in item["segments"]) or 1.0
    reach = float(f"{2 * widest:.1g}")
    rate = data["rate"]
    rows = [
        ("cost", "Cost", 0.0, 3.0, 0.05, 1.0, "x"),
        ("value", "Value", 0.0, 3.0, 0.05, 1.0, "x"),
        ("coverage", "Coverage", 0.0, 2.0, 0.05, 1.0, "x"),
        ("extra_lag", f"Extra lag ({data['period']}s)", 0, data["horizon"], 1, 0, "periods"),
        ("discount_rate", "Discount rate a year", 0.0, max(0.4, rate), 0.005, rate, "%"),
    ]
    if data["unit"] is not None:
        unit = "pp" if data["unit"] == "pp" else ""
        rows.append(("delta", "Bias of the effect (delta)", -reach, reach, reach / 100, 0.0, unit))
    names = ("name", "label", "low", "high", "step", "start", "unit")
    return tuple(Slider(**dict(zip(names, row, strict=True))) for row in rows)


def _size(values: float | list[float]) -> float:
    """Mean absolute size of an effect."""
    if isinstance(values, list):
        return sum(abs(v) for v in values) / len(values)
    return abs(values)
