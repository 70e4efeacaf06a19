from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cximpact.core.errors import ConfigError
from cximpact.study import parse_study, read_study


def broken(folder, old: str, new: str):
    path = folder / "study.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("currency =", "curency =", r"study\.curency: unknown key.*Did you mean 'currency'"),
        ('currency = "EUR"', 'currency = "euro"', r"study\.currency: .*found 'euro'"),
        ("[scores.nps]", "[score.nps]", r"score: unknown key.*Did you mean 'scores'"),
        ('answer = "nps"', "", r"scores\.nps\.answer: missing"),
        ('scale = "NPS"', 'scale = "NPQ"', r"scores\.nps\.scale"),
        (
            'inference = "cluster"',
            'estimator = "GroupTime"\ninference = "welch"',
            r"effects\.stay: .*is for estimator = 'TwoByTwo'",
        ),
        ('design = "repeated"', 'design = "panel"', r"effects\.stay: .*needs unit and no group"),
        ('effect = "stay"', 'effect = "stray"', r"roi\.initiatives\[0\]\.effect is 'stray'"),
        ("one_off = 5000.0", "one_off = -1.0", r"roi\.initiatives\[0\]\.costs\.one_off"),
        ("one_off = 5000.0", "oneoff = 1.0", r"costs\.oneoff: unknown key.*'one_off'"),
        ("horizon = 2", "horizon = 0", r"roi\.horizon: .*found 0"),
        ("amount = 100.0", "", r"value\.stay: .*exactly one of amount and quantiles"),
        ('inference = "cluster"', 'inference = "clusters"', r"Did you mean 'cluster'"),
        ("[study]", "[study", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_by_its_dotted_path(folder, old, new, message):
    with pytest.raises(ConfigError, match=message):
        read_study(broken(folder, old, new))


def test_all_mistakes_come_at_once(folder):
    path = broken(folder, 'answer = "nps"', "")
    path.write_text(path.read_text().replace("horizon = 2", "horizon = 0"))
    with pytest.raises(ConfigError) as caught:
        read_study(path)
    assert "scores.nps.answer" in str(caught.value)
    assert "roi.horizon" in str(caught.value)


def test_a_missing_file_says_how_to_begin(tmp_path):
    with pytest.raises(ConfigError, match="cximpact init"):
        read_study(tmp_path / "no.toml")


def test_a_huge_or_deep_file_is_refused(tmp_path):
    huge = tmp_path / "huge.toml"
    huge.write_text("# " + "x" * 1_000_001)
    with pytest.raises(ConfigError, match="at most 1,000,000"):
        read_study(huge)
    deep = tmp_path / "deep.toml"
    deep.write_text("a = " + "[" * 20 + "]" * 20)
    with pytest.raises(ConfigError, match="nested deeper"):
        read_study(deep)


KEYS = st.sampled_from(["study", "tables", "scores", "roi", "title", "seed", "x", "effects"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_nothing_but_a_config_error_escapes(content):
    with pytest.raises(ConfigError):
        parse_study(content)


def test_the_starter_is_a_sound_study():
    from importlib import resources

    starter = resources.files("cximpact.study") / "starters" / "onboarding.toml"
    study = parse_study(tomllib.loads(starter.read_text(encoding="utf-8")))
    assert study.roi is not None
