import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError, DuplicateColumnError, RankError
from cximpact.effects.linkage.importance.rating_columns import open_ratings
from cximpact.effects.linkage.importance.rating_players import Players, make_players


def players(data: pd.DataFrame, groups=None, collinear: float = 0.9, weight=None) -> Players:
    ratings = [c for c in data if c not in ("y", "w")]
    found = open_ratings(
        data, "y", ratings, [], weight=weight, cluster=None, missing="indicator", never_used=None
    )
    return make_players(found, groups or {}, collinear)


def frame(n: int = 100) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(rng.standard_normal((n, 4)), columns=list("abcd")).assign(y=rng.random(n))


def test_each_rating_is_a_driver_with_its_marks():
    data = frame()
    data.loc[:9, "b"] = np.nan
    found = players(data)
    assert found.names == tuple("abcd")
    assert found.columns == ("a", "b", "b (blank)", "c", "d")
    assert found.edges.tolist() == [0, 1, 3, 4, 5]
    assert found.places(1) == [1]
    assert found.notes == ()


def test_ratings_that_were_asked_for_together_are_one_driver():
    found = players(frame(), {"pair": ["d", "a"]})
    assert found.names == ("pair", "b", "c")
    assert found.ratings[0] == ("a", "d")
    assert found.columns == ("a", "d", "b", "c")
    assert found.places(0) == [0, 1]
    assert found.notes == ()


def test_ratings_that_say_nearly_the_same_are_put_together_and_that_is_said():
    data = frame()
    data["c"] = data["a"] + 0.1 * data["c"]
    data["d"] = -data["c"] + 0.1 * data["d"]
    found = players(data)
    assert found.names == ("a + c + d", "b")
    assert "'a', 'c', 'd' say nearly the same" in found.notes[0]
    assert players(data, collinear=0.999).names == tuple("abcd")


def test_a_rating_that_others_tell_exactly_joins_them():
    data = frame()
    data["d"] = data["a"] - 2 * data["b"]
    found = players(data, collinear=1)
    assert found.names == ("a + b + d", "c")


def test_close_ratings_carry_their_groups_along():
    data = frame()
    data["b"] = data["a"] + 0.01 * data["b"]
    found = players(data, {"team": ["b", "c"]})
    assert found.names == ("a + team", "d")
    assert found.ratings[0] == ("a", "b", "c")
    assert "'a', 'team'" in found.notes[0]


def test_weights_decide_what_is_close():
    data = frame().assign(w=np.r_[np.ones(50), np.full(50, 1e-9)])
    data.loc[:49, "b"] = data.loc[:49, "a"]
    assert players(data).names == tuple("abcd")
    assert players(data, weight="w").names == ("a + b", "c", "d")


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ({"g": ["a", "x"]}, ConfigError, "'x'; expected ratings"),
        ({"g": ["a", "b"], "h": ["b", "c"]}, ConfigError, "'b' is in two groups"),
        ({"c": ["a", "b"]}, ConfigError, "named like another rating"),
        ({"g": ["a", "a"]}, DuplicateColumnError, "more than once"),
        ({"g": list("abcd")}, RankError, "one driver"),
    ],
)
def test_bad_groups_are_named(groups, error, message):
    with pytest.raises(error, match=message):
        players(frame(), groups)


def test_a_group_may_be_named_like_one_of_its_ratings():
    assert players(frame(), {"a": ["a", "b"]}).names == ("a", "c", "d")
