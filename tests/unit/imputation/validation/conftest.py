"""An imputer that knows the truth, or is wrong in a known way: no fit, so tests are cheap."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
import pytest
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.rng import as_generator
from cximpact.core.sample_order import fitted_order, frozen
from cximpact.imputation import ImputedScores
from tests.support.synthetic_imputed import CUTS, customer_frame, synthetic, wave_of

EFFECTS = {"a": -0.6, "b": 0.0, "c": 0.3, "d": 0.8}


@dataclass
class KnowsTheTruth:
    """Its draws lie around the truth of `customer_frame`, whatever the counts.

    ``stretch`` spreads the cutpoints (below 1: answers seem to lie at the ends), ``shift`` moves
    all answers, ``segments`` scales the effects of the segments.
    """

    like: ImputedScores
    stretch: float = 1.0
    shift: float = 0.0
    segments: float = 1.0
    sd: float = 0.02
    fitted: list = field(default_factory=list)

    def fit_cells(self, cells, *, rng, wave=None):
        stream = as_generator(rng)
        self.fitted.append(cells)
        labels = self.like.design.levels["segment"]
        effect = self.segments * np.array([EFFECTS[x] for x in labels])
        noise = stream.normal(0, self.sd, (100, 1))
        middle = CUTS.mean()
        cuts = middle + self.stretch * (CUTS - middle) - effect.mean() - self.shift + noise
        variables = {"cuts": (("sample", "cut"), cuts)}
        for term in self.like.design.effects:
            values = effect - effect.mean() if term.name == "segment" else np.zeros(term.n_levels)
            variables[term.effect] = (("sample", term.name), np.tile(values, (100, 1)))
        draws = dr.with_order(frozen(xr.Dataset(variables)), fitted_order("known", []))
        return dataclasses.replace(self.like, draws=draws, cells=cells)


@pytest.fixture(scope="session")
def like():
    """The shell of a fit: cells, design and wave of 6,000 customers."""
    return synthetic(wave_of(customer_frame(n=6000, seed=13, rate=0.4)), n_draws=20)


@pytest.fixture(scope="session")
def known(like):
    """Make a fit whose imputer knows the truth, or is wrong in the way that is asked for."""

    def make(base=like, **wrong):
        imputer = KnowsTheTruth(base, **wrong)
        return dataclasses.replace(imputer.fit_cells(base.cells, rng=0), imputer=imputer)

    return make
