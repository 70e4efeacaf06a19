"""World W7: what an imputation that lacks a variable does to an analysis that uses it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import CongenialityError, MissingColumnError
from cximpact.imputation.congeniality import check_congenial

N, SEEN = 400_000, 0.3


def known(*terms):
    return SimpleNamespace(terms=terms)


@pytest.fixture(scope="module")
def world():
    """``S = X + e``, ``Y = .5 S + .3 X + u``; S is seen for three in ten."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=N)
    s = x + rng.normal(size=N)
    y = 0.5 * s + 0.3 * x + rng.normal(size=N)
    return x, s, y, rng.random(N) < SEEN, rng


def slope(outcome, *columns):
    design = np.column_stack([np.ones(N), *columns])
    return np.linalg.lstsq(design, outcome, rcond=None)[0][1]


def predicted(target, seen, *columns):
    """Mean and residual sd of a regression among those seen, for everybody."""
    design = np.column_stack([np.ones(N), *columns])
    beta = np.linalg.lstsq(design[seen], target[seen], rcond=None)[0]
    return design @ beta, (target - design @ beta)[seen].std()


def test_a_draw_without_the_outcome_attenuates_to_the_share_seen(world):
    x, s, y, seen, rng = world
    mean, sd = predicted(s, seen, x)
    drawn = np.where(seen, s, mean + sd * rng.normal(size=N))
    assert slope(y, drawn, x) == pytest.approx(0.15, abs=0.005)


def test_a_mean_without_the_outcome_is_consistent_only_beside_x(world):
    x, s, y, seen, _ = world
    mean, _ = predicted(s, seen, x)
    filled = np.where(seen, s, mean)
    assert slope(y, filled, x) == pytest.approx(0.499, abs=0.008)
    assert slope(y, filled) == pytest.approx(0.728, abs=0.006)
    assert slope(y, s) == pytest.approx(0.650, abs=0.005)


def test_a_draw_given_the_outcome_is_right(world):
    x, s, y, seen, rng = world
    mean, sd = predicted(s, seen, x, y)
    drawn = np.where(seen, s, mean + sd * rng.normal(size=N))
    assert slope(y, drawn, x) == pytest.approx(0.499, abs=0.008)


def test_a_mean_given_the_outcome_inflates(world):
    x, s, y, seen, _ = world
    mean, _ = predicted(s, seen, x, y)
    assert slope(y, np.where(seen, s, mean), x) == pytest.approx(1.133, abs=0.01)


@pytest.mark.parametrize(("with_treatment", "expected"), [(False, 0.306), (True, 1.005)])
def test_effect_on_an_imputed_outcome(with_treatment, expected):
    rng = np.random.default_rng(8)
    treated, post = rng.random(N) < 0.5, rng.random(N) < 0.5
    both = treated & post
    s = 0.4 * treated + 0.2 * post + 1.0 * both + rng.normal(size=N)
    seen = rng.random(N) < SEEN
    columns = (treated, post, both) if with_treatment else (treated, post)
    mean, sd = predicted(s, seen, *columns)
    filled = np.where(seen, s, mean + sd * rng.normal(size=N))
    found = slope(filled, both, treated, post)
    assert found == pytest.approx(expected, abs=0.02)


def test_terms_that_were_imputed_with_pass():
    assert check_congenial(known("segment", "month", "segment:month"), ["month:segment"]) is None


def test_terms_that_were_not_are_named_with_the_way_out():
    with pytest.raises(CongenialityError) as caught:
        check_congenial(known("store", "month"), ["store", "treated", "treated:post"])
    text = str(caught.value)
    assert "uses 'treated', 'treated:post'" in text
    assert "knows 'store', 'month'" in text
    assert "interactions=['treated:post']" in text
    assert "ScoreBehaviorModel" in text


def test_a_term_that_is_fixed_within_a_known_one_passes():
    frame = pd.DataFrame({"store": [1, 1, 2, 2], "month": [0, 1, 0, 1], "treated": [0, 0, 1, 1]})
    frame["post"] = frame["month"]
    crossed = known("store", "month", "store:month")
    assert check_congenial(crossed, ["treated", "treated:post"], frame=frame) is None
    with pytest.raises(CongenialityError, match="'treated:post'"):
        check_congenial(known("store", "month"), ["treated", "treated:post"], frame=frame)
    loose = frame.assign(treated=[0, 1, 1, 1])
    with pytest.raises(CongenialityError, match="uses 'treated'"):
        check_congenial(known("store", "month"), ["treated"], frame=loose)


def test_a_needed_column_must_be_in_the_frame():
    with pytest.raises(MissingColumnError, match="treated"):
        check_congenial(known("store"), ["treated"], frame=pd.DataFrame({"store": [1]}))
