import numpy as np
import pytest
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import check_causal, is_causal
from cximpact.core.errors import AlignmentError, AssumptionWarning, NotCausalError, UnitsError
from cximpact.core.results import EffectPosterior, Estimand, Provenance
from cximpact.effects.linkage.mediators import through_score


def effect(mean: float, scale: str, seed: int, *, causal: bool = True) -> EffectPosterior:
    values = mean + 0.1 * np.random.default_rng(seed).normal(size=2000)
    return EffectPosterior(
        draws=dr.from_array(values, source=f"fit {seed}"),
        estimand=Estimand(target="att", contrast="it", scale=scale, population="all"),
        draw_kind="simulation",
        n=10,
        assumptions=(),
        diagnostics={},
        provenance=Provenance(method=f"fit {seed}"),
        would_change_it="",
        details={"causal": causal},
    )


def test_draws_are_multiplied():
    on_score, link = effect(2.0, "points", 1), effect(0.5, "pp", 2)
    chain = through_score(on_score, link, rng=1)
    product = on_score.draws.mean() * link.draws.mean()
    np.testing.assert_allclose(chain.draws.mean(), product, atol=0.001)
    wanted = np.sqrt(2.0**2 * 0.01 + 0.5**2 * 0.01 + 0.0001)
    np.testing.assert_allclose(chain.draws.std(), wanted, rtol=0.05)
    assert chain.estimand.scale == "pp"
    assert is_causal(chain)


def test_a_measured_effect_comes_first():
    with pytest.warns(AssumptionWarning, match="comes before the chain"):
        chain = through_score(
            effect(2.0, "points", 1), effect(0.5, "pp", 2), direct=effect(0.6, "pp", 3), rng=1
        )
    assert "preferred" in chain.explain()
    with pytest.raises(NotCausalError):
        check_causal(chain)


def test_an_association_makes_no_causal_chain():
    link = effect(0.5, "pp", 2, causal=False)
    assert not is_causal(through_score(effect(2.0, "points", 1), link, rng=1))


def test_units_and_shapes():
    with pytest.raises(UnitsError, match="starts in points"):
        through_score(effect(2.0, "pp", 1), effect(0.5, "pp", 2))
    several = effect(2.0, "points", 1)
    wide = dr.from_array(np.ones((5, 2)), source="w", dims=("segment",), coords={"segment": [1, 2]})
    object.__setattr__(several, "draws", xr.DataArray(wide))
    with pytest.raises(AlignmentError, match="select one number"):
        through_score(several, effect(0.5, "pp", 2))
