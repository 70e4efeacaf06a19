"""Every public name exists, and the reference lists exactly these."""

import importlib

import pytest

import cximpact
from scripts import reference
from tests.architecture import source

LISTED = [r for r in source.rooms() if hasattr(importlib.import_module(r), "__all__")]


@pytest.mark.parametrize("room", LISTED)
def test_every_listed_name_exists_and_is_listed_once(room: str):
    module = importlib.import_module(room)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("room", reference.rooms())
def test_the_reference_page_lists_the_public_names(room: str):
    path = reference.page_path(room)
    assert path.exists(), "run python scripts/reference.py"
    assert path.read_text() == reference.expected(room), "run python scripts/reference.py"


def test_no_page_is_left_over():
    listings = {p.stem for p in reference.PAGES.glob("*.md") if reference.MARK in p.read_text()}
    assert listings <= set(reference.rooms())


def test_only_packages_have_an_all():
    assert [source.where(p) for p in source.package_files() if _has_all(p)] == []


def _has_all(path) -> bool:
    return path.name != "__init__.py" and "\n__all__ =" in path.read_text()


def test_the_top_offers_every_room():
    rooms = {name.split(".")[1] for name in source.rooms() if name.count(".") == 1} - {"cli"}
    assert rooms <= set(cximpact.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_room"):
        _ = cximpact.no_such_room
