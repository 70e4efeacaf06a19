"""Rosenbaum bounds: printed numbers, scipy's tests at Gamma 1, and all assignments."""

import itertools

import numpy as np
import pytest
from scipy import stats

from cximpact.core import errors
from cximpact.effects.sensitivity import matched_pairs, rosenbaum_bounds, sensitivity_gamma
from tests.support.golden import close, load

GOLDEN = load("sensitivity")
SMOKING = np.repeat([1, -1, 0], [110, 12, 40])


def lead():
    return np.subtract(GOLDEN["lead"]["exposed"], GOLDEN["lead"]["control"])


def test_printed_bounds_of_binary_pairs():
    found = rosenbaum_bounds(SMOKING, [float(g) for g in GOLDEN["smoking"]])
    assert (found.test, found.n_pairs, found.n_equal) == ("mcnemar", 162, 40)
    for p, printed in zip(found.table["p_high"], GOLDEN["smoking"].values(), strict=True):
        assert close(p, printed)


def test_printed_bounds_of_ranks(monkeypatch):
    monkeypatch.setattr(matched_pairs, "_EXACT", 0)
    printed = GOLDEN["lead"]["p_high"]
    found = rosenbaum_bounds(lead(), [float(g) for g in printed])
    assert found.pairs.scores[found.pairs.ahead].sum() == GOLDEN["lead"]["statistic"]
    assert found.test == "signed_rank"
    for p, text in zip(found.table["p_high"], printed.values(), strict=True):
        assert close(p, text)


@pytest.mark.parametrize("alternative", ["greater", "less", "two_sided"])
def test_gamma_of_one_is_the_test_of_an_experiment(alternative):
    rng = np.random.default_rng(1)
    values = rng.normal(0.4, 1, 20)
    row = rosenbaum_bounds(values, 1.0, alternative=alternative).table.iloc[0]
    expected = stats.wilcoxon(
        values, alternative=alternative.replace("_", "-"), method="exact"
    ).pvalue
    assert row["p_low"] == row["p_high"] == pytest.approx(expected)
    signs = np.sign(values)
    row = rosenbaum_bounds(signs, 1.0, alternative=alternative).table.iloc[0]
    test = stats.binomtest(int((signs > 0).sum()), 20, alternative=alternative.replace("_", "-"))
    assert row["p_high"] == pytest.approx(test.pvalue)


def test_exact_bounds_are_those_of_all_assignments():
    values = np.array([3.0, -1, 2, 2, 0, 5, -4, 1, 1])
    found = rosenbaum_bounds(values, [1.7])
    scores = stats.rankdata(abs(values))[values != 0]
    total = scores[values[values != 0] > 0].sum()
    for column, chance in (("p_low", 1 / 2.7), ("p_high", 1.7 / 2.7)):
        p = sum(
            np.prod([chance if up else 1 - chance for up in ups])
            for ups in itertools.product([True, False], repeat=len(scores))
            if scores[list(ups)].sum() >= total
        )
        assert found.table[column].iloc[0] == pytest.approx(p)


def test_the_normal_distribution_takes_over_smoothly(monkeypatch):
    values = np.random.default_rng(2).normal(0.3, 1, 100)
    exact = rosenbaum_bounds(values, [1, 1.3]).table
    monkeypatch.setattr(matched_pairs, "_EXACT", 10)
    normal = rosenbaum_bounds(values, [1, 1.3]).table
    np.testing.assert_allclose(exact["p_high"], normal["p_high"], rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("alternative", ["greater", "two_sided"])
def test_gamma_is_where_the_largest_p_value_reaches_alpha(alternative):
    gamma = sensitivity_gamma(SMOKING, 0.05, alternative=alternative)
    found = rosenbaum_bounds(SMOKING, gamma, alternative=alternative)
    assert found.table["p_high"].iloc[0] == pytest.approx(0.05, rel=1e-6)
    assert sensitivity_gamma(-SMOKING, 0.05) == 1.0
    assert sensitivity_gamma(-SMOKING, alternative="less") == pytest.approx(
        sensitivity_gamma(SMOKING)
    )
    assert sensitivity_gamma(np.ones(10)) == pytest.approx(20 / 7 + 0, abs=0.2)


def test_the_test_can_be_chosen():
    signed = rosenbaum_bounds(lead(), 2, test="mcnemar")
    n, ahead = (lead() != 0).sum(), (lead() > 0).sum()
    assert signed.table["p_high"].iloc[0] == pytest.approx(stats.binom.sf(ahead - 1, n, 2 / 3))


def test_sentences():
    text = rosenbaum_bounds(SMOKING).explain()
    assert "162 matched pairs (40 of them without a difference)" in text
    assert "odds of treatment 5.47 times the other's" in text
    assert "not refused at 5% even then" in rosenbaum_bounds(-SMOKING).explain()
    assert "Rosenbaum bounds" in rosenbaum_bounds(SMOKING)._repr_html_()


@pytest.mark.parametrize(
    ("values", "options", "error", "match"),
    [
        ([0, 0, 0], {}, errors.ZeroVarianceError, "none of 3 pairs"),
        ([1], {}, errors.InsufficientDataError, "1 pair"),
        ([1, np.nan], {}, errors.MissingValueError, "position 1"),
        ([], {}, errors.EmptyDataError, "0 values"),
        ([1, 2], {"gamma": 0.5}, errors.ConfigError, "gamma is 0.5"),
        ([1, 2], {"test": "t"}, errors.ConfigError, "test is 't'"),
        ([1, 2], {"alternative": "both"}, errors.ConfigError, "alternative"),
    ],
)
def test_bad_input_is_refused(values, options, error, match):
    with pytest.raises(error, match=match):
        rosenbaum_bounds(np.array(values, dtype=float), **options)
