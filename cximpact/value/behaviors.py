"""Several behaviors at once: a margin for each product, and no gain counted twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import (
    ConfigError,
    DataError,
    DoubleCountingError,
    UnitsError,
    join_names,
)
from cximpact.core.results import Assumption, EffectPosterior, Provenance
from cximpact.core.rng import RngLike
from cximpact.core.summaries import summarize
from cximpact.core.units import check_currency
from cximpact.core.validate import check_number
from cximpact.value.inputs import effect_input
from cximpact.value.joint import join
from cximpact.value.posterior import ValuePosterior

VIA_SCORE = "via_score"


def by_behavior(
    changes: Mapping[str, EffectPosterior | xr.DataArray],
    margins: pd.DataFrame,
    currency: str,
    *,
    rng: RngLike,
    mix: pd.DataFrame | None = None,
    cost_to_serve: Mapping[str, float] | None = None,
) -> ValuePosterior:
    """Value changes of several behaviors, whose purchases differ in what they gain.

    Parameters
    ----------
    changes : mapping of str to EffectPosterior or DataArray
        Change in units of each behavior per customer, such as orders and calls.
    margins : pandas.DataFrame, shape (behavior, product)
        Margin of a unit, by behavior (index) and product (columns).
    currency : str
        ISO 4217 code.
    rng : int or Generator
        Pairs changes that are independent; those of one source stay joint.
    mix : pandas.DataFrame, optional
        Share of the extra units by product, same shape; rows sum to 1. Equal shares where
        there is one product only.
    cost_to_serve : mapping of str to float, optional
        Cost of serving a unit of a behavior.

    Returns
    -------
    ValuePosterior
        Money per customer. ``details["by_behavior"]`` is a table of the parts.

    Raises
    ------
    DataError, ConfigError, UnitsError
        If tables and behaviors do not fit, or a change is on a score or in money.

    Notes
    -----
    ``sum over behaviors of tau_b (sum over products of mix_bp m_bp - c_b)``, draw by draw.
    Margins are per unit that was *added*: the mix is that of the extra units, which need not
    be the usual one.
    """
    if not changes:
        raise ConfigError("changes is empty; expected at least one behavior.")
    table = _table(margins, changes, "margins")
    share = _mix(mix, table, changes)
    served = {
        k: check_number(v, f"cost_to_serve.{k}", low=0) for k, v in (cost_to_serve or {}).items()
    }
    if unknown := [k for k in served if k not in changes]:
        raise ConfigError(
            f"cost_to_serve names {join_names(unknown)}; expected {join_names(list(changes))}."
        )
    found = {name: effect_input(c, f"changes.{name}") for name, c in changes.items()}
    for name, one in found.items():
        if one.scale not in ("pp", "outcome") or one.draws.dims != (dr.SAMPLE,):
            raise UnitsError(
                f"changes.{name} is in {one.scale!r} with dimensions {one.draws.dims}; expected "
                "units of the behavior, one number a draw."
            )
    joint = join({name: one.draws for name, one in found.items()}, rng=rng)
    worth = (table * share).sum(axis=1) - pd.Series(served, dtype=float).reindex(
        table.index
    ).fillna(0)
    parts = xr.concat(
        [joint.blocks[name] * float(worth[name]) for name in changes], dim="behavior"
    ).assign_coords(behavior=list(changes))
    labelled = joint.label(parts)
    return ValuePosterior(
        draws=joint.label(parts.sum("behavior")).rename("value of behaviors"),
        currency=check_currency(currency),
        per="customer reached",
        draw_kind="simulation",
        assumptions=tuple(
            {(a.name, a.statement): a for one in found.values() for a in one.assumptions}.values()
        ),
        provenance=Provenance(
            method="value.by_behavior",
            settings={"margins": table, "mix": share, "cost_to_serve": served},
            parents=tuple(sorted(joint.order)),
        ),
        would_change_it="another mix of the extra purchases",
        details={"by_behavior": summarize(labelled), VIA_SCORE: False},
    )


def combine(
    parts: Mapping[str, ValuePosterior], *, rng: RngLike, split: str | None = None
) -> ValuePosterior:
    """Add the values of several gains, unless a gain would be counted twice.

    Parameters
    ----------
    parts : mapping of str to ValuePosterior
        Money per customer, in one currency and per the same unit.
    rng : int or Generator
        Pairs parts that are independent; those of one source stay joint.
    split : str, optional
        How the gain through the score was told apart from the direct one, such as ``"natural
        indirect and direct effects of the mediation analysis"``. It is recorded.

    Returns
    -------
    ValuePosterior
        The sum.

    Raises
    ------
    DoubleCountingError
        If one part goes through a score and another is the behavior itself, and both come
        from the same data, without a split.
    UnitsError
        If currencies or units differ.
    """
    if not parts:
        raise ConfigError("parts is empty; expected at least one value.")
    for name, part in parts.items():
        if not isinstance(part, ValuePosterior):
            raise ConfigError(
                f"parts.{name} is of type {type(part).__name__}; expected a ValuePosterior."
            )
    units = sorted({part.unit for part in parts.values()})
    if len(units) > 1:
        raise UnitsError(f"parts are in {join_names(units)}; convert them to one unit first.")
    _check_counted_once(parts, split)
    joint = join({name: part.draws for name, part in parts.items()}, rng=rng)
    total = sum((joint.blocks[name] for name in parts), xr.DataArray(0.0))
    first = next(iter(parts.values()))
    carried = [a for part in parts.values() for a in part.assumptions]
    if split:
        carried.append(Assumption(name="split of the gain", statement=split, tested=False))
    return ValuePosterior(
        draws=joint.label(total).rename("value"),
        currency=first.currency,
        per=first.per,
        horizon=first.horizon if len({p.horizon for p in parts.values()}) == 1 else "unstated",
        draw_kind="simulation",
        assumptions=tuple({(a.name, a.statement): a for a in carried}.values()),
        provenance=Provenance(
            method="value.combine",
            settings={"parts": sorted(parts), "split": split},
            parents=tuple(sorted(joint.order)),
        ),
        would_change_it="another value of any part",
        details={VIA_SCORE: any(p.details.get(VIA_SCORE) for p in parts.values())},
    )


def _check_counted_once(parts: Mapping[str, ValuePosterior], split: str | None) -> None:
    if split is not None:
        if not isinstance(split, str) or not split.strip():
            raise ConfigError(f"split is {split!r}; say in words how the gain was split.")
        return
    through = {n: p for n, p in parts.items() if p.details.get(VIA_SCORE)}
    direct = {n: p for n, p in parts.items() if n not in through}
    for a, score in through.items():
        for b, behavior in direct.items():
            if shared := set(score.provenance.parents) & set(behavior.provenance.parents):
                raise DoubleCountingError(
                    f"{a!r} values a gain through a score and {b!r} the behavior itself, both from "
                    f"{join_names(sorted(shared))}: the same gain would be counted twice. Keep "
                    "the direct effect, or say in split= which mediation analysis tells them apart."
                )


def _table(frame: Any, changes: Mapping[str, Any], name: str) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{name} is a {type(frame).__name__}; expected a table by behavior.")
    if sorted(map(str, frame.index)) != sorted(changes):
        raise DataError(
            f"{name} has the rows {join_names(list(frame.index))}; expected one for each of "
            f"{join_names(sorted(changes))}."
        )
    table = frame.loc[list(changes)].astype(float)
    if not np.isfinite(table.to_numpy()).all():
        raise DataError(f"{name} has missing or infinite entries; expected a number in each.")
    return table


def _mix(mix: Any, table: pd.DataFrame, changes: Mapping[str, Any]) -> pd.DataFrame:
    if mix is None:
        if table.shape[1] != 1:
            raise ConfigError(
                f"mix is missing; with {table.shape[1]} products say which share of the extra "
                "units falls on each."
            )
        return pd.DataFrame(1.0, index=table.index, columns=table.columns)
    share = _table(mix, changes, "mix")
    if sorted(map(str, share.columns)) != sorted(map(str, table.columns)):
        raise DataError("mix and margins name different products.")
    share = share[list(table.columns)]
    if (share < 0).to_numpy().any() or (abs(share.sum(axis=1) - 1) > 1e-6).any():
        raise DataError("mix has a row that does not sum to 1, or a share below 0.")
    return share
