"""Training rows, customers, values and effects of a list of customers at risk, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.causal import check_causal
from cximpact.core.errors import (
    ConfigError,
    DataError,
    MissingValueError,
    TimeOrderError,
    ZeroVarianceError,
    rows_phrase,
)
from cximpact.core.validate import check_choice, check_count, check_number
from cximpact.data import checks, frames
from cximpact.effects.linkage.alerts.risk_model import TrainRows
from cximpact.effects.linkage.timing import check_time_order
from cximpact.effects.uplift.features import FeatureEncoder
from cximpact.effects.uplift.uplift_result import UpliftPosterior

RECALIBRATE = ("auto", "always", "never")


@dataclass(frozen=True, kw_only=True)
class RiskOptions:
    """Settings of `at_risk` that have a usual value.

    Parameters
    ----------
    capacity : int, optional
        How many customers can be contacted; all by default.
    cost : float, default 0
        Cost of a contact, in the unit of value.
    unit : str, optional
        Column of the customers with their identifier, kept in the list.
    cluster : str, optional
        Column of the training rows at which they are dependent.
    dates : tuple of str, optional
        Columns of the training rows: when features were measured, and when the outcome was.
    arm : object, optional
        Treated arm of an uplift with several.
    recalibrate : {"auto", "always", "never"}
        Whether probabilities are corrected.
    folds : int, default 5
        Parts of the cross-fit.
    replicates : int, default 40
        Refits for the error of the probabilities.
    draws : int, default 1000
        How many draws.
    """

    capacity: int | None = None
    cost: float = 0.0
    unit: str | None = None
    cluster: str | None = None
    dates: tuple[str, str] | None = None
    arm: Any = None
    recalibrate: str = "auto"
    folds: int = 5
    replicates: int = 40
    draws: int = 1000

    def __post_init__(self) -> None:
        if self.capacity is not None:
            check_count(self.capacity, "capacity")
        check_number(self.cost, "cost", low=0)
        check_choice(self.recalibrate, "recalibrate", RECALIBRATE)
        check_count(self.folds, "folds", low=2)
        check_count(self.replicates, "replicates", low=10)
        check_count(self.draws, "draws", low=2)
        if self.dates is not None and (isinstance(self.dates, str) or len(self.dates) != 2):
            raise ConfigError(
                f"dates is {self.dates!r}; expected two columns: when features were measured and "
                "when the outcome was."
            )


def read_training(
    frame: Any, outcome: str, features: Sequence[str], options: RiskOptions
) -> tuple[TrainRows, FeatureEncoder, pd.DataFrame]:
    """Bring the customers whose outcome is known into memory.

    Parameters
    ----------
    frame : frame
        One row a customer.
    outcome : str
        Column of 0 and 1.
    features : sequence of str
        Columns.
    options : RiskOptions
        Settings.

    Returns
    -------
    tuple
        Rows, how features become numbers, and the table that was read.

    Raises
    ------
    DataError, DesignError
        If columns are missing, of the wrong type, incomplete or constant.
    TimeOrderError
        If features were measured after the outcome.
    """
    names = list(frames.column_names(features, "features"))
    if outcome in names:
        raise ConfigError(
            f"Column {outcome!r} is the outcome and among the features; leave it out."
        )
    opened = frames.open_frame(frame)
    roles = {"outcome": outcome, "cluster": options.cluster}
    frames.check_columns(opened, roles | {f"features[{i}]": c for i, c in enumerate(names)})
    frames.check_numeric(opened, outcome, "outcome")
    checks.check_no_missing(opened, [outcome], "leave out customers whose outcome is not known yet")
    wanted = list(dict.fromkeys([*names, outcome, *(c for c in (options.cluster,) if c)]))
    table = frames.collect(frames.select(opened, {c: c for c in wanted}))
    y = table[outcome].to_numpy(dtype=float)
    if (odd := np.flatnonzero(~np.isin(y, (0, 1)))).size:
        raise DataError(f"Column {outcome!r} is neither 0 nor 1 in {rows_phrase(odd)}.")
    if y.size == 0 or np.ptp(y) == 0:
        raise ZeroVarianceError(
            f"Column {outcome!r} does not vary in {y.size:,} rows; nothing can be learned."
        )
    if options.dates is not None:
        _check_dates(frame, y, options.dates)
    _check_complete(table, names)
    encoder = FeatureEncoder.learn(table[names])
    cluster = table[options.cluster] if options.cluster else pd.Series(np.arange(y.size))
    if cluster.isna().any():
        raise MissingValueError(
            f"Column {options.cluster!r} is missing in "
            f"{rows_phrase(np.flatnonzero(cluster.isna()))}; give every row its cluster."
        )
    codes = pd.factorize(cluster)[0].astype(np.int64)
    return TrainRows(x=encoder.encode(table[names]), y=y, cluster=codes), encoder, table


def read_customers(
    frame: Any, encoder: FeatureEncoder, value: Any, options: RiskOptions
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray | None]:
    """Bring the customers of whom a list is made into memory.

    Parameters
    ----------
    frame : frame
        One row a customer.
    encoder : FeatureEncoder
        What was learned of the features.
    value : str, float or None
        Column or amount that a customer is worth.
    options : RiskOptions
        Settings.

    Returns
    -------
    tuple
        The table, features as numbers, and values.

    Raises
    ------
    DataError, ConfigError
        If columns are missing or incomplete, or a value is negative.
    """
    opened = frames.open_frame(frame)
    named = value if isinstance(value, str) else None
    roles = {"value": named, "unit": options.unit}
    roles |= {f"features[{i}]": c for i, c in enumerate(encoder.columns)}
    frames.check_columns(opened, roles)
    frames.count_rows(opened)
    table = frames.collect(opened)
    _check_complete(table, list(encoder.columns))
    x = encoder.encode(table[list(encoder.columns)])
    if value is None:
        return table, x, None
    if named is None:
        return table, x, np.full(len(table), check_number(value, "value", low=0))
    frames.check_numeric(opened, named, "value")
    checks.check_finite(opened, named)
    checks.check_no_missing(opened, [named], "every customer needs a value")
    worth = table[named].to_numpy(dtype=float)
    if (negative := np.flatnonzero(worth < 0)).size:
        raise DataError(f"Column {named!r} is negative in {rows_phrase(negative)}.")
    return table, x, worth


def read_gain(
    uplift: UpliftPosterior | None,
    customers: pd.DataFrame,
    worth: np.ndarray | None,
    outcome: str,
    options: RiskOptions,
) -> pd.DataFrame | None:
    """Return what a contact is expected to gain with each customer.

    Parameters
    ----------
    uplift : UpliftPosterior, optional
        Effect of the contact, from an experiment.
    customers : pandas.DataFrame
        With the features of the uplift model.
    worth : numpy.ndarray, optional
        Values of the customers.
    outcome : str
        What the risk is of. An uplift on this very outcome counts with the other sign.
    options : RiskOptions
        Settings.

    Returns
    -------
    pandas.DataFrame or None
        Columns ``estimate`` and, where errors are known, ``std_error``.

    Raises
    ------
    ConfigError
        If it is no uplift, or has several arms and none was chosen.
    NotCausalError
        If it is descriptive.
    """
    if uplift is None:
        return None
    if not isinstance(uplift, UpliftPosterior):
        raise ConfigError(
            f"uplift is a {type(uplift).__name__}; expected the result of an uplift learner."
        )
    check_causal(uplift, "uplift")
    arms = [str(a) for a in uplift.model.arms]
    if len(arms) > 1 and str(options.arm) not in arms:
        raise ConfigError(f"the uplift has the arms {arms}; choose one, as arm={arms[0]!r}.")
    found = uplift.predict(customers)
    if "arm" in found:
        found = found[found["arm"] == str(options.arm)].reset_index(drop=True)
    sign = -1.0 if uplift.model.data.outcome == outcome else 1.0
    scale = np.ones(len(found)) if worth is None else worth
    out = pd.DataFrame({"estimate": sign * found["estimate"] * scale - options.cost})
    if "std_error" in found:
        out["std_error"] = found["std_error"] * scale
    return out


def _check_complete(table: pd.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if (rows := np.flatnonzero(table[name].isna().to_numpy())).size:
            raise MissingValueError(
                f"feature {name!r} is missing in {rows_phrase(rows)}; impute it, or add a column "
                "that says where it is missing."
            )


def _check_dates(frame: Any, y: np.ndarray, dates: tuple[str, str]) -> None:
    """Compare dates where there is one: nobody who stayed has a date of leaving."""
    first, then = dates
    opened = frames.open_frame(frame)
    frames.check_columns(opened, {"dates[0]": first, "dates[1]": then})
    table = frames.collect(frames.select(opened, {first: first, then: then}))
    due = (y == 1) | table[then].notna().to_numpy()
    try:
        check_time_order(table[due].reset_index(drop=True), first, then, cause="a feature")
    except TimeOrderError as error:
        raise TimeOrderError(
            f"{error} (Positions count the rows that have an outcome date.)"
        ) from None
