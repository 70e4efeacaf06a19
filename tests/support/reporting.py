"""Small results and hostile names for the tests of pictures and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact import plots
from cximpact.core import draws
from cximpact.core.provenance import Provenance
from cximpact.core.results import Assumption, EffectPosterior, Estimand

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "</style><b>",
    "\"><svg onload='x'>",
    "=cmd|'/C calc'!A0",
    "{{ 7 * 7 }} {% raw %}",
    "-->]]>&amp;&#x3c;",
    "$x^{$ and \\frac{1}{0} $5",
    "nul\x00bell\x07esc\x1b",
    "right\u202eleft",
    "日本語 и العربية",
    "a\nb\tc\r\nd",
    "",
    "x" * 300,
)
HALF_PAIR = "half a pair \ud800"  # no table of pandas can hold it, but a title can


def score_table(labels: list[Any], column: str = "segment", **more: Any) -> pd.DataFrame:
    """Return a table of scores with intervals."""
    estimate = np.linspace(-20.0, 45.0, len(labels))
    columns = {column: labels, **more, "estimate": estimate}
    return pd.DataFrame(columns | {"conf_low": estimate - 5.0, "conf_high": estimate + 6.0})


def effect_result(labels: list[str] | None = None, *, text: str = "", n: int = 28_800) -> Any:
    """Return an effect with one draw dimension, or none."""
    values = np.random.default_rng(4).normal(0.058, 0.02, (400, *([len(labels)] if labels else [])))
    dims = ["segment"] if labels else []
    coords = {"segment": labels} if labels else None
    return EffectPosterior(
        draws=draws.from_array(values, source="onboarding fit", dims=dims, coords=coords),
        estimand=Estimand(
            target="att",
            contrast=f"onboarding against none {text}".strip(),
            scale="pp",
            population="joiners of treated stores",
            horizon="12 months",
        ),
        draw_kind="bootstrap",
        n=n,
        assumptions=(
            Assumption(
                name=f"parallel trends {text}".strip(),
                statement="Without it, treated stores would have moved like the others.",
                tested=True,
                evidence=f"Pre-period effects are jointly zero (p = 0.41). {text}".strip(),
            ),
            Assumption(
                name="no anticipation", statement="Nobody stayed because of it.", tested=False
            ),
        ),
        diagnostics={"clusters": 40, "smallest_cohort": 10, "weights": np.ones(3)},
        provenance=Provenance(
            method="ImputationDiD",
            data_hash="5f3a9c",
            settings={"text": text, "cluster": "store"},
            seed=11,
            versions={"cximpact": "0.1.0"},
            notes=(f"12 rows without an outcome were dropped. {text}".strip(),),
        ),
        would_change_it=f"A pre-trend 1.2 times the largest one seen. {text}".strip(),
    )


@dataclass(frozen=True)
class Money:
    """A result with a headline, drawn as the distribution of an NPV."""

    text: str = ""

    def headline(self) -> str:
        """Return the answer."""
        return f"The program is worth 21,000 EUR. {self.text}".strip()

    def explain(self) -> str:
        """Return the paragraph."""
        return f"Expected NPV 21,000 EUR, 90% interval -34,000 to 77,000. {self.text}".strip()

    def summary(self) -> pd.DataFrame:
        """Return the numbers."""
        return pd.DataFrame(
            {
                "term": ["npv", "roi"],
                "estimate": [21_243.4, 0.4137],
                "std_error": [34_000.0, 0.31],
                "conf_low": [-34_164.0, -0.07],
                "conf_high": [76_967.0, 0.9],
                "conf_level": [0.9, 0.9],
                "mcse": [760.0, 0.007],
            }
        )

    def plot(self) -> Any:
        """Draw it."""
        values = np.random.default_rng(1).normal(21_000, 34_000, 500)
        return plots.npv_distribution(xr.DataArray(values, dims="sample"), "EUR", title=self.text)
