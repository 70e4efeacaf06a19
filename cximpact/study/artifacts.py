"""What a run leaves behind: report, draws, tables, headline numbers, provenance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact import report
from cximpact.core.files import write_whole
from cximpact.core.results import INTERVAL_WORD, Provenance
from cximpact.core.versions import versions
from cximpact.imputation import ImputedScores
from cximpact.roi import RoiResult
from cximpact.study.narrative import answer, sections
from cximpact.study.stages import Run, ScoredWave, draws_of

SUMMARY_SCHEMA = "cximpact.summary/1"
_MEANING = {
    "RoiResult": "money of the initiatives against doing nothing",
    "ValuePosterior": "stated value of a unit of behavior",
    "Goal": "goal and forecast of the score",
}


def write_artifacts(run: Run, out: Path, *, failure: str = "") -> Path:
    """Write everything a run made.

    Parameters
    ----------
    run : Run
        A study that has run, wholly or to the stage that failed.
    out : Path
        Folder; made if needed.
    failure : str, default ""
        What stopped the run, if anything did.

    Returns
    -------
    Path
        The folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "summary.json", summary(run, failure))
    write_json(out / "provenance.json", provenance(run))
    write_draws(run, out / "results.nc")
    for name, table in tables(run).items():
        report.write_csv(table, out / "tables" / f"{slug(name)}.csv")
    notes = [*run.study.study.notes, *run.notes, *([f"Stopped: {failure}"] if failure else [])]
    pages = sections(run) or {"Nothing": "No stage was finished."}
    report.write(
        pages,
        out / "report.html",
        title=run.study.study.title,
        answer=(f"The run stopped early: {failure} " if failure else "") + answer(run) or None,
        notes=notes,
    )
    return out


def summary(run: Run, failure: str = "") -> dict[str, Any]:
    """Collect every headline number with its interval, unit and meaning.

    Parameters
    ----------
    run : Run
        A study that has run.
    failure : str, default ""
        What stopped the run.

    Returns
    -------
    dict
        As documented in the reference, under a versioned schema.
    """
    prob = run.study.study.prob
    rows = [row for path, result in run.results.items() for row in _headlines(path, result, prob)]
    return {
        "schema": SUMMARY_SCHEMA,
        "title": run.study.study.title,
        "complete": not failure,
        "failure": failure or None,
        "answer": answer(run),
        "seed": run.seed,
        "numbers": rows,
    }


def provenance(run: Run) -> dict[str, Any]:
    """Collect where every result comes from; no timestamps.

    Parameters
    ----------
    run : Run
        A study that has run.

    Returns
    -------
    dict
        Dotted path to its record, with seed, versions and notes of the whole.
    """
    found: dict[str, Any] = {}
    for path, result in run.results.items():
        source = getattr(result, "provenance", None)
        if isinstance(source, Provenance):
            names = ("method", "data_hash", "settings", "seed", "versions", "parents", "notes")
            found[path] = {name: getattr(source, name) for name in names}
    return {
        "study": run.study.model_dump(mode="json", by_alias=True),
        "seed": run.seed,
        "versions": versions("numpy", "pandas", "xarray", "pymc", "nutpie", "linearmodels"),
        "notes": run.notes,
        "results": found,
    }


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Collect the tables of all results.

    Parameters
    ----------
    run : Run
        A study that has run.

    Returns
    -------
    dict of str to DataFrame
        Name of the file, without its ending, to the table.
    """
    prob = run.study.study.prob
    out: dict[str, pd.DataFrame] = {}
    for path, result in run.results.items():
        if isinstance(result, ScoredWave):
            for column, table in result.tables.items():
                name = f"{path}_by_{column}" if column else path
                out[name] = report.suppress_small_cells(table) if column else table
        elif isinstance(result, ImputedScores):
            out[path] = result.tidy(prob)
            setting = run.study.imputation[path.partition(".")[2]]
            out[f"{path}_sensitivity"] = result.sensitivity(setting.delta, prob=prob)
            by = setting.by or run.study.scores[setting.scores].period
            out[f"{path}_bounds"] = result.bounds(by)
            if by:
                compared = result.compare(by, prob=prob)
                out[f"{path}_by_{by}"] = report.suppress_small_cells(compared)
        else:
            out[path] = result.tidy(prob)
        if isinstance(result, RoiResult):
            out[f"{path}_break_even"] = result.break_even()
    return out


def write_draws(run: Run, path: Path) -> None:
    """Write the draws of all results into one netCDF file, a group each.

    Parameters
    ----------
    run : Run
        A study that has run.
    path : Path
        The file.
    """
    groups = {name.replace(".", "/"): data for name, data in draws_of(run.results).items()}
    tree = xr.DataTree.from_dict({name: _plain(data) for name, data in groups.items()})
    tree.attrs = {"title": run.study.study.title, "seed": run.seed}
    write_whole(path, lambda file: tree.to_netcdf(file, mode="w", engine="h5netcdf"))


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, whole or not at all; NaN becomes null.

    Parameters
    ----------
    path : Path
        The file.
    content : dict
        What to write.
    """
    text = json.dumps(_jsonable(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, lambda file: file.write_text(text + "\n", encoding="utf-8"))


def slug(name: str) -> str:
    """Turn a name into a file name that cannot leave its folder.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    str
        Letters, digits, dashes and underscores.
    """
    kept = [c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name]
    return "".join(kept)[:80] or "table"


def _headlines(path: str, result: Any, prob: float) -> list[dict[str, Any]]:
    if isinstance(result, ScoredWave):
        whole = result.tables[None]
        table = whole.assign(term=result.wave.scale.name)
        about = {
            "unit": whole.attrs.get("unit"),
            "estimand": f"{result.statistic} of those who answered",
            "interval": "confidence",
        }
    elif isinstance(result, ImputedScores):
        table = result.tidy(prob).iloc[:1]
        about = {
            "unit": result.cells.scale.unit,
            "estimand": f"score of all {result.cells.n_frame} people, had they answered",
            "interval": "credible",
        }
    else:
        table = result.tidy(prob)
        about = _about(result)
        if isinstance(result, RoiResult):
            units = result.summary(prob).set_index("term")["unit"]
            table = table.assign(unit=table["term"].map(units))
    rows = []
    for row in table.to_dict("records"):
        names = ("term", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n")
        rows.append({"path": path, **{k: row.get(k) for k in names}, **about, **_unit(row)})
    if isinstance(result, RoiResult):
        chance = result.probability_of_profit()
        statement = f"P(NPV > 0) = {chance:.3f}"
        rows[0]["probability"] = {"statement": statement, "value": chance}
    return rows


def _about(result: Any) -> dict[str, Any]:
    estimand = getattr(result, "estimand", None)
    kind = getattr(result, "draw_kind", "simulation")
    unit = getattr(result, "unit", None) or getattr(estimand, "scale", None)
    return {
        "unit": unit if isinstance(unit, str) else None,
        "estimand": str(estimand) if estimand is not None else _MEANING[type(result).__name__],
        "interval": INTERVAL_WORD.get(str(kind), "simulation"),
    }


def _unit(row: dict[Any, Any]) -> dict[str, Any]:
    return {"unit": row["unit"]} if isinstance(row.get("unit"), str) else {}


def _plain(data: xr.Dataset) -> xr.Dataset:
    """Make text coordinates that netCDF can hold."""
    changed = {}
    for name, coord in data.coords.items():
        if coord.dtype.kind not in "biufU":
            changed[name] = (coord.dims, np.array([str(v) for v in coord.values.ravel()]))
    return data.assign_coords(changed) if changed else data


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
