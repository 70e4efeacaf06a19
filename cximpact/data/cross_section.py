"""Customers who got one of several treatments, each seen once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cximpact.core.errors import InsufficientDataError, unknown_name
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.validate import check_choice, check_prob
from cximpact.data import frames
from cximpact.data.customer_rows import CustomerRows, customer_rows
from cximpact.data.treatment_roles import check_treatment, check_treatment_roles

MISSING_FEATURES = ("raise", "indicator")


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossSection:
    """Customers with what they were offered, what they did, and what was known before.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    outcome : str
        Column of what they did afterwards: 0/1, counts or amounts.
    treatment : str
        Column that says who got what: 0/1, or labels of the arms.
    features : sequence of str
        Columns known before treatment. A column that treatment may have changed, such as a
        score asked after the contact, hides part of the effect.
    control : object, optional
        Label of the arm without treatment; 0 where treatment is 0/1.
    arms : sequence, optional
        Labels of the treated arms; those that occur, in sorted order, by default. Any other
        label is then an error.
    propensity : float, str or mapping, optional
        Known probability of treatment: a number or a column, or one of them per treated arm.
        None if it is unknown and must be estimated.
    unit : str, optional
        Column that identifies the customer. With it, a customer is never in two folds, and
        evaluation on training customers is noticed.
    cluster : str, optional
        Column at which errors are dependent, such as the store; the customer by default.
    weight : str, optional
        Column of weights.
    missing : {"raise", "drop"}
        What to do with rows without an outcome.
    missing_features : {"raise", "indicator"}
        What to do with missing features: refuse them, or fill in the median and add a column
        that says so.

    Attributes
    ----------
    n_rows, n_dropped : int
        Rows that are used, and rows left out for a missing outcome.
    counts : pandas.Series
        Rows by arm, control first.
    outcome_range : tuple of float
        Least and greatest outcome.

    Raises
    ------
    DataError, DesignError
        If a column is missing or cannot be read, an arm is unknown, nobody or everybody is
        treated, or a propensity is 0 or 1.
    """

    frame: Any = field(kw_only=False, repr=False)
    outcome: str
    treatment: str
    features: Sequence[str] = ()
    control: Any = None
    arms: Sequence[Any] = ()
    propensity: float | str | Mapping[Any, float | str] | None = None
    unit: str | None = None
    cluster: str | None = None
    weight: str | None = None
    missing: str = "raise"
    missing_features: str = "raise"
    n_rows: int = field(init=False)
    n_dropped: int = field(init=False)
    counts: pd.Series = field(init=False, repr=False)
    outcome_range: tuple[float, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_choice(self.missing_features, "missing_features", MISSING_FEATURES)
        opened = check_treatment_roles(self)
        for name, value in check_treatment(self, opened).items():
            object.__setattr__(self, name, value)

    def open(self) -> nw.LazyFrame[Any]:
        """Open the rows that are used under the names of their roles.

        Returns
        -------
        narwhals.LazyFrame
            Columns ``outcome, treatment``, then ``unit``, ``cluster`` and ``weight`` where they
            are named, and the features under their own names.
        """
        opened = frames.open_frame(self.frame)
        if self.missing == "drop":
            opened = opened.filter(~frames.is_missing(opened, self.outcome))
        columns: dict[str, nw.Expr] = {
            "outcome": nw.col(self.outcome).cast(nw.Float64),
            "treatment": nw.col(self.treatment),
        }
        for role in ("unit", "cluster"):
            if (column := getattr(self, role)) is not None:
                columns[role] = nw.col(column)
        if self.weight is not None:
            columns["weight"] = nw.col(self.weight).cast(nw.Float64)
        return opened.select(**columns, **{c: nw.col(c) for c in self.features})

    def to_arrays(self) -> CustomerRows:
        """Bring the rows that are used into memory.

        Returns
        -------
        CustomerRows
            Arrays in the order of the rows.
        """
        return customer_rows(self)

    def pick(self, arm: Any) -> CrossSection:
        """Keep one treated arm and the control.

        Parameters
        ----------
        arm : object
            Label of the treated arm.

        Returns
        -------
        CrossSection
            The customers of these two arms. A known propensity becomes that within the pair.

        Raises
        ------
        ConfigError
            If there is no such arm.
        """
        if arm not in self.arms:
            raise unknown_name("arm", arm, self.arms)
        rows = self.to_arrays()
        code = list(self.arms).index(arm) + 1
        kept = np.flatnonzero((rows.arm == 0) | (rows.arm == code))
        table = self.table().iloc[kept].reset_index(drop=True)
        share: Any = None
        if rows.propensity is not None:
            pair = rows.propensity[kept][:, [0, code]]
            share = "propensity_of_the_pair"
            table = table.assign(**{share: pair[:, 1] / pair.sum(axis=1)})
            if np.ptp(table[share]) < 1e-12:
                share = float(table.pop(share).iloc[0])
        return replace(self, frame=table, arms=(arm,), propensity=share, missing="raise")

    def split(self, share: float = 0.5, *, rng: RngLike) -> tuple[CrossSection, CrossSection]:
        """Split the customers at random, for fitting and for an honest evaluation.

        Parameters
        ----------
        share : float, default 0.5
            Share of the first part.
        rng : int or Generator
            Randomness.

        Returns
        -------
        tuple of CrossSection
            Two parts without a customer or a cluster in common.

        Raises
        ------
        InsufficientDataError
            If a part would be empty.
        """
        check_prob(share, "share")
        rows = self.to_arrays()
        n_groups = int(rows.group.max()) + 1
        order = as_generator(rng).permutation(n_groups)
        n_first = round(share * n_groups)
        if not 0 < n_first < n_groups:
            raise InsufficientDataError(
                f"{n_groups} customers or clusters cannot be split at {share:g}; give more rows."
            )
        first = np.zeros(n_groups, dtype=bool)
        first[order[:n_first]] = True
        table, inside = self.table(), first[rows.group]
        parts = [table[mask].reset_index(drop=True) for mask in (inside, ~inside)]
        return self.replaced(parts[0]), self.replaced(parts[1])

    def replaced(self, table: pd.DataFrame) -> CrossSection:
        """Keep the roles and take other rows.

        Parameters
        ----------
        table : pandas.DataFrame
            Rows with the same columns.

        Returns
        -------
        CrossSection
            With the same control and arms.
        """
        return replace(self, frame=table, control=self.control, arms=self.arms, missing="raise")

    def table(self) -> pd.DataFrame:
        """Collect the rows that are used, with all columns of the frame.

        Returns
        -------
        pandas.DataFrame
            In their order.
        """
        opened = frames.open_frame(self.frame)
        if self.missing == "drop":
            opened = opened.filter(~frames.is_missing(opened, self.outcome))
        return frames.collect(opened)
