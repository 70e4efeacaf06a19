import numpy as np
import pandas as pd
import pytest

from cximpact.core.causal import is_causal
from cximpact.core.errors import (
    AssumptionWarning,
    ConfigError,
    DataError,
    DtypeError,
    MissingColumnError,
    MissingValueError,
    RankError,
    UnseenLevelError,
)
from cximpact.effects.linkage import true_shares

TWO = pd.DataFrame([[0.9, 0.1], [0.2, 0.8]], index=["bill", "other"], columns=["bill", "other"])


def contacts(n_bill=410, n=1000) -> pd.DataFrame:
    reason = np.repeat(["bill", "other"], [n_bill, n - n_bill])
    return pd.DataFrame({"reason": reason, "store": np.arange(n) % 50})


def shares(frame=None, **changes):
    given = {"category": "reason", "coding": TWO, "rng": 1, "draws": 800}
    return true_shares(contacts() if frame is None else frame, **(given | changes))


def test_two_categories_give_the_estimator_of_rogan_and_gladen():
    found = shares()
    assert float(found.estimate[0]) == pytest.approx((0.41 + 0.8 - 1) / (0.9 + 0.8 - 1), abs=1e-12)
    assert float(found.estimate[0]) == pytest.approx(0.3, abs=1e-12)
    np.testing.assert_allclose(found.draws.sum("category"), 1)
    error = np.sqrt(0.41 * 0.59 / 1000) / 0.7
    assert found.summary()["std_error"].iloc[0] == pytest.approx(error, rel=0.08)
    assert found.details["coded"] == {"bill": 0.41, "other": 0.59}
    assert not is_causal(found)
    np.testing.assert_array_equal(found.draws, shares().draws)


def test_three_categories_are_recovered():
    coding = pd.DataFrame(
        [[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.0, 0.1, 0.9]],
        index=list("abc"),
        columns=list("abc"),
    )
    truth = np.array([0.5, 0.3, 0.2])
    rng = np.random.default_rng(2)
    true = rng.choice(3, 6000, p=truth)
    coded = np.array([rng.choice(3, p=coding.to_numpy()[t]) for t in true])
    frame = pd.DataFrame({"reason": np.array(list("abc"))[coded]})
    rows = shares(frame, coding=coding[["c", "a", "b"]]).summary(0.99)
    assert ((rows["conf_low"] < truth) & (truth < rows["conf_high"])).all()
    naive = np.bincount(coded) / 6000
    assert abs(naive[2] - 0.2) > 0.05


def test_clusters_make_shares_less_sure():
    frame = contacts().assign(store=lambda f: np.arange(len(f)) // 20)
    errors = [shares(frame, cluster=c).summary()["std_error"].iloc[0] for c in (None, "store")]
    assert errors[1] > 3 * errors[0]


def test_a_negative_share_is_pointed_out():
    with pytest.warns(AssumptionWarning, match="true share of 'bill' comes out below 0"):
        found = shares(contacts(150))
    assert float(found.estimate[0]) == pytest.approx(-0.05 / 0.7)


@pytest.mark.parametrize(
    ("frame", "options", "error", "match"),
    [
        (None, {"coding": [[1, 0], [0, 1]]}, DtypeError, "coding is a list"),
        (None, {"coding": TWO.iloc[:1]}, DataError, "the same two or more"),
        (None, {"coding": TWO * 2}, DataError, "do not sum to 1"),
        (None, {"coding": TWO.assign(bill=0.5, other=0.5)}, RankError, "apart"),
        (contacts().assign(reason="fee"), {}, UnseenLevelError, "'fee'"),
        (contacts().assign(reason=None), {}, MissingValueError, "reason"),
        (None, {"category": "raeson"}, MissingColumnError, "raeson.*reason"),
        (None, {"draws": 1}, ConfigError, "draws is 1"),
    ],
)
def test_bad_codings_are_refused(frame, options, error, match):
    with pytest.raises(error, match=match):
        shares(frame, **options)
