"""The compiled bootstrap gives, replicate by replicate, the numbers of the readable functions."""

import numba
import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma

from cximpact.effects.uplift import curve_metrics, curves
from cximpact.effects.uplift.curve_bootstrap import FRACTIONS, bootstrap, drawn_counts
from cximpact.effects.uplift.curve_kernels import harmonic, poisson_counts
from cximpact.effects.uplift.curve_toc import effect_at_k, rate, toc
from cximpact.effects.uplift.evaluation_data import HeldOut
from tests.support.uplift_curves import randomized

KS = (0.1, 0.3)
SEED = 7


def customers(weights, clustered, binary=True, n=300):
    rng = np.random.default_rng(11)
    world = randomized(rng, n)
    outcome = world["outcome"] if binary else rng.gamma(2, 1, n)
    w = {"none": None, "whole": rng.integers(0, 4, n), "other": rng.random(n)}[weights]
    cluster = rng.integers(0, 15, n) if clustered else None
    data = HeldOut(outcome=outcome, treatment=world["treatment"], weights=w, cluster=cluster)
    return data, world["tau"] + 0.1 * rng.standard_normal(n)


def readable(data, score, weights, normalization):
    y, t, gamma = data.outcome, data.treatment, data.pseudo_outcome
    areas = [
        curve_metrics.qini_coefficient(y, t, score, weights, normalization),
        curve_metrics.auuc(y, t, score, weights, normalization),
        rate(None, None, score, weights, pseudo_outcome=gamma),
        rate(None, None, score, weights, weighting="qini", pseudo_outcome=gamma),
    ]
    uplift = [curve_metrics.uplift_at_k(y, t, score, k, weights) for k in KS]
    return areas + uplift + [effect_at_k(gamma, score, k, weights) for k in KS]


def check_curves(found, data, score, w):
    y, t, gamma = data.outcome, data.treatment, data.pseudo_outcome
    for row, curve in ((1, curves.uplift_curve), (2, curves.qini_curve)):
        shape = curve(y, t, score, w)
        expected = np.interp(FRACTIONS, shape["fraction"], shape["value"]) / w.sum()
        assert found[row] == pytest.approx(expected, abs=1e-12)
    shape = toc(None, None, score, w, pseudo_outcome=gamma)
    gain = np.append(0, (shape["toc"] * shape["fraction"]))
    expected = np.interp(FRACTIONS, np.append(0, shape["fraction"]), gain) / FRACTIONS
    assert found[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("weights", ["none", "whole", "other"])
@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("normalization", ["perfect", "none"])
def test_every_replicate_is_the_readable_one(tied, weights, clustered, normalization):
    data, score = customers(weights, clustered, normalization == "perfect")
    score = np.round(score, 1) if tied else score
    given = {"ks": KS, "normalization": normalization, "replicates": 4, "seed": SEED}
    found = bootstrap(score, data, **given)
    units = 15 if clustered else data.n
    for r in range(5):
        counts = drawn_counts(SEED, r, units) if r else np.ones(units)
        w = data.weights * (counts[data.cluster] if clustered else counts)
        expected = readable(data, score, w, normalization)
        assert found.metrics[r] == pytest.approx(expected, abs=1e-12)
        check_curves(found.curves[r], data, score, w)
        random = curve_metrics.uplift_at_k(data.outcome, data.treatment, score, 1.0, w)
        mean = (w * data.pseudo_outcome).sum() / w.sum()
        assert found.random[r] == pytest.approx([0] * 4 + [random] * 2 + [mean] * 2)


def test_sizes_may_be_numbers_and_change_places_in_a_replicate():
    data, score = customers("none", False)
    ks, swapped = (61, 0.5, 0.2, 300), 0
    found = bootstrap(score, data, ks=ks, normalization="none", replicates=20, seed=SEED)
    for r in range(1, 21):
        w = drawn_counts(SEED, r, data.n).astype(float)
        swapped += 0.2 * w.sum() > 61
        y, t = data.outcome, data.treatment
        within = [*ks[:3], min(300, int(w.sum()))]
        expected = [curve_metrics.uplift_at_k(y, t, score, k, w) for k in within]
        assert found.metrics[r, 4:8] == pytest.approx(expected)
    assert 0 < swapped < 20


def test_threads_and_neighbors_change_nothing():
    data, score = customers("none", False)
    given = {"ks": KS, "normalization": "perfect", "seed": SEED}
    few, many = (bootstrap(score, data, replicates=r, **given) for r in (3, 9))
    assert (few.metrics == many.metrics[:4]).all()
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = bootstrap(score, data, replicates=9, **given)
    finally:
        numba.set_num_threads(before)
    assert (alone.metrics == many.metrics).all()
    assert (alone.curves == many.curves).all()
    assert not (few.metrics[1] == few.metrics[2]).any()


def test_another_seed_is_another_draw():
    assert (drawn_counts(1, 1, 50) != drawn_counts(2, 1, 50)).any()
    assert (drawn_counts(1, 1, 50) != drawn_counts(1, 2, 50)).any()


def test_counts_are_poisson():
    counts = np.concatenate([drawn_counts(3, r, 50_001) for r in range(1, 21)])
    seen = np.bincount(counts, minlength=8)
    law = np.append(stats.poisson.pmf(range(7), 1), stats.poisson.sf(6, 1))
    seen = np.append(seen[:7], seen[7:].sum())
    assert stats.chisquare(seen, law * counts.size).pvalue > 1e-3


def test_counts_invert_the_distribution_function():
    cuts = np.round(stats.poisson.cdf(range(8), 1) * 2**16)
    words = np.array([0, *cuts - 1, *cuts, 2**16 - 1]).astype(np.uint16)
    expected = [0, *range(8), *range(1, 9), 8]
    assert poisson_counts(words).tolist() == expected


@pytest.mark.parametrize(
    ("start", "m"), [(0, 1), (3, 5), (0, 40), (1e6, 30), (2.5, 0.3), (0, 0.01)]
)
def test_harmonic_sums(start, m):
    assert harmonic(float(start), float(m)) == pytest.approx(
        digamma(start + m + 1) - digamma(start + 1), rel=1e-9
    )
    if m == int(m):
        expected = (1 / (start + np.arange(1, m + 1))).sum()
        assert harmonic(float(start), float(m)) == pytest.approx(expected, rel=1e-9)


def test_weights_beyond_the_table_of_harmonic_numbers():
    data, score = customers("none", False)
    heavy = HeldOut(outcome=data.outcome, treatment=data.treatment, weights=np.full(300, 40_000.0))
    found = bootstrap(score, heavy, ks=KS, normalization="none", replicates=1, seed=SEED)
    expected = readable(heavy, score, heavy.weights, "none")
    assert found.metrics[0] == pytest.approx(expected, rel=1e-9)
