"""The effect of closing the loop, by whatever design the data allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cximpact.core.errors import ConfigError, DesignError, unknown_name
from cximpact.core.results import EffectPosterior
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_choice
from cximpact.effects.linkage.cases.cutoff import AlertCutoff
from cximpact.effects.linkage.cases.holdout import AlertHoldout
from cximpact.effects.linkage.cases.ledger import CaseLedger
from cximpact.effects.linkage.cases.staggered import StaggeredClosing

DESIGNS: Mapping[str, type[AlertHoldout | AlertCutoff | StaggeredClosing]] = MappingProxyType(
    {"holdout": AlertHoldout, "cutoff": AlertCutoff, "timing": StaggeredClosing}
)


def recovery(
    data: Any, *, design: str | None = None, rng: RngLike = None, **settings: Any
) -> EffectPosterior:
    """Estimate what closing the loop does to later behavior.

    Parameters
    ----------
    data : frame, CaseLedger or Panel
        One row a case; for ``"timing"`` one row a customer and period.
    design : {"holdout", "cutoff", "timing"}
        What tells effect from chance: alerts held back at random (`AlertHoldout`), a score at
        which alerts begin (`AlertCutoff`), or cases closed at different times
        (`StaggeredClosing`).
    rng : int or Generator, optional
        Randomness of the draws.
    **settings
        Parameters of the design's class, such as ``outcome=`` and ``assigned=``.

    Returns
    -------
    EffectPosterior
        The effect, on those whom the design can speak of.

    Raises
    ------
    DesignError
        Without a design: how many of the recovered came back is no effect, as nobody knows how
        many would have come back anyway.
    ConfigError
        If a setting is missing or unknown, with the closest name.

    Notes
    -----
    Estimand, assumptions and diagnostics are those of the design. Before-and-after of low
    scorers is not among the designs: see `before_after` for what chance alone gives.
    """
    if design is None:
        raise DesignError(
            "recovery effect refused: nothing says what would have happened without it. That "
            "customers come back after their case was solved, or score higher than before, is no "
            "effect; many would have anyway. Give one of design='holdout' (hold back 5 to 10% of "
            "the alerts at random and name their column as assigned=), design='cutoff' (alerts "
            "that go out at low scores: score=, cutoff=, curvature=) or design='timing' (cases "
            "closed in different periods: closed_in=). before_after() shows what chance gives."
        )
    check_choice(design, "design", tuple(DESIGNS))
    kind = DESIGNS[design]
    fields = dataclasses.fields(kind)
    known = [f.name for f in fields if f.init]
    for name in settings:
        if name not in known:
            raise unknown_name(f"setting of design={design!r}", name, known)
    lacking = [
        f.name for f in fields if f.default is dataclasses.MISSING and f.name not in settings
    ]
    if lacking:
        raise ConfigError(
            f"design={design!r} needs {', '.join(f'{name}=' for name in lacking)}; see "
            f"{kind.__name__}."
        )
    frame = data.frame if isinstance(data, CaseLedger) else data
    return kind(**settings).fit(frame, rng=rng)
