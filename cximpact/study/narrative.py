"""The sections of the report of a study, in the order of the chain."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cximpact.core.causal import is_causal
from cximpact.core.results import EffectPosterior, plotting
from cximpact.core.summaries import summarize
from cximpact.core.wording import format_number, number
from cximpact.goals import Goal
from cximpact.imputation import ImputedScores
from cximpact.report import Section
from cximpact.roi import RoiResult
from cximpact.study.stages import Run, ScoredWave


def sections(run: Run) -> dict[str, Any]:
    """Lay out the results of a study for the report.

    Parameters
    ----------
    run : Run
        A study that has run.

    Returns
    -------
    dict of str to object
        Heading to a section or a result, in reading order.
    """
    out: dict[str, Any] = {}
    for path, result in run.results.items():
        kind, _, name = path.partition(".")
        label = name.replace("_", " ")
        if isinstance(result, ScoredWave):
            for column, table in result.tables.items():
                heading = f"Score: {label}" + (f" by {column}" if column else "")
                out[heading] = score_section(result, column, table)
        elif isinstance(result, ImputedScores):
            out[f"Everyone, not only respondents: {label}"] = result
            out[f"If the silent are different: {label}"] = silent_section(run, path, result)
        elif isinstance(result, RoiResult):
            out["Return on investment"] = result
            out["Cash flow"] = cash_section(result)
            out["From survey to money"] = bridge_section(run, result)
        else:
            word = {"effects": "Effect", "associations": "Goes together, not an effect"}
            out[f"{word.get(kind, kind.removesuffix('s').capitalize())}: {label}"] = result
    return out


def answer(run: Run) -> str:
    """Put the answer of a study in words: money first, then goals and effects.

    Parameters
    ----------
    run : Run
        A study that has run.

    Returns
    -------
    str
        A short paragraph.
    """
    prob = run.study.study.prob
    effects = [effect_sentence(p, r, prob) for p, r in run.results.items() if _is_effect(r)]
    returns = [r for r in run.results.values() if isinstance(r, RoiResult)]
    money = [f"{r.headline(prob)} {break_even_sentence(r)}".strip() for r in returns]
    aims = [r.headline() for r in run.results.values() if isinstance(r, Goal)]
    parts = [run.study.study.question, *effects, *money, *aims]
    if not (effects or money or aims):
        parts += [r.explain(prob) for r in run.results.values() if isinstance(r, ImputedScores)]
    return " ".join(p for p in parts if p)


def effect_sentence(path: str, result: EffectPosterior, prob: float) -> str:
    """Say one effect or association in a sentence, and where the data show nothing, say that.

    Parameters
    ----------
    path : str
        Dotted path of the stage.
    result : EffectPosterior
        What was found.
    prob : float
        Mass of the interval.

    Returns
    -------
    str
        A sentence; for several effects, of the first and the last.
    """
    rows = result.tidy(prob)
    name = path.partition(".")[2].replace("_", " ")
    factor, unit = (100, " percentage points") if result.estimand.scale == "pp" else (1, "")
    kind = "effect" if is_causal(result) else "association, not an effect"
    texts = []
    for row in rows.iloc[[0, -1] if len(rows) > 1 else [0]].to_dict("records"):
        where = f" at {row['term']}" if len(rows) > 1 else ""
        texts.append(
            f"{number(factor * row['estimate'], signed=True)}{unit}{where} ({prob:.0%} interval "
            f"{number(factor * row['conf_low'])} to {number(factor * row['conf_high'])})"
        )
    none = bool((rows["conf_low"] <= 0).all() and (rows["conf_high"] >= 0).all())
    nothing = "; the data show none beyond chance" if none else ""
    return f"{name.capitalize()}: {kind} {' and '.join(texts)}{nothing}."


def break_even_sentence(result: RoiResult) -> str:
    """Say what a unit of behavior must be worth for the initiatives to pay.

    Parameters
    ----------
    result : RoiResult
        The simulation.

    Returns
    -------
    str
        One sentence an initiative; nothing where no value makes it pay.
    """
    table = result.break_even()
    rows = table[(table["quantity"] == "value") & table["break_even"].notna()]
    return " ".join(
        f"{row['initiative']} breaks even at {format_number(row['break_even'], row['mcse'])} "
        f"{row['unit']}; {format_number(row['estimate'], row['estimate_mcse'])} was assumed."
        for row in rows.to_dict("records")
    )


def _is_effect(result: Any) -> bool:
    return isinstance(result, EffectPosterior)


def score_section(result: ScoredWave, column: str | None, table: pd.DataFrame) -> Section:
    """Show the respondents' score.

    Parameters
    ----------
    result : ScoredWave
        The scores.
    column : str or None
        Column of the groups.
    table : pandas.DataFrame
        Scores of the groups.

    Returns
    -------
    Section
        For the report.
    """
    unit = str(table.attrs.get("unit", ""))
    if column is None:
        row = table.iloc[0]
        text = (
            f"{result.wave.scale.name} of those who answered is {number(row['estimate'])} "
            f"({row['conf_level']:.0%} confidence interval {number(row['conf_low'])} to "
            f"{number(row['conf_high'])}), from {int(row['n']):,} answers of "
            f"{int(row['n_invited']):,} people ({row['response_rate']:.1%}). It says nothing yet "
            "about those who did not answer."
        )
        return Section("", text, table)
    figure = plotting().scores(table, x=column, unit=unit)
    text = f"{result.wave.scale.name} of those who answered, by {column}, with its interval."
    return Section("", text, table, figure)


def silent_section(run: Run, path: str, result: ImputedScores) -> Section:
    """Show how the score moves if those who did not answer are different.

    Parameters
    ----------
    run : Run
        The study.
    path : str
        Dotted path of the imputation.
    result : ImputedScores
        The scores.

    Returns
    -------
    Section
        For the report.
    """
    setting = run.study.imputation[path.partition(".")[2]]
    table = result.sensitivity(setting.delta, prob=run.study.study.prob)
    bounds = result.bounds().iloc[0]
    figure = plotting().sensitivity_curve(
        table, x="delta", threshold=float(bounds["respondents"]), unit=result.cells.scale.unit
    )
    text = (
        "The silent may differ from those in their cell who answered, in a way that answers "
        "cannot show. delta is that difference on the latent scale; the line marks the "
        f"respondents' score of {number(bounds['respondents'])}. Without any assumption the score "
        f"lies between {number(bounds['lower'])} and {number(bounds['upper'])}."
    )
    return Section("", text, table, figure)


def cash_section(result: RoiResult) -> Section:
    """Show the cumulative cash flow.

    Parameters
    ----------
    result : RoiResult
        The simulation.

    Returns
    -------
    Section
        For the report.
    """
    flow = result.net(discounted=True, cumulative=True)
    figure = result.plot("cash_flow")
    text = "Cumulative net cash flow, discounted to today, with half and nine tenths of the draws."
    return Section("", text, summarize(flow), figure, simulation=result)


def bridge_section(run: Run, result: RoiResult) -> Section:
    """Show the steps from survey to money.

    Parameters
    ----------
    run : Run
        The study.
    result : RoiResult
        The simulation.

    Returns
    -------
    Section
        For the report.
    """
    rows: list[dict[str, Any]] = []
    for found in run.results.values():
        if isinstance(found, ScoredWave):
            whole = found.tables[None].iloc[0]
            rows.append(_count(f"answers: {found.name}", whole["n"], "answers"))
    for section in run.study.roi.initiatives if run.study.roi else []:
        rows.append(_count(f"{section.name}: customers", section.n, "customers"))
        if section.effect is not None:
            effect = run.results[f"effects.{section.effect}"]
            estimate = float(effect.tidy()["estimate"].iloc[-1])
            shown = (estimate, "pp" if effect.estimand.scale == "pp" else "")
            rows.append(_count(f"{section.name}: effect", *shown))
    benefit, cost = (
        part(by_initiative=True).mean("sample").values
        for part in (result.pv_benefit, result.pv_cost)
    )
    for k, name in enumerate(result.names):
        rows.append(_money(f"{name}: benefit", float(benefit[k]), "step"))
        rows.append(_money(f"{name}: cost", -float(cost[k]), "step"))
    low, high = (float(result.npv().quantile(q)) for q in (0.05, 0.95))
    total = _money("net present value", float(result.npv().mean()), "total")
    rows.append(total | {"conf_low": low, "conf_high": high})
    table = pd.DataFrame(rows)
    figure = plotting().waterfall(table, currency=result.settings.currency)
    text = "From the answers to the money, step by step; amounts are means of present values."
    return Section("", text, table, figure)


def _count(label: str, value: float, unit: str) -> dict[str, Any]:
    return {"label": label, "value": float(value), "kind": "step", "unit": unit or "points"}


def _money(label: str, value: float, kind: str) -> dict[str, Any]:
    return {"label": label, "value": value, "kind": kind, "unit": None}
