import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError, DtypeError, WeightError
from cximpact.scores import (
    dirichlet_moments,
    goodman_intervals,
    mean_interval,
    net_interval,
    proportion_interval,
)
from tests.support import golden

GOLDEN = golden.load("scores")
KINDS = {"net": net_interval, "share": proportion_interval, "mean": mean_interval}
CLASSES = [-100, 0, 100]


@pytest.mark.parametrize("case", GOLDEN["intervals"], ids=lambda c: f"{c['kind']}-{c['method']}")
def test_intervals_of_the_textbook_examples(case):
    found = KINDS[case["kind"]](*case["args"], prob=case.get("prob", 0.95), method=case["method"])
    assert golden.close(found.low, case["expected"][0])
    assert golden.close(found.high, case["expected"][1])


def test_the_center_and_width_of_adjusted_wald():
    low, high = net_interval(100, 30, 200, prob=0.95, method="adjusted_wald")
    numbers = GOLDEN["numbers"]
    assert golden.close((low + high) / 2, numbers["adjusted_center"])
    assert golden.close((high - low) / 2 / stats.norm.ppf(0.975), numbers["adjusted_se"])


@pytest.mark.parametrize(("prior", "name"), [(1.0, "dirichlet"), (0.5, "dirichlet_half")])
def test_dirichlet_moments_of_the_textbook_example(prior, name):
    mean, sd = dirichlet_moments([30, 70, 100], CLASSES, prior=prior)
    assert golden.close(mean, GOLDEN["numbers"][f"{name}_mean"])
    assert golden.close(sd, GOLDEN["numbers"][f"{name}_sd"])


def test_dirichlet_quantiles_agree_with_the_exact_distribution():
    # P + D ~ Beta(132, 71) and P / (P + D) ~ Beta(101, 31) are independent: quantiles by quadrature
    found = net_interval(100, 30, 200, prob=0.95, method="dirichlet", rng=1)
    assert found == pytest.approx((24.2705, 44.2667), abs=0.15)


def test_the_same_seed_gives_the_same_interval():
    first, second, third = (
        net_interval(6, 1, 10, method="dirichlet", rng=seed) for seed in (1, 1, 2)
    )
    assert first == second != third


def test_a_posterior_interval_needs_a_seed():
    with pytest.raises(ConfigError, match="pass rng"):
        net_interval(6, 1, 10, method="dirichlet")


def test_the_default_is_the_score_interval_at_ninety_percent():
    assert net_interval(6, 1, 10) == net_interval(6, 1, 10, prob=0.9, method="score")
    assert proportion_interval(3, 9) == proportion_interval(3, 9, prob=0.9, method="score")


@pytest.mark.parametrize("method", ["score", "jeffreys", "clopper_pearson"])
def test_no_success_and_nothing_but_success_touch_the_border(method):
    assert proportion_interval(0, 8, method=method).low == 0
    assert proportion_interval(8, 8, method=method).high == 1
    assert proportion_interval(0, 8, method=method).high > 0.1


def test_clopper_pearson_is_the_exact_interval_of_scipy():
    exact = stats.binomtest(7, 23).proportion_ci(0.9, method="exact")
    found = proportion_interval(7, 23, method="clopper_pearson")
    assert found == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_wilson_is_the_interval_of_scipy():
    wilson = stats.binomtest(7, 23).proportion_ci(0.9, method="wilson")
    assert proportion_interval(7, 23) == pytest.approx((wilson.low, wilson.high), abs=1e-12)


def test_student_t_of_one_answer_is_missing():
    assert np.isnan(mean_interval([0, 1, 0], [1, 2, 3], method="t")).all()


def test_goodman_widens_with_the_number_of_categories():
    table = goodman_intervals([30, 70, 100], prob=0.9)
    z = np.sqrt(stats.chi2.ppf(1 - 0.1 / 3, 1))
    single = proportion_interval(30, 200, prob=2 * stats.norm.cdf(z) - 1)
    assert (table.loc[0, "conf_low"], table.loc[0, "conf_high"]) == pytest.approx(single)
    assert table["estimate"].tolist() == [0.15, 0.35, 0.5]
    assert table["conf_low"].iloc[2] < proportion_interval(100, 200).low


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: net_interval(6, 1, 10, prob=95), "Did you mean 0.95"),
        (lambda: net_interval(6, 5, 10), "top \\+ bottom is 11 but n is 10"),
        (lambda: net_interval(6, 1, 10, method="scor"), "Did you mean 'score'"),
        (lambda: net_interval(6, 1, 0), "n is 0"),
        (lambda: net_interval(6, 1, 10, method="dirichlet", prior=0, rng=1), "prior is 0"),
        (lambda: proportion_interval(11, 10), "successes is 11"),
        (lambda: mean_interval([1, 2], [1, 2, 3]), "3 entries"),
        (lambda: mean_interval([1, 2], [1, 1]), "at least two different"),
    ],
)
def test_bad_options_are_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


def test_bad_counts_are_refused():
    with pytest.raises(WeightError, match="at least 0"):
        mean_interval([1, -2], [1, 2])
    with pytest.raises(DtypeError, match="expected numbers"):
        goodman_intervals(["1", "2"])
