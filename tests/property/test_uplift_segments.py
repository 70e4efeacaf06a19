"""What holds for every uplift by segment, and for every choice of whom to treat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core import draws as dr
from cximpact.core.provenance import Provenance
from cximpact.core.results import EffectPosterior, Estimand
from cximpact.effects.uplift.segment_cells import BINOMIAL, NORMAL
from cximpact.effects.uplift.segment_model import SegmentPosterior
from cximpact.effects.uplift.segment_own import own_effects
from cximpact.effects.uplift.segment_policy import best_policy
from tests.support.segments import PRIORS, counted, drawn_terms

seeds = st.integers(0, 2**32 - 1)
families = st.sampled_from([BINOMIAL, NORMAL])


def made(seed, family, n_arms=1):
    rng = np.random.default_rng(seed)
    rows = rng.integers(1, 300, size=(4, n_arms + 1))
    return counted(rng, drawn_terms(rng, 4, n_arms=n_arms)["terms"], rows, family)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, family=families)
def test_the_order_of_segments_does_not_matter(seed, family):
    cells, order = made(seed, family), [2, 0, 3, 1]
    turned = replace(cells, value=cells.value[order], size=cells.size[order])
    first, second = (SegmentPosterior(c, PRIORS) for c in (cells, turned))
    x = np.random.default_rng(seed).normal(size=first.n_free)
    common = first.n_terms + first.n_common
    w = x[common:].reshape(-1, 2)
    y = np.append(x[:common], w[order] if first.binomial else w)
    assert first.log_density(x)[0] == pytest.approx(second.log_density(y)[0], rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, n_arms=st.integers(1, 3))
def test_a_segment_that_tells_nothing_changes_nothing(seed, n_arms):
    cells = made(seed, NORMAL, n_arms)
    more = replace(
        cells,
        labels=(*cells.labels, "empty"),
        rows=np.vstack([cells.rows, np.zeros(n_arms + 1)]),
        total=np.append(cells.total, 0.0),
        value=np.vstack([cells.value, np.full(n_arms + 1, 3.0)]),
        size=np.vstack([cells.size, np.zeros(n_arms + 1)]),
    )
    first, second = (SegmentPosterior(c, PRIORS) for c in (cells, more))
    x = np.random.default_rng(seed).normal(size=first.n_free)
    assert first.log_density(x)[0] == pytest.approx(second.log_density(x)[0], rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(seed=seeds, family=families)
def test_swapping_the_arms_mirrors_the_interval(seed, family):
    cells = made(seed, family)
    turned = replace(
        cells, value=cells.value[:, ::-1], size=cells.size[:, ::-1], rows=cells.rows[:, ::-1]
    )
    there, back = own_effects(cells), own_effects(turned)
    np.testing.assert_allclose(there["estimate"], -back["estimate"], atol=1e-12)
    np.testing.assert_allclose(there["conf_low"], -back["conf_high"], atol=1e-12)
    assert (there["conf_low"] <= there["estimate"]).all()
    assert (there["conf_high"] >= there["estimate"]).all()


def effect_of(seed):
    rng = np.random.default_rng(seed)
    labels = ["a", "b", "c"]
    values = rng.normal(rng.normal(size=3), 1.0, size=(50, 3))
    return EffectPosterior(
        draws=dr.from_array(values, source="x", dims=("s",), coords={"s": labels}),
        estimand=Estimand(target="cate", contrast="x", scale="outcome", population="all"),
        draw_kind="posterior",
        n=9,
        assumptions=(),
        diagnostics={},
        provenance=Provenance(method="x"),
        would_change_it="",
        details={"customers": dict(zip(labels, rng.integers(0, 99, 3).tolist(), strict=True))},
    )


@settings(max_examples=50, deadline=None)
@given(seed=seeds, value=st.floats(0, 50), cost=st.floats(0, 50), more=st.floats(0, 50))
def test_a_policy_is_never_worse_than_one_for_all(seed, value, cost, more):
    effect = effect_of(seed)
    policy = best_policy(effect, value=value, cost=cost, currency="EUR")
    dearer = best_policy(effect, value=value, cost=cost + more, currency="EUR")
    totals = policy.totals()["estimate"]
    assert totals[0] >= totals.max() - 1e-9 * (1 + abs(totals).max())
    assert dearer.totals()["estimate"][0] <= totals[0] + 1e-9 * (1 + abs(totals[0]))
    assert policy.value_of_information >= -1e-9
    assert 0 <= policy.probability_right <= 1
    for segment, choice in dearer.choice.items():
        assert choice == "do nothing" or policy.choice[segment] == "treat"
