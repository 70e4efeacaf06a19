"""Laws of thresholds and curves of behavior by score."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.errors import DataError, DesignError
from cximpact.effects.linkage import dose_response, threshold

COUNTS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=2, max_size=6)
FEW = settings(max_examples=25, deadline=None)


def frame_of(counts):
    """Rows with ``yes`` ones and ``no`` zeros at each score."""
    parts = [np.repeat([1.0, 0.0], pair) for pair in counts]
    scores = np.repeat(np.arange(len(counts)), [len(p) for p in parts])
    return pd.DataFrame({"s": scores, "y": np.concatenate(parts)})


def found(frame, **options):
    """A threshold, or None where the data are refused by name."""
    try:
        return threshold(frame, score="s", outcome="y", rng=1, draws=50, **options)
    except (DataError, DesignError):
        return None


@FEW
@given(COUNTS, st.integers(0, 99), st.sampled_from([1.0, 0.5, 3.0]))
def test_order_of_rows_names_of_levels_and_yes_for_no_change_nothing(counts, seed, scale):
    frame = frame_of(counts)
    first = found(frame)
    if first is None:
        return
    other = frame.sample(frac=1, random_state=seed)
    other = pd.DataFrame({"s": scale * other["s"] - 2, "y": 1 - other["y"]})
    second = found(other)
    assert second.threshold_probability.values == pytest.approx(first.threshold_probability.values)
    assert second.log_bayes_factor == pytest.approx(first.log_bayes_factor)
    grid = scale * first.threshold_probability.coords["threshold"].values - 2
    assert second.threshold_probability.coords["threshold"].values == pytest.approx(grid)


@FEW
@given(COUNTS, st.sampled_from(["step", "kink", "any"]))
def test_probabilities_are_probabilities_or_the_data_are_refused(counts, shape):
    result = found(frame_of(counts), shape=shape)
    if result is None:
        return
    for p in (result.threshold_probability, result.model_probability):
        assert float(p.sum()) == pytest.approx(1)
        assert float(p.min()) >= 0
    behavior = result.behavior().values
    assert ((behavior >= 0) & (behavior <= 1)).all()


@FEW
@given(COUNTS)
def test_a_curve_in_order_keeps_the_mean_and_its_order(counts):
    frame = frame_of(counts)
    try:
        curve = dose_response(frame, score="s", outcome="y", rng=1, draws=50)
    except (DataError, DesignError):
        return
    n = frame.groupby("s").size().to_numpy()
    assert (np.diff(curve.estimate.values) >= -1e-12).all()
    assert n @ curve.estimate.values / n.sum() == pytest.approx(frame["y"].mean())
