"""The page: begins with the answer, stands alone, and runs nothing."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from cximpact import plots, report
from cximpact.core.errors import ConfigError, EmptyDataError
from tests.support.reporting import HALF_PAIR, HOSTILE, Money, effect_result, score_table

TAGS = set(
    "html head meta title style body header h1 div p nav ol ul li a main section h2 h3 figure img "
    "table thead tbody tr th td strong em span dl dt dd footer".split()
)


class Reader(HTMLParser):
    """Collects tags, attributes and text, as a browser would see them."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.stack = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]
        if tag not in ("meta", "img"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if "style" not in self.stack:
            self.text.append(data)

    def values(self, tag, key):
        return [v for t, k, v in self.attributes if (t, k) == (tag, key)]


@pytest.fixture
def page(tmp_path):
    def make(results, **options):
        return report.write(results, tmp_path / "report.html", **options).read_text("utf-8")

    return make


def words(html):
    return " ".join(" ".join(Reader(html).text).split())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    results = {"Effect": effect_result(["north", "south"]), "Worth": Money("NPV"), "Then": "Go on."}
    place = tmp_path_factory.mktemp("page") / "deep" / "report.html"
    return report.write(results, place, title="Onboarding", notes=("One store was left out.",))


def test_the_answer_comes_first(whole):
    text = words(whole.read_text("utf-8"))
    answer, first = "The program is worth 21,000 EUR.", text.index("ATT: onboarding")
    assert 0 < text.index(answer) < first
    assert text.startswith("Onboarding Onboarding The program is worth")


def test_a_given_answer_wins_over_the_headline(page):
    assert "It pays." in words(page({"Worth": Money("x")}, answer="It pays."))
    assert "The program is worth" not in words(page({"Worth": Money("x")}, answer="It pays."))


def test_without_a_headline_the_first_text_is_the_answer(page):
    assert words(page({"One": "First words.", "Two": "Other words."})).count("First words.") == 2


def test_blank_lines_separate_paragraphs(page):
    html = page({"One": "x"}, answer="It pays.\n\nAlmost surely.")
    assert "<p>It pays.</p>" in html and "<p>Almost surely.</p>" in html


def test_every_stage_has_text_picture_table_and_conditions(whole):
    reader = Reader(whole.read_text("utf-8"))
    assert reader.tags.count("img") == 2 and reader.tags.count("table") == 2
    text = words(whole.read_text("utf-8"))
    for part in (
        "not tested no anticipation. Nobody stayed because of it.",
        "Pre-period effects are jointly zero",
        "What would change it: A pre-trend 1.2 times",
        "Clusters 40",
        "Estimand ATT: onboarding against none (pp)",
        "Rows 28,800",
        "12 rows without an outcome were dropped.",
        "One store was left out.",
        "ImputationDiD",
        "5f3a9c",
        "Seed 11",
        "cximpact 0.1.0",
    ):
        assert part in text, part


def test_conditions_are_not_said_twice(whole):
    text = words(whole.read_text("utf-8"))
    assert text.count("parallel trends") == 1 and "This rests on" not in text
    assert text.count("12 rows without an outcome were dropped.") == 1


def test_fractions_are_shown_in_points_of_percent(whole):
    html = whole.read_text("utf-8")
    assert "Estimate, percentage points" in html
    assert re.search(r'<td class="number">5\.\d</td>', html)


def test_the_page_asks_for_nothing_and_runs_nothing(whole):
    html = whole.read_text("utf-8")
    reader = Reader(html)
    assert set(reader.tags) <= TAGS
    assert all(v.startswith("data:image/svg+xml;base64,") for v in reader.values("img", "src"))
    assert all(v.startswith("#") for v in reader.values("a", "href"))
    assert not [k for _, k, _ in reader.attributes if k.startswith("on") or k == "style"]
    policy = next(v for v in reader.values("meta", "content") if v.startswith("default-src"))
    assert policy.startswith("default-src 'none'; img-src data:;") and "script" not in policy
    assert "url(" not in html and "@import" not in html


def test_the_policy_allows_exactly_our_style(whole):
    html = whole.read_text("utf-8")
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in html
    assert "@media print" in style and "@page" in style and "prefers-color-scheme: dark" in style


def test_the_page_is_accessible(whole):
    reader = Reader(whole.read_text("utf-8"))
    assert reader.values("html", "lang") == ["en"]
    assert all(reader.values("img", "alt"))
    assert len(reader.values("th", "scope")) == reader.tags.count("th")
    ids = [v for _, k, v in reader.attributes if k == "id"]
    assert len(ids) == len(set(ids))
    assert {v[1:] for v in reader.values("a", "href")} == set(ids)
    assert not reader.stack


def test_the_same_results_give_the_same_page(whole, page):
    results = {"Effect": effect_result(["north", "south"]), "Worth": Money("NPV"), "Then": "Go on."}
    again = page(results, title="Onboarding", notes=("One store was left out.",))
    assert again == whole.read_text("utf-8")


def test_hostile_text_stays_text_everywhere(page):
    evil = " ".join(HOSTILE[:9])
    table = score_table(list(HOSTILE)).assign(**{f"{evil}": evil})
    figure = plots.scores(table, x="segment", title=evil, unit=evil)
    results = {
        evil: report.Section("", f"{evil} {HALF_PAIR}", table, figure, notes=(evil,), closing=evil),
        f"{evil} 2": effect_result(list(HOSTILE[:9]), text=evil),
        "money": Money(evil),
    }
    html = page(results, title=evil, answer=evil, notes=(evil,))
    reader = Reader(html)
    assert set(reader.tags) <= TAGS and reader.tags.count("img") == 3
    assert not [k for _, k, _ in reader.attributes if k.startswith("on")]
    assert html.count("<style>") == 1 and html.count("</style>") == 1
    text = "".join(reader.text)
    assert "<script>alert(1)</script>" in text and "{{ 7 * 7 }}" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", html)
    for source in reader.values("img", "src"):
        svg = base64.b64decode(source.partition(",")[2]).decode()
        assert (
            "<script" not in svg and "onload" not in re.sub("&[a-z]+;", "", svg).split("<text")[0]
        )


def test_an_unreliable_fit_is_said_before_the_numbers(page):
    result = effect_result()
    marked = type(result)(
        **{f: getattr(result, f) for f in result.__dataclass_fields__}
        | {"draws": result.draws.assign_attrs(unreliable="R-hat 1.02")}
    )
    text = words(page({"Effect": marked}, answer="See below."))
    assert 0 < text.index("Note: Unreliable: R-hat 1.02.") < text.index("att is")


def test_small_groups_are_blanked_and_the_page_says_so(page):
    table = score_table(["a", "b", "c", "d"]).assign(n=[500, 7, 300, 40])
    text = words(page({"Scores": table}))
    assert "<10" in text and "hidden" in text and "Groups of fewer than 10 are not shown" in text
    assert "b <10 – – –" in text.replace("  ", " ") or "b – – – <10" in text
    assert "Groups of fewer" not in words(page({"Scores": table.assign(n=99)}))


def test_the_size_of_a_fit_is_no_group(page):
    text = words(page({"Effect": effect_result(n=7)}))
    assert "<10" not in text and "Rows 7" in text


def test_groups_in_the_table_of_a_fit_are_blanked_too(page):
    class Scored(Money):
        def summary(self):
            return score_table(["a", "b", "c"]).assign(n=[500, 7, 300])

    assert "<10" in words(page({"Scores": Scored("x")}))


def test_long_tables_are_cut_and_counted(page):
    text = words(page({"Scores": score_table(list(range(75)))}))
    assert "15 more rows are not printed here." in text


def test_a_section_keeps_its_own_title(page):
    text = words(page({"key": report.Section("Own title", "Text."), "other": "x"}))
    assert "Own title" in text and "key" not in text


@pytest.mark.parametrize(
    ("results", "error", "message"),
    [
        ({}, EmptyDataError, "0 entries"),
        ([1], ConfigError, "results is a list; expected a mapping"),
        ({"a": 3}, ConfigError, "section 'a' holds a int; expected a result with explain"),
        ({"a": Money}, ConfigError, "section 'a' holds a type"),
        ({"a": report.Section("a", "b", None, "figure")}, ConfigError, "is a str; expected a mat"),
    ],
)
def test_what_is_no_result_is_refused_and_nothing_is_written(results, error, message, tmp_path):
    with pytest.raises(error, match=message):
        report.write(results, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_a_folder_one_text_as_notes_and_a_wrong_table_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="is the folder"):
        report.write({"a": "b"}, tmp_path)
    with pytest.raises(ConfigError, match="notes is one text"):
        report.write({"a": "b"}, tmp_path / "r.html", notes="one")
    with pytest.raises(ConfigError, match="table of section 'a' is a list"):
        report.Section("a", "b", [1])
    with pytest.raises(ConfigError, match="notes of a section is one text"):
        report.Section("a", "b", notes="one")


def test_results_are_left_alone(page):
    table = score_table(["a", "b"]).assign(n=[5, 900])
    before = table.copy()
    page({"Scores": table})
    pd.testing.assert_frame_equal(table, before)
