"""The same numbers from a Spark frame as from pandas."""

from __future__ import annotations

import numpy as np
import pytest

from cximpact.effects import (
    ImputationDiD,
    NonlinearDiD,
    SunAbraham,
    SyntheticDiD,
    randomization_test,
    wild_cluster_test,
)
from tests.support.did import panel, staggered_world
from tests.support.engines import spark_session

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]


def test_estimators_and_tests_give_the_same_numbers_from_spark():
    table = staggered_world(np.random.default_rng(1), units=40)[["unit", "t", "y", "g", "c"]]
    rows = [tuple(row) for row in table.astype(object).itertuples(index=False)]
    schema = "unit long, t long, y double, g double, c long"
    frame = spark_session().createDataFrame(
        [(u, t, y, float(g), c) for u, t, y, g, c in rows], schema=schema
    )
    for estimator in (
        ImputationDiD(),
        SunAbraham(),
        SyntheticDiD(inference="jackknife"),
        NonlinearDiD(trend="difference"),
    ):
        expected, found = (estimator.fit(panel(f), rng=1) for f in (table, frame))
        np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-9)
        np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-9)
    for test in (wild_cluster_test, randomization_test):
        expected, found = (test(panel(f), replications=199, rng=1) for f in (table, frame))
        assert found.p_value == expected.p_value
        assert found.estimate == pytest.approx(expected.estimate, rel=1e-9)
