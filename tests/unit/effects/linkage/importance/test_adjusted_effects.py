import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ZeroVarianceError
from cximpact.effects.linkage.importance.adjusted_effects import adjusted_effects
from cximpact.effects.linkage.rows import link_rows
from cximpact.effects.sensitivity import confounding


def frame(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    store = np.arange(n) % 20
    x = rng.standard_normal((n, 3)) + rng.standard_normal((n, 1))
    y = 0.5 * x[:, 0] + 0.2 * x[:, 1] + rng.standard_normal(20)[store] + rng.standard_normal(n)
    return pd.DataFrame(x, columns=list("abc")).assign(y=y, store=store)


def fitted(data: pd.DataFrame, names="abc", places=((0,), (1,), (2,)), **roles):
    rows = link_rows(data, {"x": "a", "y": "y"}, **roles)
    columns = data[[*"abc", "y"]].to_numpy()
    return adjusted_effects(rows, columns, list(names), places)


@pytest.mark.parametrize("cluster", [None, "store"])
def test_coefficients_and_robustness_are_those_of_the_sensitivity_analysis(cluster):
    data = frame()
    found = fitted(data, cluster=cluster).table(0.9).set_index("driver")
    for name in "abc":
        others = [c for c in "abc" if c != name]
        alone = confounding(data, "y", name, others, cluster, alpha=0.1)
        row = found.loc[name]
        assert row["estimate"] == pytest.approx(alone.regression.estimate)
        assert row["partial_r2"] == pytest.approx(alone.partial_r2)
        assert row["robustness"] == pytest.approx(alone.robustness)
        if cluster:
            assert row["std_error"] == pytest.approx(alone.regression.test_error)
            half = (row["conf_high"] - row["conf_low"]) / 2
            assert half == pytest.approx(1.729133 * row["std_error"], rel=1e-5)  # t, 19 df
        else:
            assert row["robustness_test"] == pytest.approx(alone.robustness_test)


def test_without_clusters_errors_allow_for_unequal_variances():
    data = frame()
    x = np.column_stack([np.ones(200), data[list("abc")]])
    inverse = np.linalg.inv(x.T @ x)
    residual = data["y"] - x @ (inverse @ x.T @ data["y"])
    cov = inverse @ (x.T * residual.to_numpy() ** 2) @ x @ inverse * 200 / 196
    np.testing.assert_allclose(fitted(data).std_error, np.sqrt(np.diag(cov))[1:])


def test_weights_count():
    data = frame().assign(w=np.r_[np.full(100, 2.0), np.full(100, 0.5)])
    x = np.column_stack([np.ones(200), data[list("abc")]])
    w = data["w"].to_numpy()[:, None]
    expected = np.linalg.solve(x.T @ (w * x), x.T @ (w[:, 0] * data["y"]))
    np.testing.assert_allclose(fitted(data, weight="w").estimate, expected[1:])


def test_a_group_rises_together():
    data = frame()
    alone, joint = fitted(data), fitted(data, ("a", "b + c"), ((0,), (1, 2)))
    assert joint.estimate[1] == pytest.approx(alone.estimate[1] + alone.estimate[2])
    # the same as the coefficient of the sum, with the difference beside it
    data["sum"], data["difference"] = (data["b"] + data["c"]) / 2, data["b"] - data["c"]
    fit = confounding(data, "y", "sum", ["a", "difference"])
    assert joint.estimate[1] == pytest.approx(fit.regression.estimate)
    assert joint.table()["robustness"][1] == pytest.approx(fit.robustness)


def test_what_the_data_cannot_tell_is_missing():
    data = frame()
    data["c"] = data["a"] + data["b"]
    found = fitted(data, ("a", "all"), ((0,), (0, 1, 2))).table()
    assert found["estimate"].isna().tolist() == [True, True]
    assert found["robustness"].isna().all()
    data["c"] = data["b"]
    found = fitted(data, ("a", "b + c"), ((0,), (1, 2))).table()
    assert found["estimate"].notna().all()
    assert found["estimate"][1] == pytest.approx(
        np.linalg.lstsq(np.column_stack([np.ones(200), data["a"], data["b"]]), data["y"],
                        rcond=None)[0][2]
    )  # fmt: skip


def test_a_perfect_fit_is_refused():
    data = frame()
    data["y"] = data["a"] + data["b"]
    with pytest.raises(ZeroVarianceError, match="exactly"):
        fitted(data)
