from __future__ import annotations

from cximpact import cli
from cximpact.core.errors import ConvergenceError
from cximpact.study import Study


def test_init_writes_a_study_that_passes_its_check(tmp_path, capsys):
    assert cli.main(["init", str(tmp_path / "mine")]) == 0
    assert cli.main(["check", str(tmp_path / "mine" / "study.toml")]) == 0
    assert "The study is sound." in capsys.readouterr().out


def test_init_does_not_overwrite(tmp_path, capsys):
    cli.main(["init", str(tmp_path)])
    assert cli.main(["init", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_bad_study_file_ends_with_two_and_names_the_key(tmp_path, capsys):
    path = tmp_path / "study.toml"
    cli.main(["init", str(tmp_path)])
    path.write_text(path.read_text().replace("currency", "curency"))
    assert cli.main(["check", str(path)]) == 2
    error = capsys.readouterr().err
    assert "study.curency" in error
    assert "Did you mean 'currency'" in error


def test_a_missing_study_ends_with_two(tmp_path):
    assert cli.main(["run", str(tmp_path / "no.toml"), "--out", str(tmp_path / "out")]) == 2


def test_a_failed_gate_ends_with_three(tmp_path, monkeypatch, capsys):
    def fail(*_args, **_options):
        raise ConvergenceError("R-hat 1.2 is not below 1.01")

    cli.main(["init", str(tmp_path)])
    monkeypatch.setattr(Study, "run", fail)
    assert cli.main(["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out")]) == 3
    assert "R-hat" in capsys.readouterr().err


def test_simulate_writes_the_world(tmp_path):
    assert cli.main(["simulate", "--out", str(tmp_path), "--seed", "1"]) == 0
    assert (tmp_path / "customers.csv").stat().st_size > 100_000
