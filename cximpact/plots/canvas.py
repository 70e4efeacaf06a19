"""Where a picture is drawn: an axes of its own figure, outside pyplot's global state."""

from __future__ import annotations

from typing import Any, cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from cximpact.plots import style
from cximpact.plots.labels import title_text
from cximpact.plots.render import to_png

WIDTH = 7.2


class NotebookAxes(Axes):
    """An axes that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        return to_png(self)


class NotebookFigure(Figure):
    """A figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        return to_png(self)


def prepare(ax: Axes | None, *, title: str | None, height: float = 4.0, pad: float = 12) -> Axes:
    """Return a styled axes: the one given, or one on a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where the user wants the picture.
    title : str or None
        Title, taken literally: dollar signs make no formula.
    height : float, default 4.0
        Height of a new figure in inches.
    pad : float, default 12
        Room between title and picture, in points.

    Returns
    -------
    matplotlib.axes.Axes
        Ready to draw on.
    """
    look: dict[str, Any] = {"fontsize": style.LARGE, "fontweight": "bold", "color": style.INK}
    if ax is None:
        engine = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
        figure = Figure(figsize=(WIDTH, height), layout=engine)
        ax = cast("Axes", figure.add_subplot(axes_class=NotebookAxes))
        if title:
            figure.suptitle(title_text(title), x=0.012, ha="left", **look)
    elif title:
        ax.set_title(title_text(title), loc="left", pad=pad, **look)
    style.apply(ax)
    return ax


def say_above(ax: Axes, text: str, *, line: int = 0, **look: Any) -> None:
    """Write a line of text between title and picture.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    text : str
        Literal text.
    line : int, default 0
        Which line, counted upward from the picture.
    **look
        Text properties.
    """
    ax.annotate(
        text,
        (0.0, 1.0),
        xycoords="axes fraction",
        xytext=(0, 7 + 15 * line),
        textcoords="offset points",
        va="bottom",
        annotation_clip=False,
        **({"fontsize": style.BODY, "color": style.INK} | look),
    )
