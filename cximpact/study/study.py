"""A study: the whole chain, declared in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cximpact.core.errors import ConvergenceError, OverlapError
from cximpact.core.validate import check_count
from cximpact.study.artifacts import summary, write_artifacts
from cximpact.study.read import read_study
from cximpact.study.schema import StudyFile
from cximpact.study.stages import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """The whole chain from survey to money, as declared in a file.

    Parameters
    ----------
    file : StudyFile
        The checked content.
    folder : Path
        Where relative paths start.
    """

    file: StudyFile = field(repr=False)
    folder: Path

    @classmethod
    def from_toml(cls, path: str | Path) -> Study:
        """Read a study file and check it.

        Parameters
        ----------
        path : str or Path
            A TOML file.

        Returns
        -------
        Study
            Ready to run.

        Raises
        ------
        ConfigError
            With the dotted path of every mistake.
        """
        return cls(file=read_study(path), folder=Path(path).resolve().parent)

    def run(
        self,
        out: str | Path | None = None,
        *,
        draws: int | None = None,
        seed: int | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> StudyResult:
        """Run every stage, and write what it made.

        Parameters
        ----------
        out : str or Path, optional
            Folder for report, draws, tables and summary; nothing is written without it.
        draws : int, optional
            Draws of every stage, instead of what the file says.
        seed : int, optional
            Seed, instead of the file's.
        progress : callable, optional
            Called with the dotted path of each stage as it begins.

        Returns
        -------
        StudyResult
            Results by dotted path, such as ``result["effects.terminal2"]``.

        Raises
        ------
        ConvergenceError, OverlapError
            If a stage fails its gate; what was done so far is written first.
        """
        run = Run(
            study=self.file,
            folder=self.folder,
            seed=self.file.study.seed if seed is None else check_count(seed, "seed", low=0),
            draws=None if draws is None else check_count(draws, "draws", low=400),
        )
        for path, work in run.stages():
            if progress is not None:
                progress(path)
            try:
                run.results[path] = work()
            except (ConvergenceError, OverlapError) as error:
                if out is not None:
                    write_artifacts(run, Path(out), failure=f"{path}: {error}")
                raise
        if out is not None:
            if progress is not None:
                progress("report")
            write_artifacts(run, Path(out))
        return StudyResult(
            results=run.results, summary=summary(run), notes=tuple(run.notes), run=run
        )

    def check(self) -> tuple[str, ...]:
        """Load the tables and make their columns, without running anything.

        Returns
        -------
        tuple of str
            One line a table: rows and columns.
        """
        run = Run(study=self.file, folder=self.folder, seed=self.file.study.seed)
        lines = []
        for name in self.file.tables:
            frame = run.table(name)
            lines.append(f"table {name}: {len(frame):,} rows, {frame.shape[1]} columns")
        return tuple(lines)


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyResult:
    """What a study found.

    Parameters
    ----------
    results : mapping of str to object
        Dotted path to result.
    summary : mapping
        Every headline number, as written to ``summary.json``.
    notes : tuple of str
        Rows that were left out, and the like.
    run : Run
        The study as it ran.
    """

    results: Mapping[str, Any] = field(repr=False)
    summary: Mapping[str, Any] = field(repr=False)
    notes: tuple[str, ...]
    run: Run = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "results", MappingProxyType(dict(self.results)))

    def __getitem__(self, path: str) -> Any:
        return self.results[path]

    @property
    def answer(self) -> str:
        """The answer in words."""
        return str(self.summary["answer"])
