"""Purchases at CDNOW."""

from pathlib import Path

import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.datasets import load_cdnow


def test_it_has_the_known_transactions(real_data: Path):
    frame = load_cdnow(download=False)
    assert len(frame) == 69_659
    assert frame["customer_id"].nunique() == 23_570
    assert frame["customer_id"].str.len().eq(5).all()
    assert frame["date"].min() == pd.Timestamp("1997-01-01")
    assert frame["date"].max() == pd.Timestamp("1998-06-30")


def test_the_sample_is_part_of_all_transactions(real_data: Path):
    sample = load_cdnow("sample", download=False)
    assert sample["sample_id"].nunique() == sample["customer_id"].nunique() == 2_357
    everything = load_cdnow(download=False)
    theirs = everything[everything["customer_id"].isin(sample["customer_id"])]
    assert len(theirs) == len(sample) == 6_919
    assert theirs["dollar_value"].sum() == pytest.approx(sample["dollar_value"].sum())


def test_the_summary_has_the_customers_of_the_sample(real_data: Path):
    summary = load_cdnow("summary", download=False)
    assert summary.columns.tolist() == ["ID", "frequency", "recency", "T"]
    assert len(summary) == 2_357
    assert (summary["frequency"] > 0).sum() == 946


def test_another_table_is_refused():
    with pytest.raises(ConfigError, match="'sample'"):
        load_cdnow("samples")
