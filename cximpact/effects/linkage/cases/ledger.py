"""The ledger of cases: what was opened, what was closed, what is overdue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cximpact.core.errors import ConfigError, InsufficientDataError, MissingColumnError
from cximpact.core.fingerprint import fingerprint
from cximpact.core.results import plotting
from cximpact.core.rng import RngLike
from cximpact.core.validate import check_count, check_prob
from cximpact.data.frames import column_names
from cximpact.effects.linkage.cases.closing import ClosingTimes, closing_times
from cximpact.effects.linkage.cases.ledger_read import moment_of, read_cases
from cximpact.scores.intervals import proportion_interval

STATUSES = ("new", "in progress", "overdue", "closed")
OUTCOMES = ("resolved", "unresolved", "left")


@dataclass(frozen=True, kw_only=True, eq=False)
class CaseLedger:
    """Cases of closed-loop management, one row each.

    Parameters
    ----------
    frame : frame
        One row a case; any engine.
    case : str
        Column of the case's key.
    opened, closed : str
        Columns of dates, or numbers of days or periods; ``closed`` is missing while the case is
        open.
    at : date or number
        When the ledger was drawn up. What is open then is censored, not dropped.
    outcome : str, optional
        Column of how a case ended, missing while it is open.
    outcomes : sequence of str
        How a case can end.
    started : str, optional
        Column of when work on the case began.
    due : str, optional
        Column of when it should be closed.

    Attributes
    ----------
    n : int
        Cases.
    """

    frame: Any = field(kw_only=False, repr=False)
    case: str
    opened: str
    closed: str
    at: Any
    outcome: str | None = None
    outcomes: Sequence[str] = OUTCOMES
    started: str | None = None
    due: str | None = None
    n: int = field(init=False)
    _cases: pd.DataFrame = field(init=False, repr=False)
    _whole: pd.DataFrame = field(init=False, repr=False)
    _moment: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = tuple(str(o) for o in column_names(self.outcomes, "outcomes"))
        if not names:
            raise ConfigError("outcomes names nothing; expected how a case can end.")
        names = names if self.outcome else ("closed",)
        roles = {r: getattr(self, r) for r in ("case", "opened", "closed", "started", "due")}
        cases, whole, moment = read_cases(
            self.frame, roles | {"outcome": self.outcome}, names, self.at
        )
        set_ = object.__setattr__
        set_(self, "outcomes", names)
        set_(self, "n", len(cases))
        set_(self, "_cases", cases)
        set_(self, "_whole", whole)
        set_(self, "_moment", moment)

    def status(self, at: Any = None, *, by: str | None = None) -> pd.DataFrame:
        """Count cases by where they stand at a moment.

        Parameters
        ----------
        at : date or number, optional
            The moment; that of the ledger by default.
        by : str, optional
            Column, such as the agent or the store.

        Returns
        -------
        pandas.DataFrame
            ``by`` where given, ``status, cases, share``. A case is new until work begins, then
            in progress; an open case past its due date is overdue, whatever was done. Cases
            opened later are not counted. Without ``started`` no case is in progress.
        """
        moment, kept = self._seen(at)
        where = self._standing(moment)[kept]
        groups = self._groups(by)[kept]
        counts = pd.crosstab(groups, where).reindex(columns=range(4), fill_value=0)
        table = counts.rename(columns=dict(enumerate(STATUSES))).rename_axis(columns="status")
        table = table.stack().rename("cases").reset_index()
        table["share"] = table["cases"] / table.groupby(table.columns[0])["cases"].transform("sum")
        return self._named(table, by)

    def overdue(self, at: Any = None, *, by: str | None = None, prob: float = 0.9) -> pd.DataFrame:
        """Estimate which share of the cases that fell due was not closed in time.

        Parameters
        ----------
        at : date or number, optional
            The moment; that of the ledger by default.
        by : str, optional
            Column, such as the agent or the store.
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            ``by`` where given, ``estimate, conf_low, conf_high, conf_level, late, n``; Wilson's
            interval. ``n`` are the cases due by the moment, closed or not: a case that is not
            due yet can be neither late nor in time.

        Raises
        ------
        ConfigError
            If the ledger has no due dates.
        InsufficientDataError
            If no case was due by then.
        """
        if self.due is None:
            raise ConfigError("the ledger has no due dates; name their column as due=.")
        check_prob(prob)
        moment, kept = self._seen(at)
        cases = self._cases
        kept = kept & (cases["due"] <= moment).to_numpy()
        if not kept.any():
            raise InsufficientDataError("no case was due by then; ask at a later moment.")
        closed = cases["closed"].where(cases["closed"] <= moment, np.inf)
        late = (closed > cases["due"]).to_numpy()[kept]
        rows = []
        for group, mine in pd.Series(late).groupby(self._groups(by)[kept], sort=True):
            found = proportion_interval(int(mine.sum()), len(mine), prob=prob)
            rows.append((group, mine.mean(), found.low, found.high, prob, mine.sum(), len(mine)))
        names = ["group", "estimate", "conf_low", "conf_high", "conf_level", "late", "n"]
        return self._named(pd.DataFrame(rows, columns=names), by)

    def flow(self, moments: int = 26) -> pd.DataFrame:
        """Follow the ledger through time.

        Parameters
        ----------
        moments : int, default 26
            At how many moments, evenly from the first opening to the ledger's own.

        Returns
        -------
        pandas.DataFrame
            ``at`` (dates where the ledger has dates), ``opened`` and ``closed`` up to then,
            ``open`` and ``overdue`` at that moment.
        """
        check_count(moments, "moments", low=2)
        grid = np.linspace(0.0, self._moment, moments)
        opened = np.searchsorted(np.sort(self._cases["opened"]), grid, side="right")
        ended = np.sort(self._cases["closed"].dropna())
        closed = np.searchsorted(ended, grid, side="right")
        late = [int((self._standing(m)[self._seen_at(m)] == 2).sum()) for m in grid]
        return pd.DataFrame(
            {
                "at": self._dates(grid),
                "opened": opened,
                "closed": closed,
                "open": opened - closed,
                "overdue": late,
            }
        )

    def time_to_close(
        self, *, by: str | None = None, times: Any = None, draws: int = 1000, rng: RngLike = None
    ) -> ClosingTimes:
        """Estimate how long cases take to close, and how they end.

        Parameters
        ----------
        by : str, optional
            Column of groups, such as the agent or the store.
        times : array_like, optional
            Days or periods since opening at which to estimate; up to 60 by default.
        draws : int, default 1000
            How many draws.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        ClosingTimes
            Share of cases closed in each way by each time.
        """
        cases = self._cases
        ends = cases["closed"].fillna(self._moment)
        return closing_times(
            (ends - cases["opened"]).to_numpy(float),
            cases["outcome"].to_numpy(int),
            self.outcomes,
            groups=None if by is None else self._groups(by),
            times=times,
            draws=draws,
            rng=rng,
            data_hash=fingerprint(cases),
        )

    def plot(self, **options: Any) -> Any:
        """Draw the ledger through time, with how long cases take to close.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.recovery_timeline`.

        Returns
        -------
        matplotlib.figure.Figure
            Two pictures beside each other.
        """
        closing = self.time_to_close(draws=400, rng=0).summary()
        unit = "days" if isinstance(self.first_opened, pd.Timestamp) else "periods"
        return plotting().recovery_timeline(self.flow(), closing, unit=unit, **options)

    @property
    def first_opened(self) -> Any:
        """When the first case was opened."""
        column = self._whole[self.opened]
        return pd.to_datetime(column).min() if column.dtype == object else column.min()

    def _seen(self, at: Any) -> tuple[float, np.ndarray]:
        moment = self._moment
        if at is not None:
            moment = moment_of(at, self.first_opened, self._moment)
        return moment, self._seen_at(moment)

    def _seen_at(self, moment: float) -> np.ndarray:
        return (self._cases["opened"] <= moment).to_numpy()

    def _standing(self, moment: float) -> np.ndarray:
        """Return the number of each case's status."""
        cases = self._cases
        closed, late = cases["closed"] <= moment, cases["due"] < moment
        return np.select([closed, late, cases["started"] <= moment], [3, 2, 1], 0)

    def _groups(self, by: str | None) -> np.ndarray:
        if by is None:
            return np.full(self.n, "all", dtype=object)
        if by not in self._whole:
            raise MissingColumnError.from_names([by], map(str, self._whole.columns), role="by")
        column = self._whole[by].astype(object)
        return column.where(column.notna(), "(missing)").astype(str).to_numpy(object)

    def _named(self, table: pd.DataFrame, by: str | None) -> pd.DataFrame:
        first = table.columns[0]
        return table.drop(columns=first) if by is None else table.rename(columns={first: by})

    def _dates(self, grid: np.ndarray) -> Any:
        origin = self.first_opened
        return (
            origin + pd.to_timedelta(grid, "D")
            if isinstance(origin, pd.Timestamp)
            else origin + grid
        )
