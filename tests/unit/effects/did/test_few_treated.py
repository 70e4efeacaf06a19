"""Inference with few treated clusters: by hand, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ClusterError, DesignError, ZeroVarianceError
from cximpact.effects import TwoByTwo
from tests.support.did import STAGGERED, cross_section, fixture_f1, panel, people, simple_panel

FEW_TREATED = TwoByTwo(inference="few_treated")


def four_groups(sizes=(1, 1, 1, 1)):
    """Three untreated groups that change by 0, 3 and 6, a treated one that changes by 7."""
    rows = [
        (group, t, base + noise, 2.0 if group == "d" else np.inf)
        for (group, after), times in zip(
            [("a", 0), ("b", 3), ("c", 6), ("d", 7)], sizes, strict=True
        )
        for t, base in ((1, 0), (2, after))
        for noise in (0.0, 2.0) * times
    ]
    return pd.DataFrame(rows, columns=["group", "t", "y", "g"])


def test_four_equal_groups_by_hand():
    # noise of a person 2, of a change 2 (1/2 + 1/2) = 2; shock (6 - 4/3) / (2/3) = 7
    result = FEW_TREATED.fit(cross_section(four_groups()))
    assert float(result.estimate) == pytest.approx(4.0)
    assert float(result.std_error) == pytest.approx(np.sqrt((7 + 2) + (7 + 2) / 3))
    assert result.details["shock_sd"] == pytest.approx(np.sqrt(7))
    assert result.df == 2
    changes = result.details["changes"].set_index("cluster")
    assert changes["change"].to_dict() == pytest.approx({"a": -3, "b": 0, "c": 3, "d": 4})
    assert changes["noise"].tolist() == pytest.approx([2] * 4)


def test_unequal_groups_by_hand():
    # untreated b has three times the people, so a share of 3/5 and a third of the noise
    result = FEW_TREATED.fit(cross_section(four_groups((1, 3, 1, 1))))
    share, noise = np.array([0.2, 0.6, 0.2]), np.array([2.0, 2 / 3, 2.0])
    noise *= 12 * 2 / (24 - 8) / 2  # the variance of a person: 24 squares over 16
    observed = share @ np.array([-3.0, 0, 3]) ** 2
    shock = (observed - (share * (1 - share)) @ noise) / (1 - share @ share)
    variance = (shock + noise[0]) + share**2 @ (shock + noise)
    assert float(result.estimate) == pytest.approx(4.0)
    assert float(result.std_error) == pytest.approx(np.sqrt(variance))


def test_a_shock_below_the_sampling_noise_counts_as_none():
    table = four_groups()
    table["y"] = table["y"].where(table["g"].notna(), 0) + np.where(table.index % 2, 50.0, -50.0)
    result = FEW_TREATED.fit(cross_section(table))
    assert result.details["shock_sd"] == 0
    assert float(result.std_error) > 50


def test_naming_the_cluster_changes_nothing():
    table = people(np.random.default_rng(1))
    plain = FEW_TREATED.fit(cross_section(table), rng=1)
    named = FEW_TREATED.fit(cross_section(table, cluster="group"), rng=1)
    assert float(plain.std_error) == pytest.approx(float(named.std_error), rel=1e-12)
    assert float(plain.estimate) == pytest.approx(float(named.estimate), rel=1e-12)
    assert plain.details["shock_sd"] == pytest.approx(named.details["shock_sd"])


def test_the_size_of_the_weights_does_not_matter():
    table = people(np.random.default_rng(2))
    one = FEW_TREATED.fit(cross_section(table, weight="w"), rng=1)
    other = FEW_TREATED.fit(cross_section(table.assign(w=table["w"] * 1000), weight="w"), rng=1)
    assert float(one.std_error) == pytest.approx(float(other.std_error), rel=1e-9)


def test_a_panel_of_units_has_no_sampling_noise():
    result = FEW_TREATED.fit(panel(simple_panel(np.random.default_rng(3))))
    assert (result.details["changes"]["noise"] == 0).all()
    changes = result.details["changes"]
    control = changes.loc[~changes["treated"], "change"]
    n_treated = changes["treated"].sum()
    expected = control.var(ddof=1) * (1 / n_treated + 1 / len(control))
    assert float(result.std_error) ** 2 == pytest.approx(expected)


def test_clusters_seen_on_one_side_are_left_out_and_counted():
    table = four_groups((1, 1, 1, 1))
    extra = pd.DataFrame({"group": "e", "t": 2, "y": [5.0, 7.0], "g": np.inf})
    result = FEW_TREATED.fit(cross_section(pd.concat([table, extra])))
    assert "1 clusters are not seen both before and after" in result.explain()
    assert "e" not in set(result.details["changes"]["cluster"])


@pytest.mark.filterwarnings(STAGGERED)
@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        (lambda: panel(fixture_f1()), DesignError, "one start of treatment"),
        (
            lambda: panel(simple_panel(np.random.default_rng(4)), covariates=["x"]),
            DesignError,
            "no covariates",
        ),
        (
            lambda: panel(simple_panel(np.random.default_rng(4)), cluster="c"),
            ClusterError,
            "8 of 8",
        ),
        (lambda: cross_section(four_groups().query("group != 'a'")), ClusterError, "2 untreated"),
        (
            lambda: cross_section(four_groups().assign(y=lambda d: (d["g"] == 2) * (d["t"] - 1.0))),
            ZeroVarianceError,
            "change alike",
        ),
        (
            lambda: cross_section(
                pd.concat([four_groups(), four_groups().query("group == 'd'").assign(t=3)])
            ),
            DesignError,
            "nobody untreated is seen in period 3",
        ),
    ],
)
def test_what_it_refuses(data, error, match):
    with pytest.raises(error, match=match):
        FEW_TREATED.fit(data())
