"""The verdicts of a validation, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from cximpact.core.wording import fixed, number, percent

if TYPE_CHECKING:
    from cximpact.imputation.validation.result import Validation

SINGLE = ("answers", "customers")
TRIFLE = 0.02
"""Differences of probabilities up to this are named, but are no fault."""

_NAMES = {"global": "the shares of all answers", "segment": "the shares of each {}"}


def calibrated(v: Validation) -> bool:
    """Say whether no check of calibration failed by more than a trifle.

    Parameters
    ----------
    v : Validation
        What was found.

    Returns
    -------
    bool
        Ranks of groups, or of cells, count at any size. Groups held out whole are judged by
        them alone, since their answers depend on each other.
    """
    if v.held_out not in SINGLE or not v.units.inside:
        return v.units.inside
    shape = v.pit.inside or abs(v.pit.largest_gap) <= TRIFLE
    event = v.error.calibrated or v.error.estimate - v.error.chance <= TRIFLE
    return bool(shape and event and _coverage_gap(v) <= TRIFLE)


def headline(v: Validation) -> str:
    """Say the result in one line.

    Parameters
    ----------
    v : Validation
        What was found.

    Returns
    -------
    str
        Calibrated or not, and better than the strongest baseline or not.
    """
    row = _strongest(v)
    gain = "better than" if row["conf_low"] > 0 else "not clearly better than"
    if row["conf_high"] < 0:
        gain = "worse than"
    return f"{'Calibrated' if calibrated(v) else 'Not calibrated'}, {gain} {_baseline(v, row)}"


def verdicts(v: Validation) -> dict[str, str]:
    """Say what each check found.

    Parameters
    ----------
    v : Validation
        What was found.

    Returns
    -------
    dict of str
        By check. Where groups were held out whole, ``groups`` and ``skill`` are tests and the
        others descriptions, since answers of a group depend on each other.
    """
    return {
        "shape": _shape(v),
        "groups": _groups(v),
        "coverage": _coverage(v),
        "event": _event(v),
        "skill": _skill(v),
    }


def check_table(v: Validation) -> pd.DataFrame:
    """Put the checks side by side.

    Parameters
    ----------
    v : Validation
        What was found.

    Returns
    -------
    pandas.DataFrame
        ``check``, ``estimate``, ``expected_low``, ``expected_high``, ``verdict``.
    """
    rows: list[dict[str, Any]] = []
    for name, test in (("answers: largest gap", v.pit), ("groups: largest gap", v.units)):
        at = int(abs(test.ecdf - test.points).argmax())
        low, high = test.low[at] - test.points[at], test.high[at] - test.points[at]
        rows.append(_check(name, test.largest_gap, low, high, test.inside))
    for row in v.coverage[v.coverage["kind"] == "randomized"].to_dict("records"):
        name = f"coverage of {100 * row['prob']:g}% sets"
        rows.append(_check(name, row["estimate"], row["conf_low"], row["conf_high"], row["inside"]))
    rows.append(
        _check(
            f"calibration error of P({v.event})", v.error.estimate, 0.0, v.error.chance_high,
            v.error.calibrated,
        )
    )  # fmt: skip
    for row in _gains(v).to_dict("records"):
        better = row["conf_low"] > 0
        verdict = "better" if better else "worse" if row["conf_high"] < 0 else "no clear gain"
        name = f"ranked probability score saved over {row['against']}"
        rows.append({"check": name, "estimate": row["estimate"], "verdict": verdict})
    table = pd.DataFrame(rows)
    if v.held_out not in SINGLE:
        alone = ~table["check"].str.contains("groups|score")
        table.loc[alone, "verdict"] = "no test: answers of a group depend on each other"
    return table


def explanation(v: Validation) -> str:
    """Say whether predictions can be trusted, how much they add, and where they are off.

    Parameters
    ----------
    v : Validation
        What was found.

    Returns
    -------
    str
        A paragraph.
    """
    single = v.held_out in SINGLE
    what = v.held_out if single else f"whole groups of {v.held_out!r}"
    said = verdicts(v)
    middle = [said[name] for name in ("shape", "groups", "coverage", "event", "skill")]
    if not single:
        middle = [said["groups"], said["coverage"], said["skill"]]
    return " ".join(
        [
            f"{headline(v)}. {v.n:,} answers were held out in {v.k} folds of {what}, and "
            "predicted by fits to the others.",
            *middle,
            *([_where(v)] if single else []),
            "This says nothing about those who did not answer: that they would have answered "
            "alike (missing at random) stays untested.",
        ]
    )


def _check(name: str, estimate: float, low: float, high: float, passed: bool) -> dict[str, Any]:
    verdict = "as expected" if passed else "off"
    return {"check": name, "estimate": estimate, "expected_low": low, "expected_high": high,
            "verdict": verdict}  # fmt: skip


def _shape(v: Validation) -> str:
    gap = v.pit.largest_gap
    size = f"{fixed(100 * abs(gap), 1)} percentage points"
    if v.pit.inside:
        return f"The predicted shares of answers are right, within {size}."
    side = "lower" if gap > 0 else "higher"
    if abs(gap) <= TRIFLE:
        return f"Answers are slightly {side} than predicted in places, by {size} at most: a trifle."
    return f"Answers are {side} than predicted: the predicted shares are off by up to {size}."


def _groups(v: Validation) -> str:
    what = "parts of cells" if v.held_out in SINGLE else f"groups of {v.held_out!r}"
    if v.units.inside:
        return f"Mean answers of {v.units.n:,} {what} lie where the predictions expect them."
    bars = v.unit_histogram["estimate"].to_numpy()
    ends, middle = bars[[0, -1]].mean(), bars[len(bars) // 2 - 1 : len(bars) // 2 + 1].mean()
    how = "scatter more" if ends > middle else "scatter less or sit to one side"
    return f"Mean answers of {v.units.n:,} {what} {how} than predicted (p = {v.units.p_value:.2g})."


def _coverage_gap(v: Validation) -> float:
    table = v.coverage[~v.coverage["inside"]]
    return float((table["estimate"] - table["expected"]).abs().max()) if len(table) else 0.0


def _coverage(v: Validation) -> str:
    rows = v.coverage[v.coverage["kind"] == "randomized"]
    shown = ", ".join(
        f"{fixed(100 * row['estimate'], 1)}% in the {100 * row['prob']:g}% sets"
        for row in rows.to_dict("records")
    )
    if v.held_out not in SINGLE:
        return f"Held were {shown}; answers of a group depend on each other, so that is no test."
    gap = _coverage_gap(v)
    verdict = "as promised" if gap == 0 else "a trifle off" if gap <= TRIFLE else "not as promised"
    return f"Coverage is {verdict}: {shown}."


def _event(v: Validation) -> str:
    own, calm = (f"{fixed(100 * x, 1)}" for x in (v.error.estimate, v.error.chance))
    text = f"Predicted chances of {v.event!r} are off by {own} percentage points on average"
    if v.error.calibrated:
        return f"{text}, as chance alone would make them ({calm})."
    return f"{text}, more than the {calm} of chance alone (p = {v.error.p_value:.2g})."


def _gains(v: Validation) -> pd.DataFrame:
    return v.scores[(v.scores["score"] == "rps") & (v.scores["against"] != "")]


def _strongest(v: Validation) -> dict[Any, Any]:
    return _gains(v).sort_values("estimate").iloc[0].to_dict()


def _baseline(v: Validation, row: dict[Any, Any]) -> str:
    return _NAMES[row["against"]].format(v.segment)


def _skill(v: Validation) -> str:
    said = []
    for row in _gains(v).to_dict("records"):
        size = f"{percent(abs(row['skill']))} {'below' if row['skill'] >= 0 else 'above'}"
        side = "about" if row["conf_low"] <= 0 <= row["conf_high"] else size
        ends = " to ".join(number(row[c], signed=True) for c in ("conf_low", "conf_high"))
        said.append(f"{side} that of {_baseline(v, row)} (gain {ends})")
    own = v.scores[(v.scores["score"] == "rps") & (v.scores["against"] == "")]["estimate"].iloc[0]
    return f"The ranked probability score, {number(own)}, is {' and '.join(said)}."


def _where(v: Validation) -> str:
    off = v.levels[v.levels["p_adjusted"] < 0.05].sort_values("p_adjusted").head(3)
    if off.empty:
        return "No single level of a factor stands out."
    shown = "; ".join(
        f"{row['column']} {row['level']}: predicted {number(row['predicted'])}, observed "
        f"{number(row['observed'])}"
        for row in off.to_dict("records")
    )
    return f"It is most off for {shown} ({v.scale.unit})."
