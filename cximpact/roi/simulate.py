"""From initiatives to draws of cost and benefit, period by period."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import AssumptionWarning, ConfigError, UnitsError, join_names
from cximpact.core.results import Assumption, DrawKind, Provenance
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_count
from cximpact.roi.flows import cash_flows
from cximpact.roi.initiative import Initiative
from cximpact.roi.resolve import Resolved, blocks_of, resolve
from cximpact.roi.result import RoiResult
from cximpact.roi.scenario import Scenario
from cximpact.roi.settings import Settings
from cximpact.value.inputs import effect_input
from cximpact.value.joint import Joint, join
from cximpact.value.posterior import ValuePosterior

_CLIPPED_TOLERANCE = 0.01


def simulate(
    initiatives: Initiative | Sequence[Initiative],
    *,
    horizon: int = 36,
    period: str = "month",
    discount_rate: float = 0.10,
    rng: RngLike = 3,
    draws: int | None = None,
    payment: str = "end",
    assume_independent: str | None = None,
    scenario: Scenario | None = None,
) -> RoiResult:
    """Simulate what initiatives cost and return.

    Parameters
    ----------
    initiatives : Initiative or sequence of Initiative
        With names of their own and one currency.
    horizon : int, default 36
        Periods after today.
    period : {"year", "quarter", "month", "week", "day"}
        Length of a period.
    discount_rate : float, default 0.10
        Effective annual rate.
    rng : int or Generator, default 3
        Pairs independent inputs. The order of the initiatives does not matter.
    draws : int, optional
        Size of the joint sample; that of the longest input by default.
    payment : {"start", "mid", "end"}
        When in a period money flows. One-off costs are paid today.
    assume_independent : str, optional
        Reason for treating inputs from the same data as independent; it is reported.
    scenario : Scenario, optional
        The state of the world, and which initiatives overlap; as planned by default.

    Returns
    -------
    RoiResult
        Draws of cost and benefit, dimensions ``(sample, initiative, period)``.

    Raises
    ------
    ConfigError, UnitsError, NotCausalError, AlignmentError
        For settings out of bounds, mixed currencies, descriptive effects, and results whose
        dependence was lost.

    Notes
    -----
    Estimand: present value of the difference to doing nothing, over the customers named.
    In period ``t`` a segment of ``N`` customers brings ``N c (1 - phi) (1 - kappa) v u(t)``
    with coverage ``c``, value ``v`` and units ``u(t)``: ``a(t - L) k(t) tau`` per period, or
    the difference of two survival curves for retention. It assumes that the effect is causal,
    holds for the customers of the roll-out and lasts as ramp, lag and decay say, and that the
    effects of several initiatives add, unless the scenario says that they overlap; then the
    benefit of all together is shared out to each by Shapley values. All inputs meet in one call
    of `core.draws.pair`, so effects from one source stay joint.

    References
    ----------
    Brealey, R., Myers, S. and Allen, F. Principles of Corporate Finance, chapters 5 and 6.
    """
    items = _checked(initiatives)
    settings = Settings(
        horizon=horizon,
        period=period,
        discount_rate=discount_rate,
        payment=payment,
        currency=_one_currency(items),
    )
    size = None if draws is None else check_count(draws, "draws", low=2)
    seed, world = seed_of(rng), scenario or Scenario()
    found = {it.name: effect_input(it.effect, it.path("effect")) for it in items}
    blocks = {k: v for it in items for k, v in blocks_of(it, found[it.name]).items()}
    blocks |= world.factors(seed, size)
    joint = join(blocks, rng=seed, size=size, assume_independent=assume_independent)
    resolved = tuple(resolve(it, settings, joint, found[it.name], world) for it in items)
    _warn(resolved, settings, joint)
    notes = [note for it in items for note in found[it.name].notes]
    notes += [world.words()] if world.words() else []
    flows, overlaps = cash_flows(resolved, settings, joint, world)
    return RoiResult(
        draws=flows,
        inputs=resolved,
        settings=settings,
        scenario=world,
        overlaps=overlaps,
        draw_kind=_kind(items, found),
        is_random=joint.is_random,
        assumptions=_assumptions(items, found, joint, world),
        clipped={r.initiative.name: r.clipped for r in resolved},
        provenance=Provenance(
            method="roi.simulate",
            settings=_record(settings, items, size) | {"scenario": _world(world)},
            seed=seed,
            parents=tuple(sorted(joint.order)),
            notes=tuple(dict.fromkeys(notes)),
        ),
    )


def _checked(initiatives: Any) -> tuple[Initiative, ...]:
    items = (initiatives,) if isinstance(initiatives, Initiative) else initiatives
    if not isinstance(items, Sequence) or not items:
        raise ConfigError("initiatives is empty or no list; expected at least one Initiative.")
    for i, item in enumerate(items):
        if not isinstance(item, Initiative):
            raise ConfigError(
                f"initiatives[{i}] is of type {type(item).__name__}; expected an Initiative."
            )
    names = [item.name for item in items]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(
            f"initiatives share the names {join_names(twice)}; each needs its own. "
            "One that is counted twice doubles its return."
        )
    return tuple(items)


def _one_currency(items: Sequence[Initiative]) -> str:
    found = sorted({str(item.currency) for item in items})
    if len(found) > 1:
        raise UnitsError(
            f"initiatives are in the currencies {join_names(found)}; convert them to one first."
        )
    return found[0]


def _warn(resolved: Sequence[Resolved], settings: Settings, joint: Joint) -> None:
    for item in resolved:
        it = item.initiative
        if item.clipped > _CLIPPED_TOLERANCE:
            warnings.warn(
                f"{it.path('effect')} takes the rate out of 0 to 1 in {item.clipped:.1%} of the "
                "draws; they were clipped. Check its unit, or model it on the logit scale.",
                AssumptionWarning,
                stacklevel=3,
            )
        inside = [v for v in (it.value, it.effect) if isinstance(v, ValuePosterior)]
        for worth in inside:
            if worth.discount_rate not in (None, settings.discount_rate):
                warnings.warn(
                    f"{it.path('value')} is discounted at {worth.discount_rate:g} a year and the "
                    f"simulation at {settings.discount_rate:g}; use one rate.",
                    AssumptionWarning,
                    stacklevel=3,
                )
    effects = [r.initiative.effect for r in resolved]
    for i, item in enumerate(resolved):
        if any(item.initiative.effect is other for other in effects[:i]) and joint.is_random:
            warnings.warn(
                f"{item.initiative.path('effect')} is the same object as that of another "
                "initiative. If it is the same gain of the same customers, it is counted twice: "
                "add the values in one initiative, or split the effect by a mediation analysis.",
                AssumptionWarning,
                stacklevel=3,
            )


def _kind(items: Sequence[Initiative], found: Mapping[str, Any]) -> DrawKind:
    """Return the kind of the inputs that vary where they agree; else it is a simulation."""
    kinds = {found[it.name].draw_kind for it in items if _varies(found[it.name].draws)}
    others = [v for it in items for v in (it.value, *it.costs.values())]
    kinds |= {v.draw_kind for v in others if isinstance(v, ValuePosterior) and _varies(v.draws)}
    if any(isinstance(b, xr.DataArray) for it in items for b in (it.baseline, it.link)):
        kinds.add("simulation")
    return kinds.pop() if len(kinds) == 1 else "simulation"


def _varies(draws: xr.DataArray) -> bool:
    return bool((draws.std(dr.SAMPLE) > 0).any())


def _assumptions(
    items: Sequence[Initiative], found: Mapping[str, Any], joint: Joint, world: Scenario
) -> tuple[Assumption, ...]:
    carried = [a for it in items for a in found[it.name].assumptions]
    for it in items:
        for worth in (it.value, *it.costs.values()):
            carried += worth.assumptions if isinstance(worth, ValuePosterior) else ()
    carried.append(
        Assumption(
            name="transport",
            statement="the effect holds for the customers of the roll-out as for those studied",
            tested=False,
        )
    )
    for group in world.overlaps:
        named = join_names(group.initiatives)
        carried.append(
            Assumption(
                name="overlap",
                statement=f"the effects of {named} combine by the rule {group.rule!r}",
                tested=False,
            )
        )
    if len(items) > sum(len(group.initiatives) for group in world.overlaps) and len(items) > 1:
        carried.append(
            Assumption(
                name="no overlap",
                statement="the effects of the other initiatives add, and each gain is counted once"
                if world.overlaps
                else "the effects of the initiatives add, and each gain is counted once",
                tested=False,
            )
        )
    if reason := joint.notes.get(dr.ASSUMED_INDEPENDENT):
        carried.append(Assumption(name="assumed independence", statement=str(reason), tested=False))
    if failures := joint.notes.get(dr.UNRELIABLE):
        carried.append(
            Assumption(
                name="unreliable fit", statement=str(failures), tested=True, evidence="failed"
            )
        )
    return tuple({(a.name, a.statement): a for a in carried}.values())


def _record(settings: Settings, items: Sequence[Initiative], size: int | None) -> dict[str, Any]:
    names = ("mechanism", "coverage", "lag", "ramp", "decay", "stops", "persists")
    names = (*names, "pull_forward", "cannibalization")
    return {
        "horizon": settings.horizon,
        "period": settings.period,
        "discount_rate": settings.discount_rate,
        "payment": settings.payment,
        "draws": size,
        "initiatives": {
            it.name: {"n": it.customers, "costs": {k: _stated(c) for k, c in it.costs.items()}}
            | {key: getattr(it, key) for key in names}
            for it in items
        },
    }


def _world(scenario: Scenario) -> dict[str, Any]:
    names = ("name", "effect", "value", "cost", "retention_drift", "growth")
    groups = [[list(g.initiatives), g.rule, g.matrix] for g in scenario.overlaps]
    return {n: getattr(scenario, n) for n in names} | {
        "shared": dict(scenario.shared),
        "overlaps": groups,
    }


def _stated(cost: Any) -> float | str:
    return cost.provenance.source if isinstance(cost, ValuePosterior) else cost
