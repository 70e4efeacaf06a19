import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ClusterError, InsufficientDataError, ScaleError
from cximpact.effects.linkage.cases.cutoff_cells import score_cells, steps_from
from cximpact.effects.linkage.rows import link_rows


def rows_of(frame: pd.DataFrame, **roles):
    return link_rows(frame, {"outcome": "y", "score": "s"}, varying=[], **roles)


def cells_of(frame: pd.DataFrame, **roles):
    rows = rows_of(frame, **roles)
    steps = steps_from(rows.numbers["score"], 1, 1.0, low=True)
    y = rows.numbers["outcome"]
    return score_cells(rows, [y, 2 * y], steps, np.ones(rows.n, bool))


FRAME = pd.DataFrame({"s": [0, 0, 1, 1, 1, 2, 2], "y": [1.0, 3.0, 2.0, 4.0, 9.0, 5.0, 6.0]})
MANY = pd.concat([FRAME] * 10, ignore_index=True)


def test_means_and_errors_by_score():
    cells = cells_of(MANY)
    np.testing.assert_array_equal(cells.score, [0, 1, 2])
    np.testing.assert_array_equal(cells.steps, [1, 0, 1])
    np.testing.assert_array_equal(cells.treated_side, [True, True, False])
    mean, covariance = cells.of(0)
    groups = MANY.groupby("s")["y"]
    np.testing.assert_allclose(mean, groups.mean())
    np.testing.assert_allclose(np.diag(covariance), groups.var() / groups.size())
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)))
    np.testing.assert_allclose(cells.of(1)[1], 4 * covariance)
    np.testing.assert_allclose(cells.covariance[0, :, 1, :], 2 * covariance)


def test_weights_of_one_change_nothing_and_scaling_neither():
    plain = cells_of(FRAME).of(0)
    same = cells_of(FRAME.assign(w=3.0), weight="w").of(0)
    for one, two in zip(plain, same, strict=True):
        np.testing.assert_allclose(one, two)
    other = cells_of(FRAME.assign(w=[3.0, 1, 1, 1, 1, 1, 1]), weight="w")
    assert other.of(0)[0][0] == 1.5


def test_customers_of_one_store_are_dependent_across_scores():
    rng = np.random.default_rng(1)
    store = np.repeat(np.arange(50), 40)
    frame = pd.DataFrame({"s": rng.integers(0, 3, 2000), "store": store})
    frame["y"] = 2 * rng.normal(size=50)[store] + rng.normal(size=2000)
    alone, together = cells_of(frame).of(0)[1], cells_of(frame, cluster="store").of(0)[1]
    assert np.diag(together).min() > 5 * np.diag(alone).max()
    assert together[0, 1] > 0.5 * together[0, 0]


def test_a_score_of_few_rows_gets_the_variance_of_a_row_of_all():
    frame = pd.concat([MANY, pd.DataFrame({"s": [3, 4, 4], "y": [7.0, 1.0, 1.0]})])
    variance = np.diag(cells_of(frame).of(0)[1])
    groups = frame.groupby("s")["y"]
    within = (groups.var() * (groups.size() - 1)).sum() / (groups.size() - 1).sum()
    np.testing.assert_allclose(variance[3:], [within, within / 2])
    np.testing.assert_allclose(variance[:3], (groups.var() / groups.size())[:3])


def test_a_score_at_which_nothing_varies_keeps_an_error():
    frame = MANY.assign(y=lambda t: t["y"].where(t["s"] > 0, 1.0))
    assert np.diag(cells_of(frame).of(0)[1])[0] > 0
    few = frame.assign(g=np.arange(70) % 7)
    assert np.diag(cells_of(few, cluster="g").of(0)[1])[1] > 0


@pytest.mark.parametrize(("low", "expected"), [(True, [2, 1, 0, -1]), (False, [-2, -1, 0, 1])])
def test_steps_count_toward_the_side_with_an_alert(low, expected):
    found = steps_from(np.array([0.0, 0.5, 1.0, 1.5]), 1.0, 0.5, low=low)
    np.testing.assert_array_equal(found, expected)


def test_scores_off_the_grid_are_refused():
    with pytest.raises(ScaleError, match="no whole number of steps of 1 .* 2 rows.* the first 0.5"):
        steps_from(np.array([0.0, 0.5, 1.2]), 1.0, 1.0, low=True)


def test_lonely_or_too_many_scores_are_refused():
    with pytest.raises(InsufficientDataError, match="each of 2 scores occurs once"):
        cells_of(pd.DataFrame({"s": [0, 2], "y": [1.0, 2.0]}))
    far = pd.DataFrame({"s": np.repeat(np.arange(-80, 3), 2), "y": np.tile([0.0, 1.0], 83)})
    with pytest.raises(InsufficientDataError, match="81 steps from the cutoff"):
        cells_of(far)
    with pytest.raises(InsufficientDataError, match="score 0 have weight 0"):
        cells_of(FRAME.assign(w=[0.0, 0, 1, 1, 1, 1, 1]), weight="w")


def test_one_cluster_among_the_rows_that_are_used_is_refused():
    frame = FRAME.assign(g=[0, 0, 0, 0, 0, 1, 1])
    rows = rows_of(frame, cluster="g")
    steps = steps_from(rows.numbers["score"], 1, 1.0, low=True)
    with pytest.raises(ClusterError, match="one cluster among these scores"):
        score_cells(rows, [rows.numbers["outcome"]], steps, steps >= 0)
