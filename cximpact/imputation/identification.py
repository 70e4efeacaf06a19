"""What the answers cannot tell: warnings before a fit."""

from __future__ import annotations

import warnings

import numpy as np

from cximpact.core.errors import AssumptionWarning, join_names, warn_data
from cximpact.data import Cells
from cximpact.imputation.design import Design

_ENOUGH_SHARED = 0.5


def warn_about_answers(counts: Cells, design: Design) -> None:
    """Warn of levels and categories without answers, and of nothing to impute.

    Parameters
    ----------
    counts : Cells
        Answers.
    design : Design
        Effects of the cells.
    """
    answered = counts.answered
    if counts.n_answered == counts.n_frame:
        warn_data(
            f"all {counts.n_frame:,} rows have an answer: there is nothing to impute, and the "
            "finite score is that of the answers."
        )
    for term in design.effects:
        if term.kind == "drift":
            continue
        n = np.bincount(design.codes[term.name], weights=answered, minlength=term.n_levels)
        people = np.bincount(
            design.codes[term.name], weights=counts.frame_count, minlength=term.n_levels
        )
        silent = list(term.labels[(n == 0) & (people > 0)])
        if silent and len(term.columns) == 1:
            warn_data(
                f"{len(silent)} of {term.n_levels} levels of {term.columns[0]!r} have no answers "
                f"({join_names(silent, 5)}); their scores come from the other levels alone."
            )


def warn_about_style(counts: Cells, design: Design) -> None:
    """Warn where a channel's response style cannot be told from its customers' experience.

    Parameters
    ----------
    counts : Cells
        Answers.
    design : Design
        Effects of the cells.
    """
    style = design.spec.style
    if style is None:
        return
    shared = shared_answers(counts, design)
    alone = all(name == style for name in design.spec.columns)
    if shared >= _ENOUGH_SHARED and not alone:
        return
    warnings.warn(
        f"style={style!r}: {shared:.0%} of the answers come from groups of like customers (same "
        f"{join_names([n for n in design.spec.columns if n != style]) or 'nothing else'}) that "
        "met several channels. How a channel makes people answer and what they experienced in "
        "it can hardly be told apart; the scores at the reference channel rest on the prior. Add "
        "factors that describe customers, or randomize the channel of the invitation.",
        AssumptionWarning,
        stacklevel=4,
    )


def shared_answers(counts: Cells, design: Design) -> float:
    """Return the share of answers from groups of like customers met by several channels.

    Parameters
    ----------
    counts : Cells
        Answers.
    design : Design
        With a response style.

    Returns
    -------
    float
        Between 0 and 1.
    """
    style = str(design.spec.style)
    others = [name for name in design.spec.columns if name != style]
    table = counts.index.assign(__n=counts.answered)
    table = table[table["__n"] > 0]
    if not others:
        return 1.0 if table[style].nunique() > 1 else 0.0
    grouped = table.groupby(others, observed=True)
    several = grouped[style].transform("nunique") > 1
    return float(table.loc[several, "__n"].sum() / table["__n"].sum())
