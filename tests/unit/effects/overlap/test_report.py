"""Numbers of overlap, and the words for them."""

import numpy as np
import pytest

from cximpact.core import errors
from cximpact.effects.overlap import crump_cutoff, overlap_report

E = np.array([0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
T = np.array([0, 1, 0, 1, 0, 1])


def test_numbers_by_hand():
    found = overlap_report(E, T, bins=2)
    treated, untreated = found.arms.to_dict("records")
    w = 1 / np.array([0.2, 0.6, 0.95])
    assert treated["effective_n"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    w = 1 / (1 - np.array([0.05, 0.4, 0.8]))
    assert untreated["effective_n"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert (treated["n"], treated["lowest"], treated["highest"]) == (3, 0.2, 0.95)
    assert (treated["in_range"], untreated["in_range"]) == (pytest.approx(2 / 3),) * 2
    assert (found.share_low, found.share_high) == (pytest.approx(1 / 6),) * 2
    assert found.histogram["n"].tolist() == [1, 2, 2, 1]
    assert found.histogram.loc[0, "share"] == pytest.approx(1 / 3)
    assert found.cutoff == crump_cutoff(E)
    assert found.verdict == "poor"
    assert found.tidy().equals(found.arms)


def test_survey_weights_count():
    w = np.array([1.0, 2, 1, 1, 3, 1])
    found, rows = overlap_report(E, T, w), np.repeat(np.arange(6), w.astype(int))
    repeated = overlap_report(E[rows], T[rows])
    assert (found.share_low, found.cutoff) == pytest.approx((repeated.share_low, repeated.cutoff))
    np.testing.assert_allclose(found.histogram["share"], repeated.histogram["share"])
    inverse = w[T == 1] / E[T == 1]
    expected = inverse.sum() ** 2 / (inverse**2).sum()
    assert found.arms["effective_n"][0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("e", "verdict"),
    [
        (np.full(100, 0.5), "good"),
        (np.repeat([0.5, 0.05], [94, 6]), "thin"),
        (np.repeat([0.5, 0.05], [79, 21]), "poor"),
        (np.repeat([0.5, 0.95], [94, 6]), "thin"),
    ],
)
def test_verdicts(e, verdict):
    t = np.arange(100) % 2
    found = overlap_report(e, t)
    assert found.verdict == verdict
    assert f"Overlap is {verdict}" in found.explain()


def test_a_few_heavy_rows_are_thin_or_poor():
    e = np.append(np.full(199, 0.9), 0.9)
    e[0] = 0.11
    t = np.append(np.ones(190), np.zeros(10))
    found = overlap_report(e, t)
    assert found.arms["effective_n"][0] < 190
    assert "190 treated customers count for" in found.explain()
    assert "Overlap of propensities" in found._repr_html_()


def test_edges_and_bad_input():
    assert overlap_report(E, T, edge=0.3).share_low == pytest.approx(2 / 6)
    assert "between" not in overlap_report(np.full(4, 0.5), [0, 1, 0, 1]).explain()
    with pytest.raises(errors.OverlapError, match="0 or 1"):
        overlap_report([0, 0.5, 0.5, 0.5], [0, 1, 0, 1])
    with pytest.raises(errors.DtypeError, match="6 values for 4"):
        overlap_report(E, T[:4])
    with pytest.raises(errors.ConfigError, match="bins"):
        overlap_report(E, T, bins=1)
