"""The real airport survey, as tests of imputation use it."""

from __future__ import annotations

import pandas as pd
import pytest

from cximpact.core.errors import DatasetUnavailableError
from cximpact.datasets import load_sfo_survey

COVARIATES = ("problem", "english", "rare_flyer", "morning")


def survey() -> pd.DataFrame:
    """All years, or skip where the data are absent."""
    try:
        return load_sfo_survey(download=False)
    except DatasetUnavailableError:
        pytest.skip("the SFO survey is not here")


def ordinal_frame(year: int = 2017) -> pd.DataFrame:
    """One year with four binary covariates that everybody has."""
    frame = survey()
    frame = frame[(frame["year"] == year) & frame["problem"].notna() & frame["fly12"].notna()]
    return pd.DataFrame(
        {
            "overall": frame["overall"].to_numpy(dtype=float, na_value=float("nan")),
            "problem": frame["problem"].to_numpy(dtype=float),
            "english": (frame["lang"] == 1).to_numpy(dtype=float),
            "rare_flyer": (frame["fly12"] == 1).to_numpy(dtype=float),
            "morning": (frame["strata"] == 1).to_numpy(dtype=float),
        }
    ).reset_index(drop=True)
