"""Units from the best down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cximpact.core.errors import ConfigError, DuplicateKeyError, MissingColumnError
from cximpact.plots import to_png, unit_ranks


def table(n=6) -> pd.DataFrame:
    rank = np.arange(1, n + 1)
    estimate = 10.0 - rank
    return pd.DataFrame(
        {
            "unit": [f"agent {i}" for i in rank],
            "raw": 12.0 - 1.5 * rank,
            "estimate": estimate,
            "conf_low": estimate - 1,
            "conf_high": estimate + 1,
            "rank": rank,
            "rank_low": np.maximum(rank - 2, 1),
            "rank_high": rank,
            "tier": np.where(rank <= n / 2, 1, 2),
        }
    )


def dots(ax, hollow) -> np.ndarray:
    found = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
    chosen = [line for line in found if (to_hex(line.get_markerfacecolor()) == "#ffffff") == hollow]
    return np.concatenate([line.get_xdata() for line in chosen])


def test_units_stand_by_rank_with_both_scores():
    ax = unit_ranks(table().sample(frac=1, random_state=1), title="Agents", unit="points")
    assert [t.get_text() for t in ax.get_yticklabels()] == list(table()["unit"])
    np.testing.assert_allclose(dots(ax, hollow=False), table()["estimate"])
    np.testing.assert_allclose(dots(ax, hollow=True), table()["raw"])
    texts = [t.get_text() for t in ax.texts]
    assert texts[:3] == ["rank 1", "rank 1 to 2", "rank 1 to 3"]
    assert to_png(ax).startswith(b"\x89PNG")


def test_tiers_are_shaded_in_turn_and_explained():
    ax = unit_ranks(table())
    (band,) = [p for p in ax.patches if p.get_height() == pytest.approx(3.0)]
    assert band.get_y() == pytest.approx(2.5)
    key = [t.get_text() for t in ax.get_legend().get_texts()]
    assert key[-1].startswith("a band")
    plain = unit_ranks(table().drop(columns="tier"))
    assert len(plain.get_legend().get_texts()) == 2


def test_of_many_units_both_ends_are_drawn():
    ax = unit_ranks(table(100), most=10)
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names[4:7] == ["agent 5", "90 more", "agent 96"]
    assert len(names) == 11


def test_bad_tables_are_refused():
    with pytest.raises(MissingColumnError, match="rank_low"):
        unit_ranks(table().drop(columns="rank_low"))
    with pytest.raises(DuplicateKeyError, match="unit"):
        unit_ranks(table().assign(unit="x"))
    with pytest.raises(ConfigError, match="most is 1"):
        unit_ranks(table(), most=1)
