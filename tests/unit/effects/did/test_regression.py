"""Two-way fixed effects against dense least squares with dummies and a sandwich by hand."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ClusterError, InsufficientDataError, RankError
from cximpact.effects import TwoByTwo
from cximpact.effects.did.design import did_table
from cximpact.effects.did.regression import residualize, two_way_fit
from tests.support import golden
from tests.support.did import (
    FEW,
    STAGGERED,
    cross_section,
    dense_fit,
    fixture_f1,
    panel,
    people,
    simple_panel,
    treated,
)

PRINTED = golden.load("did_f1")


def fit(data):
    did = did_table(data)
    return two_way_fit(did, did.treated.to_frame("treated"))


def factor(g, n, k):
    return g / (g - 1) * (n - 1) / (n - k)


def check_dense(data, table, terms, *, nested=0, g, **options):
    """Compare with the dense fit; ``nested`` parameters do not count."""
    found = fit(data)
    beta, raw, rank = dense_fit(table, terms, **options)
    expected = raw[0, 0] * factor(g, len(table), rank - nested)
    assert found.estimate[0] == pytest.approx(beta[0], rel=1e-9)
    assert found.covariance[0, 0] == pytest.approx(expected, rel=1e-8)
    assert found.df == g - 1


def test_f1_gives_the_printed_numbers():
    found = fit(panel(fixture_f1()))
    raw = np.sqrt(found.covariance[0, 0] / found.factor)
    assert golden.close(found.estimate[0], PRINTED["two_way"])
    assert golden.close(raw, PRINTED["raw_std_error"])
    assert golden.close(np.sqrt(found.covariance[0, 0]), PRINTED["std_error"])
    assert golden.close(found.estimate[0] / raw, PRINTED["raw_t"])
    assert found.factor == pytest.approx(12 / 11 * 71 / 65)


def test_f1_is_biased_by_its_weights_and_not_by_noise():
    table = fixture_f1()
    assert golden.close(
        fit(panel(table, outcome="tau")).estimate[0], PRINTED["two_way_of_true_effects"]
    )
    mean = table["tau"][table["t"] >= table["g"]].mean()
    assert golden.close(mean, PRINTED["mean_effect_on_treated_cells"])


def test_a_balanced_panel_is_dense_least_squares():
    table = simple_panel(np.random.default_rng(1))
    check_dense(panel(table), table, treated(table), nested=23, g=24)


def test_a_panel_with_holes_is_dense_least_squares():
    table = simple_panel(np.random.default_rng(2)).sample(frac=0.8, random_state=3)
    check_dense(panel(table), table, treated(table), nested=23, g=24)


def test_weights_and_covariates_and_holes_together():
    table = simple_panel(np.random.default_rng(4)).sample(frac=0.85, random_state=5)
    terms = np.column_stack([treated(table), table["x"]])
    data = panel(table, weight="w", covariates=["x"])
    check_dense(data, table, terms, nested=23, g=24, weight="w")


def test_clusters_above_the_unit_do_not_count_unit_effects():
    table = simple_panel(np.random.default_rng(6))
    check_dense(panel(table, cluster="c"), table, treated(table), nested=23, g=8, cluster="c")


@pytest.mark.filterwarnings(STAGGERED)
def test_clusters_that_units_change_do_count_unit_effects():
    rng = np.random.default_rng(7)
    table = simple_panel(rng).assign(c=lambda d: rng.integers(0, 12, len(d)))
    check_dense(panel(table, cluster="c"), table, treated(table), g=12, cluster="c")


@pytest.mark.filterwarnings(STAGGERED)
def test_clusters_of_periods_do_not_count_period_effects():
    table = simple_panel(np.random.default_rng(8), periods=12, start=7)
    check_dense(panel(table, cluster="t"), table, treated(table), nested=11, g=12, cluster="t")


def test_people_are_dense_least_squares_whether_reduced_to_cells_or_not():
    table = people(np.random.default_rng(9))
    options = {"entity": "group", "nested": 13, "g": 14}
    check_dense(cross_section(table), table, treated(table), **options)
    check_dense(cross_section(table, cluster="group"), table, treated(table), **options)
    terms = np.column_stack([treated(table), table["x"]])
    check_dense(cross_section(table, covariates=["x"]), table, terms, **options)


@pytest.mark.filterwarnings(STAGGERED)
def test_weighted_people_in_clusters_across_groups():
    rng = np.random.default_rng(10)
    table = people(rng).assign(c=lambda d: rng.integers(0, 11, len(d)))
    data = cross_section(table, weight="w", cluster="c")
    check_dense(data, table, treated(table), entity="group", g=11, cluster="c", weight="w")
    terms = np.column_stack([treated(table), table["x"]])
    data = cross_section(table, weight="w", cluster="c", covariates=["x"])
    check_dense(data, table, terms, entity="group", g=11, cluster="c", weight="w")


def test_a_cross_section_with_the_rows_of_a_panel_is_the_panel():
    table = simple_panel(np.random.default_rng(11))
    one = fit(panel(table))
    other = fit(cross_section(table.rename(columns={"unit": "group"})))
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-10)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-8)


def test_whole_weights_give_the_estimate_of_repeated_rows():
    table = people(np.random.default_rng(12))
    repeated = table.loc[table.index.repeat(table["w"])]
    one, other = fit(cross_section(table, weight="w")), fit(cross_section(repeated))
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-10)


def test_rows_without_weight_do_not_count():
    table = people(np.random.default_rng(13))
    padded = pd.concat([table, table.assign(y=99.0, w=0)], ignore_index=True)
    one, other = fit(cross_section(table, weight="w")), fit(cross_section(padded, weight="w"))
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-9)
    wide = simple_panel(np.random.default_rng(13))
    wide["w"] = wide["w"].where(wide.index % 7 > 0, 0)
    check_dense(
        panel(wide, weight="w"), wide[wide["w"] > 0], treated(wide[wide["w"] > 0]),
        nested=23, g=24, weight="w",
    )  # fmt: skip


def test_residuals_have_no_mean_in_any_unit_or_period():
    table = simple_panel(np.random.default_rng(14)).sample(frac=0.5, random_state=1)
    did = did_table(panel(table, weight="w"))
    left = did.table.assign(r=residualize(did, did.table[["outcome"]] + 1e6)[:, 0])
    for name in ("entity", "time"):
        sums = (left["r"] * left["weight"]).groupby(left[name]).sum()
        np.testing.assert_allclose(sums, 0, atol=1e-8)


def test_a_covariate_that_repeats_the_effects_is_refused():
    table = simple_panel(np.random.default_rng(15)).assign(z=lambda d: d["unit"] + 2.0 * d["t"])
    with pytest.raises(RankError, match=r"covariate\[z\] cannot be told apart"):
        fit(panel(table, covariates=["z"]))


def test_a_treatment_that_repeats_the_effects_is_refused():
    table = simple_panel(np.random.default_rng(16))
    table = table[(table["g"] == 4) | (table["t"] < 4)]
    with pytest.raises(RankError, match="treatment cannot be told apart"):
        TwoByTwo().fit(panel(table))


@pytest.mark.filterwarnings(FEW)
def test_two_clusters_say_nothing_about_their_errors():
    table = people(np.random.default_rng(17), groups=2)
    with pytest.raises(ClusterError, match="2 clusters are fitted exactly"):
        TwoByTwo().fit(cross_section(table))


@pytest.mark.filterwarnings(FEW)
def test_no_more_rows_than_parameters_is_refused():
    table = pd.DataFrame({"unit": [0, 0, 1, 1], "t": [1, 2, 1, 2], "y": [1.0, 3, 2, 2]})
    table = table.assign(g=[2, 2, np.inf, np.inf], x=[1.0, 0, 0, 3])
    with pytest.raises((InsufficientDataError, RankError)):
        fit(panel(table, covariates=["x"]))
