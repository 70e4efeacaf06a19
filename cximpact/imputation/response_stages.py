"""The stages of a response: who got how far, cell by cell, and the model of every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from cximpact.core.errors import ConfigError, DataError, join_names
from cximpact.data import Cells, SurveyWave, cells, frames
from cximpact.data.survey import STAGES
from cximpact.imputation import crossed as cr
from cximpact.imputation import quadrature as qd
from cximpact.imputation.priors import Priors
from cximpact.scores.stages import ANSWERED, stage_patterns, wave_stages

REACHED = "reached"
"""Column of how many of the modeled stages somebody passed."""

STAGE_DIM = "response_stage"


@dataclass(frozen=True, kw_only=True, eq=False)
class StagedCells:
    """People of every cell by the last stage that they passed.

    Parameters
    ----------
    stages : tuple of str
        Stages that somebody did not pass, in order; ``answered`` is the last there can be.
    left_out : tuple of str
        Stages that everybody passed who got there.
    cells : Cells
        Counts by the columns of the model and ``reached``; who passed all stages has answered.
    index : pandas.DataFrame, shape (row, column)
        Levels of the columns of the model, sorted.
    row : numpy.ndarray of int, shape (cell,)
        Row of ``index`` of each cell.
    """

    stages: tuple[str, ...]
    left_out: tuple[str, ...]
    cells: Cells = field(repr=False)
    index: pd.DataFrame = field(repr=False)
    row: np.ndarray = field(repr=False)

    @property
    def reached(self) -> np.ndarray:
        """Stages passed by the people of each cell, shape (cell,)."""
        return self.cells.index[REACHED].to_numpy(dtype=np.int64)

    @property
    def answered(self) -> np.ndarray:
        """Answers, shape (row, category)."""
        out = np.zeros((len(self.index), self.cells.scale.n_categories))
        np.add.at(out, self.row, self.cells.dense())
        return out

    @property
    def stopped(self) -> np.ndarray:
        """People who got to a stage and did not pass it, shape (row, stage)."""
        out = np.zeros((len(self.index), len(self.stages) + 1))
        np.add.at(out, (self.row, self.reached), self.cells.frame_count)
        return out[:, :-1].copy()


def count_stages(
    data: SurveyWave | Cells, by: Sequence[str], stages: bool | Sequence[str] = True
) -> StagedCells:
    """Count people by cell, last stage passed and answer, in the engine of the frame.

    Parameters
    ----------
    data : SurveyWave or Cells
        A wave with flags of stages; counts are refused.
    by : sequence of str
        Columns of the model.
    stages : True or sequence of str
        All stages of the wave, or some; the step to an answer comes last anyway.

    Returns
    -------
    StagedCells
        Its size does not grow with the number of people.

    Raises
    ------
    ConfigError
        If the data have no flags of stages, or not those that are named, or a column has a name
        that is used inside.
    DataError, MissingValueError
        If flags contradict each other or the answers.
    """
    if taken := sorted({REACHED, STAGE_DIM, "category", "cut"} & set(by)):
        raise ConfigError(f"column {join_names(taken)} has a name that is used inside; rename it.")
    wave, names = _wanted(data, stages)
    kept = _open_stages(wave, names)
    counts = cells(_with_reached(wave, kept, by), by=[*by, REACHED])
    if by:
        grouped = counts.index.groupby(list(by), sort=True, observed=True)
        row, index = grouped.ngroup().to_numpy(), grouped.size().index.to_frame(index=False)
    else:
        row, index = np.zeros(counts.n_cells, dtype=np.int64), pd.DataFrame(index=[0])
    left_out = tuple(name for name in names if name not in kept)
    return StagedCells(stages=tuple(kept), left_out=left_out, cells=counts, index=index, row=row)


def _wanted(data: SurveyWave | Cells, stages: bool | Sequence[str]) -> tuple[SurveyWave, list[str]]:
    """Return the wave and the stages to model, in their order."""
    flags = f"0/1 flags of its stages ({', '.join(STAGES)})"
    if isinstance(data, Cells):
        raise ConfigError(f"stages need a SurveyWave with {flags}; counts have none. Fit the wave.")
    known = wave_stages(data)
    if not known:
        raise ConfigError(
            f"stages need a wave with {flags}, and this one has none; say "
            "SurveyWave(..., stages={'delivered': column, 'opened': column, ...}), or leave "
            "stages out to model answering in one step."
        )
    if isinstance(stages, bool):
        return data, known
    if unknown := [name for name in stages if name not in known]:
        raise ConfigError(f"stages names {join_names(unknown)}; the wave has {join_names(known)}.")
    return data, [name for name in known if name in stages]


def _open_stages(wave: SurveyWave, names: list[str]) -> list[str]:
    """Return the steps that not everybody passed who got there, once the flags are checked."""
    table = stage_patterns(wave, stages=names)
    early = table.loc[(table[names] != 1).any(axis=1), ANSWERED].sum()
    if early:
        raise DataError(
            f"{early:.0f} answers come from people who did not pass all of {join_names(names)}; "
            "if partial answers count, leave out the last stage by stages=[...]."
        )
    count, kept = table["count"].to_numpy(), []
    passed = [table[name].to_numpy() * count for name in names] + [table[ANSWERED].to_numpy()]
    reached = count.sum()
    for name, people in zip([*names, ANSWERED], passed, strict=True):
        if people.sum() < reached:
            kept.append(name)
        reached = people.sum()
    return kept


def _with_reached(wave: SurveyWave, kept: list[str], by: Sequence[str]) -> SurveyWave:
    """Add how many stages each passed; flags are known to fall only once."""
    opened = wave.open()
    frames.check_columns(opened, {f"by[{i}]": key for i, key in enumerate(by)})
    flags = [nw.col(wave.stages[s]).cast(nw.Float64) == 1 for s in kept if s != ANSWERED]
    flags += [~frames.is_missing(opened, wave.answer)] if ANSWERED in kept else []
    ones = [nw.when(flag).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64) for flag in flags]
    needed = [*by, wave.answer, *([wave.weight] if wave.weight else [])]
    columns = [nw.col(name) for name in dict.fromkeys(needed)]
    rows = opened.select(*columns, **{REACHED: sum(ones[1:], ones[0])})
    return SurveyWave(rows, answer=wave.answer, scale=wave.scale, weight=wave.weight)


def build_staged(
    counts: StagedCells,
    crossed: tuple[cr.Crossed, cr.Crossed],
    priors: Priors,
    lambda_sd: float,
    rule: qd.NormalRule,
) -> Any:
    """Build the PyMC graph of score and stages.

    Parameters
    ----------
    counts : StagedCells
        Answers, and who stopped where.
    crossed : tuple of Crossed
        Factors of the score and of the response, of the rows of ``counts.index``.
    priors : Priors
        Prior scales.
    lambda_sd : float
        Prior standard deviation of every ``lam``.
    rule : NormalRule
        Nodes of the person effect.

    Returns
    -------
    pymc.Model
        Variables ``p0, cuts, effect_<factor>``, by stage ``response`` and ``lam``, and
        ``response_<stage>_<factor>``; data ``answered, stopped``.
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    n = counts.cells.scale.n_categories
    with pm.Model(coords=cr.coords_of(n, *crossed) | {STAGE_DIM: list(counts.stages)}) as model:
        answered, stopped = pm.Data("answered", counts.answered), pm.Data("stopped", counts.stopped)
        cuts = cr.cutpoints(priors, n)
        eta = cr.effects(crossed[0], priors)[:, None] + rule.nodes
        level = pm.Normal("response", 0, 1.5, dims=STAGE_DIM)
        lam = pm.Normal("lam", 0, lambda_sd, dims=STAGE_DIM)
        passed: Any = 0.0
        total: Any = 0.0
        for s, stage in enumerate(counts.stages):
            own = level[s] + cr.effects(crossed[1], priors, f"response_{stage}")
            logit = own[:, None] + lam[s] * rule.nodes
            unseen = qd.graph_log_mean(passed - pt.softplus(logit), rule, axis=1)
            total = total + (stopped[:, s] * unseen).sum()
            passed = passed - pt.softplus(-logit)
        logp = qd.graph_log_probabilities(eta, cuts) + passed[:, :, None]
        seen = qd.graph_log_mean(logp, rule, axis=1)
        pm.Potential("answers", (answered * seen).sum() + total)
    return model


def log_progress(
    draws: xr.Dataset, counts: StagedCells, crossed: cr.Crossed, nodes: np.ndarray
) -> np.ndarray:
    """Work out how likely it is to get exactly as far as the people of each cell did.

    Parameters
    ----------
    draws : xarray.Dataset
        With ``response``, ``lam`` and the effects of every stage.
    counts : StagedCells
        Who got how far.
    crossed : Crossed
        Factors of the response, of the rows of ``counts.index``.
    nodes : numpy.ndarray, shape (node,)
        Person effects.

    Returns
    -------
    numpy.ndarray, shape (sample, cell, node)
        Log probabilities.
    """
    reached, out = counts.reached, 0.0
    for s, stage in enumerate(counts.stages):
        level, lam = (draws[n].isel({STAGE_DIM: s}).values[:, None] for n in ("response", "lam"))
        own = level + crossed.latent(draws, f"response_{stage}")[:, counts.row]
        logit = own[..., None] + lam[..., None] * nodes
        sign = np.where(reached == s, -1.0, 1.0)[:, None]
        out = out + np.where((reached >= s)[:, None], special.log_expit(sign * logit), 0.0)
    return np.asarray(out)
