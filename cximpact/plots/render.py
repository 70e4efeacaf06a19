"""Pictures as bytes, the same for the same drawing."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from cximpact.core.errors import ConfigError

_SVG: Any = {"svg.fonttype": "none", "svg.hashsalt": "cximpact"}


def to_svg(drawing: Artist) -> str:
    """Render a drawing as SVG, with its text as text.

    Parameters
    ----------
    drawing : matplotlib Figure or Axes
        What to render.

    Returns
    -------
    str
        A whole SVG document, without a date; labels are escaped.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(_SVG), _any_script():
        figure_of(drawing).savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def to_png(drawing: Artist, dpi: int = 144) -> bytes:
    """Render a drawing as PNG.

    Parameters
    ----------
    drawing : matplotlib Figure or Axes
        What to render.
    dpi : int, default 144
        Dots per inch.

    Returns
    -------
    bytes
        The file.
    """
    buffer = io.BytesIO()
    with _any_script():
        figure_of(drawing).savefig(
            buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None}
        )
    return buffer.getvalue()


def figure_of(drawing: Any) -> Figure:
    """Return the figure that a drawing belongs to.

    Parameters
    ----------
    drawing : matplotlib Figure or Axes
        The drawing.

    Returns
    -------
    matplotlib.figure.Figure
        Its outermost figure.

    Raises
    ------
    ConfigError
        If it is no matplotlib drawing, or was taken off its figure.
    """
    figure = drawing.get_figure(root=True) if isinstance(drawing, Artist) else None
    if not isinstance(figure, Figure):
        raise ConfigError(
            f"the figure is a {type(drawing).__name__}; expected a matplotlib Axes or Figure."
        )
    return figure


@contextmanager
def _any_script() -> Iterator[None]:
    """Let names in any script through; the reader's fonts decide how they look."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support")
        yield
