"""The analytic data repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import duckdb
import pandas as pd

from cximpact.core.errors import ConfigError
from cximpact.core.scale import ScoreScale
from cximpact.data import Panel, SurveyWave
from cximpact.repository import adding, identities, journeys, overview, panels, waves
from cximpact.repository.adding import Order, Receipt
from cximpact.repository.store import open_store


class Repository:
    """Customers, contacts, surveys, behavior, exposures and costs in one checked place.

    Parameters
    ----------
    path : str or Path, optional
        File of the repository, which is made when it does not exist. None keeps it in memory.

    Raises
    ------
    BatchError
        If the file is not a repository.
    StoreLockedError
        If another process has it open.

    Notes
    -----
    The tables and their columns are those of `cximpact.repository.CONTRACTS`. A batch is checked
    whole and stored in one transaction: when anything is wrong with a row, or the process is
    killed, the repository is as it was before. Rows are only added, never changed.

    Times are kept to the microsecond. All times of a repository are in one time zone, or none has
    one; periods such as months are those of that zone.

    The connection can reach no other file and no network.

    Examples
    --------
    >>> import pandas as pd
    >>> from cximpact.repository import Repository
    >>> with Repository() as repo:
    ...     receipt = repo.add(
    ...         "customers", pd.DataFrame({"customer": [1, 2], "segment": ["a", "b"]})
    ...     )
    ...     len(repo.table("customers"))
    2
    """

    def __init__(self, path: str | Path | None = None) -> None:
        if path is not None and not isinstance(path, str | Path):
            raise ConfigError(f"path is of type {type(path).__name__}; expected a file name.")
        self._path = None if path is None or str(path) == ":memory:" else Path(path)
        self._open: duckdb.DuckDBPyConnection | None = open_store(self._path)

    def add(
        self,
        table: str,
        frame_or_path: Any,
        *,
        columns: Mapping[str, str] | None = None,
        batch: str | None = None,
        if_exists: Literal["refuse", "skip"] = "refuse",
        source: str | None = None,
        scale: ScoreScale | None = None,
    ) -> Receipt:
        """Add a batch of rows: all of it, or nothing.

        Parameters
        ----------
        table : str
            One of customers, identities, interactions, surveys, behavior, exposures and costs.
        frame_or_path : frame, str or Path
            A pandas, polars or pyarrow table, a DuckDB relation, or a CSV or Parquet file. CSV is
            UTF-8 with a header, decimal points and ISO dates.
        columns : mapping of str to str, optional
            Their name to ours, for columns that are called otherwise.
        batch : str, optional
            Identifier of the batch; the hash of its content by default.
        if_exists : {"refuse", "skip"}
            Whether rows that were added before are an error or passed over.
        source : str, optional
            For identities: the system, where no column says it. For other tables: the system
            whose identifiers stand in ``customer``; they are looked up in identities.
        scale : ScoreScale, optional
            Scale of the answers; required for surveys with answers.

        Returns
        -------
        Receipt
            Table, batch, rows added, and whether it was skipped.

        Raises
        ------
        DataError, ConfigError
            If anything is wrong with the rows, or an option; the message says what and where.

        Notes
        -----
        Further columns are kept as attributes by customers, interactions and surveys and refused
        by the others. A column without any value is left out.
        """
        order = Order(
            table=table,
            columns=columns,
            batch=batch,
            if_exists=if_exists,
            source=source,
            scale=scale,
        )
        return adding.add(self._connection, frame_or_path, order)

    def table(self, name: str) -> pd.DataFrame:
        """Return a copy of a table, ordered by its key.

        Parameters
        ----------
        name : str
            Name of the table.

        Returns
        -------
        pandas.DataFrame
            Columns of the contract, then attributes by name; no rows before the first batch.
        """
        return overview.table(self._connection, name)

    def batches(self) -> pd.DataFrame:
        """Return the batches that were added.

        Returns
        -------
        pandas.DataFrame
            Columns ``table, batch, rows``, in the order they came.
        """
        return overview.batches(self._connection)

    def coverage(self) -> pd.DataFrame:
        """Say which share of the customers each table knows.

        Returns
        -------
        pandas.DataFrame
            One row a table: ``table, rows, customers`` (different ones), ``share`` of all
            customers (a fraction), ``first`` and ``last`` time or period.
        """
        return overview.coverage(self._connection)

    def resolve(
        self,
        frame: Any,
        source: str,
        column: str,
        *,
        unknown: Literal["refuse", "null"] = "refuse",
    ) -> pd.DataFrame:
        """Look up the customers behind the identifiers of a source.

        Parameters
        ----------
        frame : frame
            Rows of any engine; left as they are.
        source : str
            The system, as in the table identities.
        column : str
            Column of its identifiers.
        unknown : {"refuse", "null"}
            Whether an identifier that is not in identities is an error or gives no customer.

        Returns
        -------
        pandas.DataFrame
            The rows in their order, with a further column ``customer``.

        Raises
        ------
        DanglingReferenceError, IdTypeError
            With the rows that are not in identities, or that have no identifier.
        """
        return identities.resolve(self._connection, frame, source, column, unknown)

    def journey(self, customer: str | int) -> pd.DataFrame:
        """Return the contacts of a customer in order.

        Parameters
        ----------
        customer : str or int
            The customer.

        Returns
        -------
        pandas.DataFrame
            Rows of interactions, by time; at equal times by event, those without one first.

        Raises
        ------
        DanglingReferenceError, IdTypeError
            If there is no such customer, or it is text and customers are numbers.
        """
        return journeys.journey(self._connection, customer)

    def contact_features(
        self, start: Any = None, end: Any = None, *, repeat_within: float = 7.0
    ) -> pd.DataFrame:
        """Add up the contacts of every customer, those without any included.

        Parameters
        ----------
        start, end : datetime-like, optional
            Count contacts from ``start`` (included) until ``end`` (excluded).
        repeat_within : float, default 7
            Days within which a contact after another counts as a repeat.

        Returns
        -------
        pandas.DataFrame
            One row a customer: ``contacts``; ``channels`` (different ones); ``channel_hops``
            (changes of channel from one contact to the next); ``transfers``; ``wait`` (seconds);
            ``repeat_contacts``; ``unresolved_share`` (fraction; missing where nothing is known).
            ``transfers_known``, ``wait_known`` and ``resolved_known`` count the contacts that the
            figure beside them rests on.

        Raises
        ------
        TimezoneError, ConfigError
            If only ``start`` or the times have a time zone, or no time lies between the two.
        DataError
            If there are no interactions yet.

        Notes
        -----
        Only contacts between ``start`` and ``end`` count, also as the earlier contact of a hop or
        a repeat. Sums run over the contacts with a value, so compare them with the ``_known``
        counts before taking a zero for none.
        """
        return journeys.contact_features(self._connection, start, end, repeat_within)

    def survey_wave(
        self,
        survey: str,
        *,
        answer: str = "answer",
        scale: ScoreScale | None = None,
        factors: Sequence[str] = (),
        period: str | None = None,
        start: Any = None,
        end: Any = None,
        repeats: Literal["refuse", "keep"] = "refuse",
    ) -> SurveyWave:
        """Assemble a wave of a survey over all customers.

        Parameters
        ----------
        survey : str
            Name of the survey.
        answer : str, default "answer"
            Name of the question, and of the column of answers. For a survey without named
            questions it only names the column.
        scale : ScoreScale, optional
            Scale of the answers; by default the one they were added with.
        factors : sequence of str
            Attributes of customers that form the cells.
        period : {"number", "year", "quarter", "month", "week", "day"}, optional
            Unit of the periods; ``"number"`` where invitations are numbered.
        start, end : datetime-like or int, optional
            Take invitations from ``start`` (included) until ``end`` (excluded).
        repeats : {"refuse", "keep"}
            Whether a customer who was invited several times (in one period) is an error, or has
            one row an invitation.

        Returns
        -------
        SurveyWave
            One row a customer, or a customer and period in which the survey ran. Who was not
            invited has no answer and no stages. All attributes of customers go along.

        Raises
        ------
        ConfigError
            If there is no such survey or question, or the unit of periods does not suit.
        MissingColumnError
            If a factor is no attribute of customers.
        ScaleError
            If the answers are stored on another scale.
        DuplicateKeyError
            If customers were invited several times and ``repeats="refuse"``.

        Notes
        -----
        The population is everyone in the table customers, in every period. Customers who joined
        later or left earlier must be taken out of the wave's frame by those who know.
        """
        request = waves.WaveRequest(
            survey=survey,
            answer=answer,
            scale=scale,
            factors=factors,
            period=period,
            start=start,
            end=end,
            repeats=repeats,
        )
        return waves.survey_wave(self._connection, request)

    def panel(
        self,
        outcome: str,
        initiative: str,
        *,
        period: str = "number",
        cluster: str | None = None,
        covariates: Sequence[str] = (),
        missing: Literal["raise", "drop"] = "raise",
    ) -> Panel:
        """Assemble a panel of behavior, with the period in which each customer was first exposed.

        Parameters
        ----------
        outcome : {"retained", "orders", "spend", "margin"}
            Column of the table behavior.
        initiative : str
            Initiative whose exposures are the treatment.
        period : {"number", "year", "quarter", "month", "week", "day"}
            Unit of the periods; ``"number"`` where they are numbered.
        cluster : str, optional
            Attribute of customers at which errors are dependent; the customer by default.
        covariates : sequence of str
            Attributes of customers.
        missing : {"raise", "drop"}
            What to do with rows without an outcome.

        Returns
        -------
        Panel
            Unit ``customer``. Dates become numbers in which neighbors differ by 1: years, months
            as ``12 year + month - 1``, quarters as ``4 year + quarter - 1``, weeks and days since
            1 January of year 1. The column ``period_start`` keeps the date.

        Raises
        ------
        ConfigError
            If there is no such initiative, or the unit of periods does not suit.
        MissingColumnError
            If the cluster or a covariate is no attribute of customers.
        DuplicateKeyError, DesignError
            If the unit is coarser than behavior was stored, or nobody is treated; see `Panel`.

        Notes
        -----
        A customer counts as treated from the period of the first exposure on, and as never
        treated without one. Customers without any row in behavior are not in the panel; when
        they were exposed, a warning says how many.
        """
        request = panels.PanelRequest(
            outcome=outcome,
            initiative=initiative,
            period=period,
            cluster=cluster,
            covariates=covariates,
            missing=missing,
        )
        return panels.panel(self._connection, request)

    def close(self) -> None:
        """Close the file. Doing so twice does no harm."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = "in memory" if self._path is None else repr(str(self._path))
        return f"Repository({where}{', closed' if self._open is None else ''})"

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._open is None:
            raise ConfigError("the repository is closed; open it again.")
        return self._open
