from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cximpact.core.errors import MissingColumnError, WeightError
from cximpact.imputation.margins import rake_frame
from tests.support.synthetic_imputed import customer_frame, synthetic, wave_of


@pytest.fixture(scope="module")
def imputed():
    return synthetic(wave_of(customer_frame(3000)))


SEGMENTS = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
CHANNELS = {"phone": 0.7, "web": 0.3}


def test_every_margin_is_the_known_one(imputed):
    raked = rake_frame(imputed.cells, {"segment": SEGMENTS, "channel": CHANNELS})
    total = raked.frame_weight.sum()
    for name, margin in (("segment", SEGMENTS), ("channel", CHANNELS)):
        found = raked.index.assign(w=raked.frame_weight).groupby(name)["w"].sum() / total
        assert dict(found) == pytest.approx(margin, abs=1e-5)


def test_scores_speak_for_the_people_of_the_margins(imputed):
    raked = rake_frame(imputed.cells, {"segment": SEGMENTS})
    found = dataclasses.replace(imputed, cells=raked).score(target="super")
    parts = imputed.score("segment", target="super")
    expected = (parts * np.array(list(SEGMENTS.values()))).sum("segment")
    assert found.values == pytest.approx(expected.values, abs=1e-4)
    finite = dataclasses.replace(imputed, cells=raked).score()
    people = (imputed.score("segment") * np.array(list(SEGMENTS.values()))).sum("segment")
    assert float(finite.mean()) == pytest.approx(float(people.mean()), abs=0.3)


def test_own_margins_change_nothing(imputed):
    share = imputed.cells.index.assign(n=imputed.cells.frame_count).groupby("segment")["n"].sum()
    raked = rake_frame(imputed.cells, {"segment": dict(share)})
    assert raked.frame_weight == pytest.approx(imputed.cells.frame_weight)
    assert raked.weight == pytest.approx(imputed.cells.weight)


def test_margins_that_do_not_fit_are_refused(imputed):
    with pytest.raises(MissingColumnError, match="'regon'"):
        rake_frame(imputed.cells, {"regon": {"x": 1.0}})
    with pytest.raises(WeightError):
        rake_frame(imputed.cells, {"segment": {"a": 0.5, "b": 0.5}})
    with pytest.raises(WeightError):
        rake_frame(imputed.cells, {"segment": SEGMENTS, "channel": {"phone": 7, "web": 3}})
