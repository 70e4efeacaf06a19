from __future__ import annotations

import pytest

from cximpact.core.errors import ConfigError
from cximpact.imputation.spec import Spec


def test_columns_form_the_cells_once_each():
    spec = Spec(factors=("g", "h"), period="t", covariates=("x",), style="h", style_kind="scale")
    assert spec.columns == ("g", "h", "t", "x")
    assert not spec.has_style_shift
    assert Spec(factors=("g",), style="c").columns == ("g", "c")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factors": ("g",), "open": ("h",)}, "open names 'h', which is not among factors"),
        ({"factors": ("g",), "interactions": (("g",),)}, "at least two different columns"),
        ({"factors": ("g",), "interactions": (("g", "h"),)}, "names 'h', which has no effect"),
        (
            {"factors": ("g", "h"), "open": ("g",), "interactions": (("g", "h"),)},
            "holds an open factor",
        ),
        ({"factors": ("g",), "style": "g"}, "cannot be told apart"),
    ],
)
def test_contradictions_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Spec(**settings)
