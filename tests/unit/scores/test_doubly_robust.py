import numpy as np
import pytest

from cximpact.core.errors import DtypeError, NoRespondentsError, OverlapError
from cximpact.scores import doubly_robust_mean
from cximpact.scores.doubly_robust import predict_values


@pytest.fixture
def world() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=20_000)
    s = 3 + 2 * x + rng.normal(size=x.size)
    pi = 1 / (1 + np.exp(-(-0.5 + x)))
    return {"x": x, "s": s, "pi": pi, "seen": np.where(rng.random(x.size) < pi, s, np.nan)}


def test_the_bracket_is_the_formula():
    found = doubly_robust_mean([4.0, np.nan, 1.0], [0.5, 0.4, 0.8], [3.0, 2.0, 2.0])
    bracket = np.array([3 + 1 / 0.5, 2, 2 - 1 / 0.8])
    assert found.estimate == pytest.approx(bracket.mean())
    assert found.std_error == pytest.approx(bracket.std(ddof=1) / np.sqrt(3))


def test_either_model_may_be_wrong(world):
    good, bad = 3 + 2 * world["x"], np.zeros(20_000)
    flat = np.full(20_000, np.isfinite(world["seen"]).mean())
    for pi, m in ((world["pi"], good), (world["pi"], bad), (flat, good)):
        found = doubly_robust_mean(world["seen"], pi, m)
        assert abs(found.estimate - 3) < 4 * found.std_error
    wrong = doubly_robust_mean(world["seen"], flat, bad)
    assert wrong.estimate - 3 > 10 * wrong.std_error


def test_everybody_answered_gives_the_plain_mean():
    values = np.array([1.0, 2, 4])
    found = doubly_robust_mean(values, np.ones(3), np.array([9.0, 9, 9]))
    assert found.estimate == pytest.approx(values.mean())
    assert found.std_error == pytest.approx(values.std(ddof=1) / np.sqrt(3))


def test_predictions_are_least_squares_of_those_who_answered(world):
    design = np.column_stack([np.ones(20_000), world["x"]])
    given = np.isfinite(world["seen"])
    found = predict_values(design, np.where(given, world["s"], 1e6), given.astype(float))
    slope, constant = np.polyfit(world["x"][given], world["s"][given], 1)
    assert found == pytest.approx(constant + slope * world["x"])


@pytest.mark.parametrize(
    ("values", "pi", "error", "message"),
    [
        ([np.nan, np.nan], [0.5, 0.5], NoRespondentsError, "none of 2 values"),
        ([1.0, np.nan], [0.5, 0.0], OverlapError, "runs from 0 to 0.5"),
        ([1.0, np.nan], [0.5, 1.5], OverlapError, "up to 1"),
        ([1.0], [0.5, 0.5], DtypeError, "of one length"),
        (["1", "2"], [0.5, 0.5], DtypeError, "expected numbers"),
    ],
)
def test_bad_input_is_refused(values, pi, error, message):
    with pytest.raises(error, match=message):
        doubly_robust_mean(values, pi, [1.0, 1.0])
