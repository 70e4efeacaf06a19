import pytest

from cximpact.core.errors import ConfigError
from cximpact.scores import CSAT5, CSAT7, NPS, PSAT, ces_scale, statistic_of


@pytest.mark.parametrize(
    ("scale", "name", "top", "values"),
    [
        (CSAT5, "score", None, [1, 2, 3, 4, 5]),
        (CSAT5, "top_box", None, [0, 0, 0, 1, 1]),
        (CSAT5, "top_box", 1, [0, 0, 0, 0, 1]),
        (CSAT7, "top_box", 3, [0, 0, 0, 0, 1, 1, 1]),
        (CSAT5, "net", None, [-100, -100, 0, 100, 100]),
        (CSAT5, "net", 1, [-100, 0, 0, 0, 100]),
        (PSAT, "score", None, [0, 1]),
        (PSAT, "top_box", None, [0, 1]),
        (ces_scale(7, higher_is_better=True), "top_box", None, [0, 0, 0, 0, 1, 1, 1]),
        (ces_scale(7, higher_is_better=False), "top_box", None, [1, 1, 1, 0, 0, 0, 0]),
        (ces_scale(7, higher_is_better=False), "net", None, [100, 100, 0, 0, 0, -100, -100]),
        (ces_scale(7, higher_is_better=False), "top_box", 1, [1, 0, 0, 0, 0, 0, 0]),
        (NPS, "top_box", None, [0] * 9 + [1, 1]),
        (NPS, "mean", None, list(range(11))),
    ],
)
def test_each_answer_counts_for_what_the_statistic_says(scale, name, top, values):
    assert statistic_of(scale, name, top).values.tolist() == values


def test_the_net_of_the_nps_scale_is_the_nps():
    assert (statistic_of(NPS, "net").values == statistic_of(NPS).values).all()


def test_an_unknown_statistic_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'top_box'"):
        statistic_of(CSAT5, "topbox")


@pytest.mark.parametrize("top", [5, 6])
def test_boxes_must_leave_some_answers_out(top):
    with pytest.raises(ConfigError, match="only 5 answers"):
        statistic_of(CSAT5, "top_box", top)


def test_best_and_worst_boxes_may_not_overlap():
    with pytest.raises(ConfigError, match="overlap"):
        statistic_of(CSAT5, "net", 3)


def test_values_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        statistic_of(NPS).values[0] = 1
