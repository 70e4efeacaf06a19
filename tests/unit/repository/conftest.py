"""A small repository that most tests start from."""

from collections.abc import Iterator

import pandas as pd
import pytest

from cximpact.core.scale import ScoreScale
from cximpact.repository import Repository

SCALE = ScoreScale(
    name="NPS",
    low=0,
    high=10,
    higher_is_better=True,
    bands={"detractor": (0, 6), "promoter": (9, 10)},
    weights={"detractor": -100.0, "promoter": 100.0},
    score_range=(-100.0, 100.0),
)


def times(*texts: str) -> pd.DatetimeIndex:
    """Times without a zone."""
    return pd.to_datetime(list(texts), format="ISO8601")


def contacts(**changes: object) -> pd.DataFrame:
    """Two contacts that can be added, with some columns changed."""
    columns = {
        "customer": [1, 2],
        "time": times("2024-01-05", "2024-01-06"),
        "channel": ["web", "phone"],
    }
    return pd.DataFrame(columns | changes)


def invitations(**changes: object) -> pd.DataFrame:
    """Two invitations that can be added, with some columns changed."""
    columns = {
        "customer": [1, 2],
        "invited": times("2024-01-05", "2024-01-06"),
        "survey": "relationship",
        "question": "recommend",
        "answer": [9.0, None],
    }
    return pd.DataFrame(columns | changes)


@pytest.fixture
def repo() -> Iterator[Repository]:
    """A repository in memory with four customers."""
    with Repository() as made:
        made.add(
            "customers", pd.DataFrame({"customer": [1, 2, 3, 4], "segment": ["a", "a", "b", "b"]})
        )
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Repository]:
    """The same for tests of refusals: whatever they try, it stays as it is."""
    with Repository() as made:
        made.add(
            "customers", pd.DataFrame({"customer": [1, 2, 3, 4], "segment": ["a", "a", "b", "b"]})
        )
        yield made
        assert len(made.batches()) == 1
