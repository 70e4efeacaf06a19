"""The tables of a study: where they come from, and columns made without code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ConfigError,
    EmptyDataError,
    MissingColumnError,
    closest,
    join_names,
)
from cximpact.study.schema import Derived, Table

READERS = {".csv": pd.read_csv, ".parquet": pd.read_parquet}


def load_table(name: str, table: Table, folder: Path, seed: int) -> tuple[pd.DataFrame, list[str]]:
    """Load a table and make its derived columns.

    Parameters
    ----------
    name : str
        Name of the table in the study.
    table : Table
        Its section.
    folder : Path
        Folder of the study file; relative paths start there.
    seed : int
        Seed of a simulated world.

    Returns
    -------
    tuple of DataFrame and list of str
        The table, and notes on rows that were left out.

    Raises
    ------
    ConfigError, MissingColumnError, EmptyDataError
        With the dotted path of the setting at fault.
    """
    frame = _source(name, table, folder, seed)
    for column, rule in table.columns.items():
        path = f"tables.{name}.columns.{column}"
        _check_column(frame, rule.source, f"{path}.from")
        frame[column] = _derive(frame[rule.source], rule, path)
    notes: list[str] = []
    for column, wanted in table.where.items():
        _check_column(frame, column, f"tables.{name}.where")
        kept = frame[frame[column].isin(wanted)]
        notes.append(
            f"Table {name}: {len(kept):,} of {len(frame):,} rows are used, those where {column} is "
            f"one of {join_names(wanted)}; the others were left out, as the study says."
        )
        frame = kept
    if frame.empty:
        raise EmptyDataError(f"tables.{name} has 0 rows after where; loosen it.")
    frame = frame.reset_index(drop=True)
    return frame, notes


def _source(name: str, table: Table, folder: Path, seed: int) -> pd.DataFrame:
    if table.dataset is not None:
        return _dataset(table.dataset, f"tables.{name}.dataset")
    if table.world is not None:
        from cximpact.data.simulate import simulate_onboarding

        return simulate_onboarding(seed).customers
    place = folder / str(table.path)
    if place.suffix not in READERS or not place.is_file():
        raise ConfigError(
            f"tables.{name}.path is {str(table.path)!r}; expected an existing .csv or .parquet "
            "file, relative to the study file."
        )
    return READERS[place.suffix](place)


def _dataset(wanted: str, path: str) -> pd.DataFrame:
    from cximpact import datasets

    loaders = {n.removeprefix("load_"): n for n in datasets.__all__ if n.startswith("load_")}
    if wanted not in loaders:
        best = closest(wanted, loaders)
        hint = f" Did you mean {best!r}?" if best else ""
        raise ConfigError(f"{path} is {wanted!r}; known are {join_names(list(loaders))}.{hint}")
    return getattr(datasets, loaders[wanted])().copy()


def _check_column(frame: pd.DataFrame, column: str, path: str) -> None:
    if column not in frame:
        raise MissingColumnError.from_names([column], [str(c) for c in frame], role=path)


def _derive(values: pd.Series, rule: Derived, path: str) -> pd.Series:
    if rule.bins is not None:
        return _binned(values, rule.bins, path)
    if rule.map is not None:
        keys = values.map(_key, na_action="ignore")
        if unseen := sorted(set(rule.map) - set(keys.dropna())):
            raise ConfigError(
                f"{path}.map names {join_names(unseen)}, which column {rule.source!r} never has."
                + "".join(f" Did you mean {b!r}?" for b in _near(unseen, keys))
            )
        out = keys.map(rule.map)
        values = out if rule.other is None else out.where(keys.isin(list(rule.map)), rule.other)
    if rule.fill is None:
        return values
    if isinstance(rule.fill, str):
        text = values.map(_key, na_action="ignore").astype(object)
        return text.where(text.notna(), rule.fill).astype(str)
    return values.fillna(rule.fill)


def _binned(values: pd.Series, bins: list[float], path: str) -> pd.Series:
    if len(bins) < 2 or (np.diff(bins) <= 0).any():
        raise ConfigError(f"{path}.bins is {bins}; expected increasing edges.")
    outside = values.notna() & ((values < bins[0]) | (values > bins[-1]))
    if outside.any():
        raise ConfigError(
            f"{path}.bins leaves out {int(outside.sum())} values; widen the first or last edge."
        )
    return pd.cut(values, bins, include_lowest=True).astype(str).where(values.notna())


def _key(value: Any) -> str:
    """Write a value as it stands in the study file: whole numbers without decimals."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _near(unseen: list[str], keys: pd.Series) -> list[str]:
    known = [str(k) for k in keys.dropna().unique()]
    return [best for best in (closest(u, known) for u in unseen) if best]
