"""Some rows of a design."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cximpact.imputation.design import Design


def rows_of(design: Design, rows: slice | np.ndarray) -> Design:
    """Take some rows of a design.

    Parameters
    ----------
    design : Design
        Effects of the cells.
    rows : slice or numpy.ndarray
        Which.

    Returns
    -------
    Design
        With these rows only.
    """
    codes = {name: code[rows] for name, code in design.codes.items()}
    return replace(design, codes=codes, style_codes=design.style_codes[rows], x=design.x[rows])
