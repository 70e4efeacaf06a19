"""Examples that readers copy: in docstrings and in the README."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import source

README = source.ROOT / "README.md"
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def blocks(path: Path, language: str) -> list[str]:
    """Code blocks of a Markdown page."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("path", source.package_files(), ids=source.where)
def test_examples_in_docstrings_give_what_they_say(path: Path):
    if ">>>" not in path.read_text():
        return
    module = importlib.import_module(source.module_name(path))
    result = doctest.testmod(module, optionflags=FLAGS)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_code_of_the_readme_runs(tmp_path: Path):
    code = "\n".join(blocks(README, "python"))
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(source.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()


def test_the_readme_shows_the_two_lines():
    lines = [line for block in blocks(README, "bash") for line in block.splitlines()]
    setup = "python -m pip install uv && python -m uv run "
    assert [line.removeprefix(setup) for line in lines] == ["cximpact demo", "pytest"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_between_files_lead_somewhere(name: str):
    targets = re.findall(r"\]\(([^)#]+)", (source.ROOT / name).read_text())
    gone = [t for t in targets if "://" not in t and not (source.ROOT / t).exists()]
    assert not gone
