"""What operations saw of each customer: waits, transfers, repeat contacts, channel hopping."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import narwhals as nw

from cximpact.core.errors import ConfigError
from cximpact.core.validate import check_number
from cximpact.data import checks, frames

_TIME, _CHANNEL, _WAIT, _TRANSFERS = "__time", "__channel", "__wait", "__transfers"
_AGAIN, _EPISODE = "__again", "__episode"


def operational_signals(
    interactions: Any,
    customer: str = "customer",
    *,
    time: str = "time",
    channel: str = "channel",
    wait: str | None = "wait",
    transfers: str | None = "transfers",
    repeat_within: float = 7.0,
    start: Any = None,
    end: Any = None,
) -> Any:
    """Add up the contacts of each customer into signals of effort, in the engine of the frame.

    Parameters
    ----------
    interactions : frame
        One row a contact, of any engine; such as the repository's table ``interactions``.
    customer, time, channel : str
        Columns of the customer, of when the contact began (dates with times, or days as
        numbers), and of its channel.
    wait, transfers : str or None
        Columns of the seconds before an answer and of how often the contact was handed on; None
        where there is none. Missing values count as not known.
    repeat_within : float, default 7
        Days. A contact at most that long after the one before is a repeat; it belongs to the
        same episode.
    start, end : time, optional
        From (included) and until (excluded), as the column ``time`` has them.

    Returns
    -------
    frame
        One row a customer with a contact, of the same engine and as eager as it was given:
        the customer, ``contacts``, ``episodes``, ``repeat_contacts``, ``channels_in_episode``
        (most different channels in one episode), ``hopping_episodes`` (episodes with more than
        one channel), ``wait_mean`` and ``wait_max`` (seconds), ``wait_known`` (contacts with a
        known wait), ``transfers`` and ``transfers_known``.

    Raises
    ------
    MissingColumnError, MissingValueError, DtypeError
        If a column is not there, or customer, time or channel has gaps, or waits are no numbers.
    ConfigError
        If ``repeat_within`` is not above 0, or the window is empty.

    Notes
    -----
    These are covariates with which the effort of customers can be inferred who were never asked:
    everybody with contacts has them, whether or not he answered. Customers without a contact
    have no row; join from the frame of the survey and give them zeros explicitly.

    Take contacts from before the survey only: what happens after an answer may be its
    consequence. An episode cut by ``start`` counts as beginning there.

    References
    ----------
    Dixon, M., Freeman, K. & Toman, N. (2010). Stop Trying to Delight Your Customers. Harvard
    Business Review 88(7/8).
    """
    days = check_number(repeat_within, "repeat_within", low=0, open_low=True)
    opened = frames.open_frame(interactions)
    roles = {"customer": customer, "time": time, "channel": channel}
    frames.check_columns(opened, roles | {"wait": wait, "transfers": transfers})
    for name, role in ((wait, "wait"), (transfers, "transfers")):
        if name is not None:
            frames.check_numeric(opened, name, role)
    fix = "correct or drop these contacts first"
    checks.run(opened, [checks.present(opened, c, fix) for c in roles.values()])
    rows = opened.select(
        **{
            customer: nw.col(customer),
            _TIME: nw.col(time),
            _CHANNEL: nw.col(channel),
            _WAIT: _known(opened, wait),
            _TRANSFERS: _known(opened, transfers),
        }
    )
    rows = _in_order(_inside(rows, start, end))
    signals = _by_customer(_by_episode(_with_episodes(rows, customer, days), customer), customer)
    return _like(signals, interactions)


def _known(frame: nw.LazyFrame[Any], column: str | None) -> nw.Expr:
    if column is None:
        return nw.when(nw.lit(False)).then(nw.lit(0.0))
    return frames.known(frame, column)


def _inside(rows: nw.LazyFrame[Any], start: Any, end: Any) -> nw.LazyFrame[Any]:
    if start is not None and end is not None and not start < end:
        raise ConfigError("start is not before end; no time lies between them.")
    if start is not None:
        rows = rows.filter(nw.col(_TIME) >= start)
    return rows if end is None else rows.filter(nw.col(_TIME) < end)


def _in_order(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Hand rows of pyarrow, which cannot look back within a group, to pandas."""
    if rows.implementation.is_pyarrow():
        return nw.from_native(rows.collect().to_pandas()).lazy()
    return rows


def _with_episodes(rows: nw.LazyFrame[Any], customer: str, days: float) -> nw.LazyFrame[Any]:
    """Count off the episodes of each customer; repeats stay in the episode before them."""
    numeric = rows.collect_schema()[_TIME].is_numeric()
    before = nw.col(_TIME).shift(1).over(customer, order_by=_TIME)
    longest: Any = days if numeric else timedelta(days=days)
    gap = (nw.col(_TIME) - nw.col("__before")) <= nw.lit(longest)
    rows = rows.with_columns(__before=before)
    rows = rows.with_columns(**{_AGAIN: gap.fill_null(False).cast(nw.Int64)})
    first = (1 - nw.col(_AGAIN)).cum_sum()
    return rows.with_columns(**{_EPISODE: first.over(customer, order_by=[_TIME, _AGAIN])})


def _by_episode(rows: nw.LazyFrame[Any], customer: str) -> nw.LazyFrame[Any]:
    return rows.group_by(customer, _EPISODE).agg(
        nw.len().alias("contacts"),
        nw.col(_AGAIN).sum().alias("repeat_contacts"),
        nw.col(_CHANNEL).n_unique().alias("channels_in_episode"),
        nw.col(_WAIT).sum().alias("wait"),
        nw.col(_WAIT).max().alias("wait_max"),
        nw.col(_WAIT).count().alias("wait_known"),
        nw.col(_TRANSFERS).sum().alias("transfers"),
        nw.col(_TRANSFERS).count().alias("transfers_known"),
    )


def _by_customer(episodes: nw.LazyFrame[Any], customer: str) -> nw.LazyFrame[Any]:
    hops = (nw.col("channels_in_episode") > 1).cast(nw.Int64)
    summed = ("contacts", "repeat_contacts", "wait", "wait_known", "transfers", "transfers_known")
    found = (
        episodes.with_columns(hopping_episodes=hops)
        .group_by(customer)
        .agg(
            *[nw.col(name).sum() for name in (*summed, "hopping_episodes")],
            nw.len().alias("episodes"),
            nw.col("channels_in_episode").max(),
            nw.col("wait_max").max(),
        )
    )
    mean = nw.when(nw.col("wait_known") > 0).then(nw.col("wait") / nw.col("wait_known"))
    counts = ("contacts", "episodes", "repeat_contacts", "channels_in_episode", "hopping_episodes")
    return found.select(
        nw.col(customer),
        *[nw.col(name).cast(nw.Int64) for name in counts],
        mean.alias("wait_mean"),
        nw.col("wait_max"),
        nw.col("wait_known").cast(nw.Int64),
        nw.col("transfers").cast(nw.Int64),
        nw.col("transfers_known").cast(nw.Int64),
    )


def _like(signals: nw.LazyFrame[Any], given: Any) -> Any:
    """Return the signals in the engine that was given, as eager as that was."""
    original = nw.from_native(given)
    if isinstance(original, nw.LazyFrame):
        return nw.to_native(signals)
    table = signals.collect()
    return table.to_arrow() if original.implementation.is_pyarrow() else nw.to_native(table)
