"""Checks of customers who were treated once: roles, arms and propensities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import (
    ColumnError,
    ConfigError,
    MissingOutcomeError,
    NoControlError,
    NonFiniteError,
    NoTreatedError,
    OverlapError,
    TreatmentError,
    join_names,
)
from cximpact.core.validate import check_choice, check_number
from cximpact.data import checks, frames

if TYPE_CHECKING:
    from cximpact.data.cross_section import CrossSection

_ROLES = ("outcome", "treatment", "unit", "cluster", "weight")
MAX_ARMS = 20


def check_treatment_roles(data: CrossSection) -> nw.LazyFrame[Any]:
    """Check that the columns of the roles exist and have usable types.

    Parameters
    ----------
    data : CrossSection
        Under construction.

    Returns
    -------
    narwhals.LazyFrame
        The opened frame.

    Raises
    ------
    ConfigError, ColumnError, EmptyDataError, DtypeError
        If a role cannot be read, or a feature is a role.
    """
    object.__setattr__(data, "features", frames.column_names(data.features, "features"))
    check_choice(data.missing, "missing", ("raise", "drop"))
    opened = frames.open_frame(data.frame)
    roles = {role: getattr(data, role) for role in _ROLES}
    features = {f"features[{i}]": c for i, c in enumerate(data.features)}
    frames.check_columns(opened, roles | features | _propensity_columns(data))
    used = [c for c in data.features if c in (roles["outcome"], roles["treatment"], roles["unit"])]
    if used:
        raise ConfigError(
            f"features names {join_names(used)}, which is the outcome, the treatment or the unit: "
            "it would tell the answer. Leave it out."
        )
    if taken := [c for c in data.features if c in _ROLES]:
        raise ConfigError(f"features names {join_names(taken)}, a role; rename the column.")
    frames.count_rows(opened)
    for role in ("outcome", "weight"):
        if roles[role] is not None:
            frames.check_numeric(opened, roles[role], role)
    for column in _propensity_columns(data).values():
        frames.check_numeric(opened, column, "propensity")
    keys = ("treatment", "unit", "cluster")
    frames.check_keys(opened, [roles[r] for r in keys if roles[r] is not None])
    return opened


def check_treatment(data: CrossSection, opened: nw.LazyFrame[Any]) -> dict[str, Any]:
    """Check the rows, and learn which arms there are.

    Parameters
    ----------
    data : CrossSection
        Under construction.
    opened : narwhals.LazyFrame
        Its frame.

    Returns
    -------
    dict
        ``control, arms, n_rows, n_dropped, counts`` and ``outcome_range``.

    Raises
    ------
    MissingValueError, MissingOutcomeError, NonFiniteError, TreatmentError, WeightError
        With the rows at fault.
    NoTreatedError, NoControlError, OverlapError
        If there is nothing to compare.
    """
    n_missing = _check_rows(data, opened)
    table = data_counts(opened, data)
    control = _control(data, table)
    arms = _arms(data, opened, table, control)
    counts = table.set_index("treatment")["n"].reindex([control, *arms]).fillna(0).astype(int)
    if counts.iloc[0] == 0:
        raise NoControlError(
            f"no row has the control {control!r} in column {data.treatment!r}; its values are "
            f"{join_names(list(table['treatment']))}."
        )
    if not arms or (empty := [a for a in arms if counts[a] == 0]):
        named = f" {join_names(empty)}" if arms else ""
        raise NoTreatedError(
            f"nobody is in the treated arm{named} of column {data.treatment!r}; its values are "
            f"{join_names(list(table['treatment']))}."
        )
    _check_propensity(data, opened, arms)
    return {
        "control": control,
        "arms": tuple(arms),
        "n_rows": int(counts.sum()),
        "n_dropped": n_missing,
        "counts": counts.rename("customers"),
        "outcome_range": (float(table["low"].min()), float(table["high"].max())),
    }


def data_counts(opened: nw.LazyFrame[Any], data: CrossSection) -> pd.DataFrame:
    """Count rows and find the range of the outcome by value of the treatment.

    Parameters
    ----------
    opened : narwhals.LazyFrame
        The frame.
    data : CrossSection
        Its roles.

    Returns
    -------
    pandas.DataFrame
        Columns ``treatment, n, low, high``, sorted.
    """
    known = opened.filter(~frames.is_missing(opened, data.outcome))
    y = frames.known(known, data.outcome)
    rows = known.select(treatment=nw.col(data.treatment), y=y)
    grouped = rows.group_by("treatment").agg(
        nw.len().alias("n"), nw.col("y").min().alias("low"), nw.col("y").max().alias("high")
    )
    table = frames.collect(grouped)
    if isinstance(dtype := table["treatment"].dtype, pd.CategoricalDtype):
        table["treatment"] = table["treatment"].astype(dtype.categories.dtype)
    if len(table) > MAX_ARMS:
        raise TreatmentError(
            f"Column {data.treatment!r} (role 'treatment') has {len(table)} different values; "
            f"expected at most {MAX_ARMS} arms. A dose is not an arm: cut it into levels first."
        )
    return table.sort_values("treatment", kind="stable", ignore_index=True)


def _check_rows(data: CrossSection, opened: nw.LazyFrame[Any]) -> int:
    """Refuse rows that cannot be used; return how many have no outcome."""
    fix = "fill or remove those rows explicitly"
    to_check = [checks.present(opened, data.treatment, fix)]
    to_check += checks.finite(opened, data.outcome)
    if data.unit is not None:
        to_check += checks.exact_ids(opened, data.unit)
    if data.cluster is not None:
        to_check.append(checks.present(opened, data.cluster, fix))
    schema = opened.collect_schema()
    for column in data.features:
        if schema[column].is_numeric():
            to_check += checks.finite(opened, column)
        if data.missing_features == "raise":
            how = "impute it, or say missing_features='indicator'"
            to_check.append(checks.present(opened, column, how))
    values = {"known": frames.known(opened, data.outcome).count()}
    for i, column in enumerate(data.features):
        values[f"feature {i}"] = nw.col(column).count()
    if data.weight is not None:
        to_check += checks.sound_weights(opened, data.weight)
        values["weight"] = frames.known(opened, data.weight).sum()
    seen = checks.run(opened, to_check, values).fillna(0.0)
    if data.weight is not None:
        checks.check_weight_sum(float(seen["weight"]), data.weight)
    for i, column in enumerate(data.features):
        if not seen[f"feature {i}"]:
            raise ColumnError(f"Feature {column!r} has no values at all; leave it out.")
    return _missing_outcomes(data, opened, int(seen[checks.ROWS] - seen["known"]))


def _missing_outcomes(data: CrossSection, opened: nw.LazyFrame[Any], n: int) -> int:
    if n and data.missing == "raise":
        missing = frames.is_missing(opened, data.outcome)
        raise MissingOutcomeError(
            f"Column {data.outcome!r} (role 'outcome') is missing in "
            f"{frames.where(opened, missing, n)}; find out why, or say missing='drop'."
        )
    if n and n == frames.count_rows(opened):
        raise MissingOutcomeError(f"Column {data.outcome!r} (role 'outcome') has no values at all.")
    return n


def _control(data: CrossSection, table: pd.DataFrame) -> Any:
    values = list(table["treatment"])
    if data.control is not None:
        return data.control
    if set(values) <= {0, 1}:
        return type(values[0])(0) if values else 0
    raise ConfigError(
        f"column {data.treatment!r} (role 'treatment') has the values {join_names(values)}; say "
        "which one is the control, as control=..."
    )


def _arms(
    data: CrossSection, opened: nw.LazyFrame[Any], table: pd.DataFrame, control: Any
) -> list[Any]:
    """Return the treated arms, and refuse rows that are in none of those declared."""
    found = [v for v in table["treatment"] if v != control]
    declared = [a for a in data.arms if a != control]
    if not declared:
        return found
    if unknown := [v for v in found if v not in declared]:
        stray = nw.lit(False)
        for value in unknown:
            stray = stray | (nw.col(data.treatment) == value)
        n = int(table.set_index("treatment")["n"].loc[unknown].sum())
        raise TreatmentError(
            f"Column {data.treatment!r} (role 'treatment') has values that are neither the control "
            f"{control!r} nor one of the arms {join_names(declared)}: {join_names(unknown)} in "
            f"{frames.where(opened, stray, n)}; correct them, or declare them as arms."
        )
    return declared


def propensity_parts(data: CrossSection, arms: list[Any]) -> dict[Any, float | str]:
    """Return the known propensity of each treated arm, as a number or a column.

    Parameters
    ----------
    data : CrossSection
        Customers.
    arms : list
        Treated arms.

    Returns
    -------
    dict
        One entry a treated arm.

    Raises
    ------
    ConfigError
        If there is not one for every arm.
    """
    given = data.propensity
    if isinstance(given, Mapping):
        if set(given) != set(arms):
            raise ConfigError(
                f"propensity names {join_names(list(given))}; expected one entry a treated arm: "
                f"{join_names(arms)}."
            )
        return dict(given)
    if len(arms) > 1:
        raise ConfigError(
            f"propensity is {given!r} but there are {len(arms)} treated arms; give a mapping with "
            f"one entry for each of {join_names(arms)}."
        )
    return {} if given is None else {arms[0]: given}


def _propensity_columns(data: CrossSection) -> dict[str, str]:
    given = data.propensity
    parts = dict(given) if isinstance(given, Mapping) else {"": given}
    return {f"propensity[{k}]": v for k, v in parts.items() if isinstance(v, str)}


def _check_propensity(data: CrossSection, opened: nw.LazyFrame[Any], arms: list[Any]) -> None:
    """Refuse propensities that are no probabilities, or leave nothing to compare."""
    if data.propensity is None:
        return
    total: Any = 0.0
    for arm, part in propensity_parts(data, arms).items():
        if not isinstance(part, str):
            share = check_number(part, f"propensity of arm {arm!r}", low=0, high=1)
            total = total + share
            if share in (0.0, 1.0):
                raise OverlapError(f"the propensity of arm {arm!r} is {share:g}; {_NOBODY}")
            continue
        values = frames.collect(opened.select(p=nw.col(part).cast(nw.Float64)))["p"].to_numpy()
        total = total + values
        if bad := int((~np.isfinite(values) | (values < 0) | (values > 1)).sum()):
            raise NonFiniteError(
                f"Column {part!r} (role 'propensity') is missing or outside 0 to 1 in {bad} rows; "
                "give the probability of treatment of every row."
            )
        if bad := int(((values == 0) | (values == 1)).sum()):
            raise OverlapError(
                f"Column {part!r} (role 'propensity') is 0 or 1 in {bad} rows; {_NOBODY}"
            )
    if np.any(np.asarray(total) >= 1):
        raise OverlapError(f"the propensities of the arms sum to 1 or more; {_NOBODY}")


_NOBODY = (
    "such customers have nobody to be compared with. Leave them out, which changes whom the effect "
    "is about."
)
