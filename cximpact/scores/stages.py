"""The stages of a survey, counted by pattern and checked for order."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ConfigError,
    DataError,
    MissingValueError,
    join_names,
    warn_data,
)
from cximpact.data import SurveyWave, checks, frames
from cximpact.data.survey import STAGES

ANSWERED = "answered"
RESERVED = (
    ANSWERED,
    "count",
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "conf_level",
    "n",
    "n_invited",
    "response_rate",
    "n_eff",
    "note",
    "stage",
)
_FLAG, _LOWEST = "__flag_", "__lowest"
_MANY_ZEROS = 10


def wave_stages(wave: SurveyWave) -> list[str]:
    """Return the stages of a wave in their order.

    Parameters
    ----------
    wave : SurveyWave
        The wave.

    Returns
    -------
    list of str
        Such as ``["delivered", "opened"]``.
    """
    return [stage for stage in STAGES if stage in wave.stages]


def check_by(by: Sequence[str], wave: SurveyWave) -> None:
    """Check columns to group by: named once, and not like a column of a result.

    Parameters
    ----------
    by : sequence of str
        Columns to group by.
    wave : SurveyWave
        Its answer cannot be one of them.

    Raises
    ------
    ConfigError
        With the column that cannot be used.
    """
    if isinstance(by, str):
        raise ConfigError(f"by is the text {by!r}; expected a list of columns.")
    taken = {*STAGES, *RESERVED, wave.answer}
    for name in by:
        if name in taken:
            raise ConfigError(
                f"column {name!r} cannot be grouped by: it is the answer or has the name of a "
                "column of the result; rename it."
            )
    if len(set(by)) < len(by):
        raise ConfigError(f"by names a column twice: {join_names(by)}.")


def stage_patterns(
    wave: SurveyWave,
    by: Sequence[str] = (),
    *,
    stages: Sequence[str] | None = None,
    open_is_exact: bool = True,
    with_answer: bool = False,
) -> pd.DataFrame:
    """Count the patterns of stage flags, in one group-by in the engine of the frame.

    Parameters
    ----------
    wave : SurveyWave
        Wave with ``stages``.
    by : sequence of str
        Columns to group by.
    stages : sequence of str, optional
        Stages to count, in order; all of the wave by default.
    open_is_exact : bool, default True
        Whether somebody can only start what was recorded as opened.
    with_answer : bool, default False
        Whether to group by the answer, too.

    Returns
    -------
    pandas.DataFrame
        The columns of ``by``, one column a stage (1 passed, 0 not passed or never got there),
        ``answered`` (how many have an answer), ``count`` and, if asked for, the answer.

    Raises
    ------
    DataError, MissingValueError
        If the flags contradict each other or the answers.

    Warns
    -----
    DataWarning
        If all answers of people who did not complete are the lowest there is, as when gaps were
        filled with zeros.
    """
    stages = wave_stages(wave) if stages is None else list(stages)
    opened = wave.open()
    frames.check_columns(opened, {f"by[{i}]": key for i, key in enumerate(by)})
    checks.check_no_missing(opened, by, "give those rows a level of their own first")
    schema = opened.collect_schema()
    for stage in stages:
        if schema[wave.stages[stage]] != nw.Boolean:
            frames.check_numeric(opened, wave.stages[stage], stage)
    flags = {_FLAG + s: nw.col(wave.stages[s]).cast(nw.Float64) for s in stages}
    missing = frames.is_missing(opened, wave.answer)
    lowest = nw.col(wave.answer).cast(nw.Float64) == wave.scale.low
    table = frames.group_sums(
        opened.with_columns(**flags) if flags else opened,
        [*by, *flags, *([wave.answer] if with_answer else [])],
        {ANSWERED: ~missing, _LOWEST: lowest & ~missing},
    ).rename(columns={_FLAG + s: s for s in stages} | {frames.COUNT: "count"})
    _check_flags(table, stages, open_is_exact)
    _check_answers(table, stages)
    table[stages] = table[stages].fillna(0).astype(int)
    return table.drop(columns=_LOWEST)


def _check_flags(table: pd.DataFrame, stages: list[str], open_is_exact: bool) -> None:
    count = table["count"].to_numpy()
    reached = np.ones(len(table), dtype=bool)
    for stage in stages:
        flag = table[stage].to_numpy(dtype=float)
        odd = ~np.isnan(flag) & (flag != 0) & (flag != 1)
        if odd.any():
            raise DataError(
                f"stage {stage!r} holds other values than 0, 1 and missing in "
                f"{count[odd].sum():.0f} rows; recode them."
            )
        gaps = reached & np.isnan(flag)
        if gaps.any():
            raise MissingValueError(
                f"stage {stage!r} is missing in {count[gaps].sum():.0f} rows that passed the stage "
                "before; say 0 or 1."
            )
        early = ~reached & (flag == 1)
        if early.any():
            hint = " For opens that were not recorded, give open_error." if open_is_exact else ""
            raise DataError(
                f"stage {stage!r} was passed in {count[early].sum():.0f} rows that did not pass "
                f"the stage before; correct the flags.{hint}"
            )
        if open_is_exact or stage != "opened":
            reached = flag == 1


def _check_answers(table: pd.DataFrame, stages: list[str]) -> None:
    answered, lowest = table[ANSWERED].to_numpy(), table[_LOWEST].to_numpy()
    for stage in ("delivered", "started"):
        early = stage in stages and answered[(table[stage] != 1).to_numpy()].sum()
        if early:
            raise DataError(
                f"{early:.0f} answers come from people who did not pass stage {stage!r}. A stage "
                "that was not reached leaves the answer missing; it is not a zero."
            )
    if "completed" in stages:
        partial = (table["completed"] != 1).to_numpy()
        n = answered[partial].sum()
        if n >= _MANY_ZEROS and lowest[partial].sum() == n:
            warn_data(
                f"all {n:.0f} answers of people who did not complete are the lowest on the scale; "
                "were missing answers filled with zeros?"
            )
