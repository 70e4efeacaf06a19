"""One seed in, named streams out."""

import numpy as np
import pytest

from cximpact.core.errors import ConfigError
from cximpact.core.rng import as_generator, seed_of, spawn


def first(*streams):
    return [float(s.random()) for s in streams]


def test_a_stream_depends_on_the_seed_and_its_name_alone():
    a, b = first(*spawn(1, "impute", "effect"))
    assert first(*spawn(1, "effect", "new", "impute"))[::2] == [b, a]
    assert first(*spawn(2, "impute")) != [a]


def test_streams_of_different_names_are_unrelated():
    a, b = (s.normal(size=5000) for s in spawn(1, "one", "two"))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(5000)
    assert not np.array_equal(a, as_generator(1).normal(size=5000))


def test_the_stream_of_a_name_is_the_same_everywhere():
    assert spawn(1, "pair")[0].integers(0, 10**9) == 595756087


def test_a_name_cannot_be_used_twice():
    with pytest.raises(ConfigError, match=r"\['a'\] share a name"):
        spawn(1, "a", "b", "a")


def test_a_generator_is_advanced_once_and_gives_new_streams_each_time():
    rng = np.random.default_rng(1)
    one, two = first(*spawn(rng, "a")), first(*spawn(rng, "a"))
    assert one != two
    fresh = np.random.default_rng(1)
    assert first(*spawn(fresh, "x", "y", "a"))[2:] == one
    assert fresh.random() != np.random.default_rng(1).random()


def test_a_seed_sequence_is_as_good_as_a_seed():
    sequence = np.random.SeedSequence(5)
    assert first(*spawn(sequence, "a")) == first(*spawn(np.random.SeedSequence(5), "a"))


def test_seeds_come_back_and_generators_are_reduced_to_one():
    assert seed_of(7) == 7 and seed_of(np.int64(7)) == 7 and seed_of(2**70) == 2**70
    assert seed_of(np.random.default_rng(1)) == seed_of(np.random.default_rng(1))
    assert seed_of(None) != seed_of(None)


def test_a_generator_is_taken_as_it_is():
    rng = np.random.default_rng(1)
    assert as_generator(rng) is rng
    assert as_generator(3).random() == np.random.default_rng(3).random()


@pytest.mark.parametrize("bad", [-1, True, 1.0, "1", [1], np.bool_(1), np.random.RandomState(1)])
def test_other_seeds_are_refused(bad):
    for function in (as_generator, seed_of, lambda rng: spawn(rng, "a")):
        with pytest.raises(ConfigError, match="expected a whole number from 0"):
            function(bad)
