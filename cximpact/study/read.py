"""Reading a study file, with messages that name the file, the key and the fix."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from cximpact.core.errors import ConfigError, closest, join_names
from cximpact.study.schema import StudyFile

MAX_BYTES = 1_000_000
MAX_DEPTH = 12


def read_study(path: str | Path) -> StudyFile:
    """Read and check a study file.

    Parameters
    ----------
    path : str or Path
        A TOML file.

    Returns
    -------
    StudyFile
        Checked: known keys, allowed values, and names that are defined.

    Raises
    ------
    ConfigError
        With the file, the dotted path of the mistake, the nearest key and the fix.
    """
    place = Path(path)
    if not place.is_file():
        raise ConfigError(f"{place}: no such file; `cximpact init DIR` writes one to start from.")
    raw = place.read_bytes()
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{place}: {len(raw):,} bytes; a study file has at most {MAX_BYTES:,}.")
    try:
        content = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: not valid TOML: {error}.") from None
    _check_depth(content, place.name)
    return parse_study(content, name=str(place))


def parse_study(content: dict[str, Any], *, name: str = "study") -> StudyFile:
    """Check the content of a study file.

    Parameters
    ----------
    content : dict
        As parsed from TOML.
    name : str, default "study"
        How messages call the file.

    Returns
    -------
    StudyFile
        Checked.

    Raises
    ------
    ConfigError
        All mistakes, one a line.
    """
    try:
        study = StudyFile.model_validate(content)
    except ValidationError as error:
        lines = [_line(dict(e)) for e in error.errors(include_url=False)]
        raise ConfigError(f"{name}: " + "\n".join(dict.fromkeys(lines))) from None
    for path, wanted, defined in study.references():
        if wanted not in defined:
            raise ConfigError(
                f"{name}: {path} is {wanted!r}, which is not defined; there is "
                f"{join_names(list(defined))}.{_hint(wanted, list(defined))}"
            )
    return study


def _line(error: dict[str, Any]) -> str:
    path = _dotted(error["loc"])
    if error["type"] == "extra_forbidden":
        known = _keys_at(error["loc"][:-1])
        wanted = str(error["loc"][-1])
        return f"{path}: unknown key; known are {join_names(known, 20)}.{_hint(wanted, known)}"
    if error["type"] == "missing":
        return f"{path}: missing; add it."
    message = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (found {given!r})" if isinstance(given, str | int | float | bool) else ""
    best = ""
    if error["type"] == "literal_error" and isinstance(given, str):
        options = [
            w.strip("'") for w in str(error["ctx"]["expected"]).replace(" or ", ", ").split(", ")
        ]
        best = _hint(given, options)
    return f"{path}: {message[:1].lower()}{message[1:]}{shown}.{best}"


def _dotted(loc: tuple[Any, ...]) -> str:
    out = ""
    for part in loc:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


def _keys_at(loc: tuple[Any, ...]) -> list[str]:
    """Find the keys that the section at a place knows."""
    model: Any = StudyFile
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(part))
            if field is None:
                continue
            model = field.annotation
        models = [m for m in _leaves(model) if isinstance(m, type) and issubclass(m, BaseModel)]
        model = models[0] if models else model
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or key for key, field in model.model_fields.items()]


def _leaves(annotation: Any) -> list[Any]:
    inner = get_args(annotation)
    return [leaf for part in inner for leaf in _leaves(part)] if inner else [annotation]


def _hint(wanted: str, known: list[str]) -> str:
    best = closest(wanted, known)
    return f" Did you mean {best!r}?" if best else ""


def _check_depth(content: Any, name: str, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ConfigError(f"{name}: sections are nested deeper than {MAX_DEPTH} levels.")
    for value in content.values() if isinstance(content, dict) else content:
        if isinstance(value, dict | list):
            _check_depth(value, name, depth + 1)
