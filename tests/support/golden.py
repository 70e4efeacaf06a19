"""Golden numbers: read from small files, compared at the digits that were printed."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "golden"


def load(name: str) -> dict[str, Any]:
    """Read a file of golden numbers."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def close(found: float, printed: str) -> bool:
    """Whether a number agrees to one unit in the last digit printed."""
    unit = 10.0 ** int(Decimal(printed).as_tuple().exponent)
    return abs(found - float(printed)) <= unit * 1.0000001
