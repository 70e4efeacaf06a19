"""What a study file may say: one model a section, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Cell = str | int | float | bool


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class About(_Section):
    """Section ``[study]``."""

    title: str
    question: str = ""
    seed: int = Field(default=1, ge=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    prob: Fraction = 0.9
    notes: list[str] = []


class Derived(_Section):
    """A column made from another one, without code."""

    source: str = Field(alias="from")
    map: dict[str, Cell] | None = None
    other: Cell | None = None
    fill: Cell | None = None
    bins: list[float] | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Derived:
        if self.map is not None and self.bins is not None:
            raise ValueError("give map or bins, not both")
        if self.map is None and self.bins is None and self.fill is None:
            raise ValueError("give one of map, bins and fill")
        return self


class Table(_Section):
    """Section ``[tables.<name>]``."""

    dataset: str | None = None
    path: str | None = None
    world: Literal["onboarding"] | None = None
    where: dict[str, list[Cell]] = {}
    columns: dict[str, Derived] = {}

    @model_validator(mode="after")
    def _one_source(self) -> Table:
        if sum(s is not None for s in (self.dataset, self.path, self.world)) != 1:
            raise ValueError("give exactly one of dataset, path and world")
        return self


class CustomScale(_Section):
    """A customer effort scale, whose direction has no default."""

    kind: Literal["CES"]
    points: int = Field(default=7, ge=3)
    higher_is_better: bool


class Scores(_Section):
    """Section ``[scores.<name>]``."""

    table: str | None = None
    answer: str
    scale: Literal["NPS", "CSAT5", "CSAT7", "PSAT"] | CustomScale
    statistic: Literal["score", "top_box", "mean", "net"] = "score"
    factors: list[str] = []
    period: str | None = None
    weight: str | None = None
    by: list[str] = []


class Imputation(_Section):
    """Section ``[imputation.<name>]``."""

    scores: str
    factors: list[str] | None = None
    period: Literal["random_walk", "exchangeable", "none"] = "random_walk"
    covariates: list[str] = []
    by: str | None = None
    delta: list[float] = [-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5]
    draws: int = Field(default=1000, ge=100)
    tune: int = Field(default=1000, ge=100)
    chains: int = Field(default=4, ge=2)
    allow_unconverged: bool = False


class Effect(_Section):
    """Section ``[effects.<name>]``."""

    table: str | None = None
    design: Literal["panel", "repeated"]
    estimator: Literal[
        "TwoByTwo",
        "EventStudy",
        "GroupTime",
        "ImputationDiD",
        "NonlinearDiD",
        "SunAbraham",
        "SyntheticDiD",
    ] = "TwoByTwo"
    inference: Literal["cluster", "welch", "few_treated"] = "cluster"
    outcome: str
    scale: Literal["pp", "points", "outcome"] | None = None
    unit: str | None = None
    group: str | None = None
    period: str
    first_treated: str
    cluster: str | None = None
    weight: str | None = None
    covariates: list[str] = []
    missing: Literal["raise", "drop"] = "raise"

    @model_validator(mode="after")
    def _who(self) -> Effect:
        wanted, other = ("unit", "group") if self.design == "panel" else ("group", "unit")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"design = {self.design!r} needs {wanted} and no {other}")
        if self.inference != "cluster" and self.estimator != "TwoByTwo":
            raise ValueError(f"inference = {self.inference!r} is for estimator = 'TwoByTwo'")
        return self


class Association(_Section):
    """Section ``[associations.<name>]``."""

    table: str | None = None
    score: str
    outcome: str
    within: str | None = None
    cluster: str | None = None
    missing: Literal["raise", "drop"] = "raise"


class Quantiles(_Section):
    """An elicited quantity: it is below ``p10`` with 10 %, below ``p90`` with 90 % probability."""

    p10: float
    p90: float


class Value(_Section):
    """Section ``[value.<name>]``."""

    amount: float | None = None
    quantiles: Quantiles | None = None
    distribution: Literal["lognormal", "normal", "gamma"] = "lognormal"
    per: str
    assumption: str

    @model_validator(mode="after")
    def _one_number(self) -> Value:
        if (self.amount is None) == (self.quantiles is None):
            raise ValueError("give exactly one of amount and quantiles")
        return self


class GoalSection(_Section):
    """Section ``[goals.<name>]``."""

    imputation: str
    horizon: int = Field(default=1, ge=1)
    method: Literal["auto", "local_linear", "ols", "theil_sen", "flat"] = "auto"
    percent: Share = 0.10
    fraction: float = Field(default=0.5, gt=0)
    cap: Share = 0.30
    ceiling: float | None = None
    n_planned: float | None = Field(default=None, gt=0)


class Costs(_Section):
    """Costs of an initiative, in the currency of the study."""

    one_off: Amount = 0.0
    recurring: Amount = 0.0
    per_treated: Amount = 0.0


class InitiativeSection(_Section):
    """Section ``[[roi.initiatives]]``."""

    name: str
    n: float = Field(gt=0)
    effect: str | None = None
    assumed: Quantiles | None = None
    assumption: str = ""
    scale: Literal["pp", "points", "outcome"] = "pp"
    value: str
    mechanism: Literal["retention", "per_period", "one_time"]
    baseline: Share | None = None
    coverage: Share = 1.0
    lag: int = Field(default=0, ge=0)
    ramp: int = Field(default=0, ge=0)
    decay: float = Field(default=0.0, ge=0)
    stops: int | None = Field(default=None, ge=0)
    persists: bool = False
    pull_forward: Share = 0.0
    cannibalization: Share = 0.0
    costs: Costs = Costs()

    @model_validator(mode="after")
    def _one_effect(self) -> InitiativeSection:
        if (self.effect is None) == (self.assumed is None):
            raise ValueError("give exactly one of effect and assumed")
        if self.assumed is not None and not self.assumption:
            raise ValueError("an assumed effect needs an assumption: who says so, and why")
        return self


class OverlapSection(_Section):
    """Section ``[[roi.overlaps]]``: initiatives that reach the same customers."""

    initiatives: list[str] = Field(min_length=2)
    rule: Literal["non_response", "logit"] = "non_response"


class Roi(_Section):
    """Section ``[roi]``."""

    horizon: int = Field(default=36, ge=1)
    period: Literal["year", "quarter", "month", "week", "day"] = "month"
    discount_rate: float = Field(default=0.10, gt=-1)
    payment: Literal["start", "mid", "end"] = "end"
    assume_independent: str | None = None
    initiatives: list[InitiativeSection] = Field(min_length=1)
    overlaps: list[OverlapSection] = []


class StudyFile(_Section):
    """A whole study file."""

    study: About
    tables: dict[str, Table] = Field(min_length=1)
    scores: dict[str, Scores] = {}
    imputation: dict[str, Imputation] = {}
    effects: dict[str, Effect] = {}
    associations: dict[str, Association] = {}
    value: dict[str, Value] = {}
    goals: dict[str, GoalSection] = {}
    roi: Roi | None = None

    def references(self) -> list[tuple[str, str, dict[str, Any]]]:
        """List which names are used where.

        Returns
        -------
        list of tuple
            Dotted path, the name that is used, and the section that must define it.
        """
        found: list[tuple[str, str, dict[str, Any]]] = []
        for kind in ("scores", "effects", "associations"):
            for name, section in getattr(self, kind).items():
                if section.table is not None:
                    found.append((f"{kind}.{name}.table", section.table, self.tables))
        for name, section in self.imputation.items():
            found.append((f"imputation.{name}.scores", section.scores, self.scores))
        for name, goal in self.goals.items():
            found.append((f"goals.{name}.imputation", goal.imputation, self.imputation))
        for i, initiative in enumerate(self.roi.initiatives if self.roi else []):
            path = f"roi.initiatives[{i}]"
            if initiative.effect is not None:
                found.append((f"{path}.effect", initiative.effect, self.effects))
            found.append((f"{path}.value", initiative.value, self.value))
        return found
