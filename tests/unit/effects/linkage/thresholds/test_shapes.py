import numpy as np
import pytest

from cximpact.core.errors import ConfigError, InsufficientDataError
from cximpact.effects.linkage.thresholds.shapes import candidates

SCORES = np.arange(11.0)


def listed(shape="any", observed=SCORES, **options):
    return candidates(
        observed, shape, **({"levels": None, "prior": None, "model_prior": None} | options)
    )


def test_every_score_but_the_lowest_may_be_a_threshold():
    found = listed("step")
    assert found.grid.tolist() == list(range(1, 11))
    assert found.names == ("step", "none")


def test_a_kink_has_room_above_it():
    found = listed()
    kinks = found.threshold[found.is_model("kink")]
    assert kinks.tolist() == list(range(1, 10))
    assert found.names == ("step", "kink", "linear", "none")


def test_prior_probabilities_add_up_and_models_count_alike():
    found = listed()
    p = np.exp(found.log_prior)
    assert p.sum() == pytest.approx(1)
    for name in found.names:
        assert p[found.is_model(name)].sum() == pytest.approx(0.25)


def test_prior_weights_are_kept():
    found = listed("step", prior={6: 3.0, 7: 1.0}, model_prior={"step": 3, "none": 1})
    assert found.threshold[:2].tolist() == [6, 7]
    assert np.exp(found.log_prior) == pytest.approx([0.75 * 0.75, 0.75 * 0.25, 0.25])
    assert found.grid.tolist() == [6, 7]


def test_heights_of_each_shape():
    found = listed(levels=[4])
    step, kink, linear, none = (found.heights(i, np.array([0.0, 4.0, 7.0, 10.0])) for i in range(4))
    assert step.tolist() == [0, 1, 1, 1]
    assert kink.tolist() == [0, 0, 0.5, 1]
    assert linear.tolist() == [0, 0.4, 0.7, 1]
    assert none.tolist() == [0, 0, 0, 0]


def test_beyond_the_ends_shapes_are_flat():
    found = listed(levels=[4])
    for i in (1, 2):
        assert found.heights(i, np.array([-3.0, 14.0])).tolist() == [0, 1]


@pytest.mark.parametrize("outside", [0, 11])
def test_a_threshold_has_people_on_both_sides(outside):
    with pytest.raises(ConfigError, match=rf"levels has {outside}.*run from 0 to 10"):
        listed(levels=[5, outside])


def test_a_score_with_very_many_values_needs_a_grid():
    many = np.linspace(0, 1, 200)
    with pytest.raises(ConfigError, match="200 different values"):
        listed("step", many)
    assert listed("step", many, levels=[0.25, 0.5]).grid.tolist() == [0.25, 0.5]


def test_too_few_levels_are_refused():
    with pytest.raises(InsufficientDataError, match="1 levels"):
        listed("step", np.array([3.0]))
    with pytest.raises(InsufficientDataError, match="at least 3"):
        listed("any", np.array([0.0, 1.0]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prior": {20: 1.0}}, "threshold 20"),
        ({"prior": {5: 0.0}}, "all thresholds weight 0"),
        ({"prior": {5: -1.0}}, r"prior\[5\]"),
        ({"model_prior": {"step": 1.0}}, "weight for each of step, kink"),
        ({"levels": [10]}, "kink at the highest score"),
    ],
)
def test_strange_priors_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        listed(**options)


def test_a_strange_shape_is_refused():
    with pytest.raises(ConfigError, match="shape"):
        listed("cliff")
