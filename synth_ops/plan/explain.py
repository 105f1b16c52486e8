"""Saying in our words what pydantic finds wrong: what must hold, what came, and the nearest word that is right."""

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from synth_ops.plan.marked import Value
from synth_ops.plan.problems import KeyPath, Problem, unknown
from synth_ops.plan.secrets import WITH_SECRETS


def explain(error: ValidationError, model: type[BaseModel], data: Value) -> list[Problem]:
    """Give one problem for each key that is wrong."""
    found: dict[KeyPath, Problem] = {}
    for detail in error.errors(include_url=False):
        path = _known_part(tuple(detail["loc"]), data, missing=detail["type"] == "missing")
        found.setdefault(path, Problem(path, _what(path, detail, model)))
    return list(found.values())


def _what(path: KeyPath, detail: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "must be there, however it is not"
    if kind == "extra_forbidden":
        return unknown(str(path[-1]), _words(model, path[:-1]), "key")
    if kind == "literal_error" and isinstance(detail["input"], str):
        return unknown(detail["input"], _literals(context["expected"]), str(path[-1]))
    if kind == "value_error":
        return f"{context['error']}, however: {_came(path, detail['input'])}"
    return f"{_expected(kind, context)}, however: {_came(path, detail['input'])}"


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        return f"must be {context['expected']}"
    return _EXPECTED.get(kind, "must be another value").format(**context)


def _came(path: KeyPath, value: object) -> str:
    """Show a short value as it is, and of any other what it is; of a URL, never a letter."""
    shown = path[:1] not in WITH_SECRETS and isinstance(value, str | int | float)
    if shown and len(repr(value)) <= _LONGEST_SHOWN:
        return repr(value)
    return next((name for kind, name in _NAMES if isinstance(value, kind)), type(value).__name__)


def _known_part(path: KeyPath, data: Value, *, missing: bool) -> KeyPath:
    """Cut off what pydantic adds to a path for its own branches; keep the key that is missing."""
    for n, part in enumerate(path):
        if isinstance(data, dict) and part in data:
            data = data[str(part)]
        elif isinstance(data, tuple) and isinstance(part, int):
            data = data[part]
        else:
            return path[: n + 1] if missing else path[:n]
    return path


def _literals(expected: str) -> list[str]:
    return [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]


def _words(model: type[BaseModel], path: KeyPath) -> Iterator[str]:
    """Give the keys that may stand at a path."""
    here: Any = model
    for part in path:
        here = _step(here, part)
    fields = here.model_fields if isinstance(here, type) and issubclass(here, BaseModel) else {}
    return (field.alias or name for name, field in fields.items())


def _step(here: Any, part: str | int) -> Any:  # noqa: ANN401 — annotations are of any type
    """Give the annotation of what stands under a key: a model's field, a mapping's value, a sequence's item."""
    if isinstance(here, type) and issubclass(here, BaseModel):
        return _bare(here.model_fields[str(part)].annotation)
    arguments = get_args(here)
    return _bare(arguments[1] if get_origin(here) is dict else arguments[0])


def _bare(annotation: Any) -> Any:  # noqa: ANN401 — likewise
    """Take off what does not say what may stand there."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return _bare(get_args(annotation)[0])
    return annotation


_LONGEST_SHOWN = 60
_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "nothing"),
    (dict, "a mapping"),
    (tuple, "a list"),
    (str, "text"),
    (bool, "a truth value"),
    ((int, float), "a number"),
)
_EXPECTED: Mapping[str, str] = {
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be letters, digits, _, - and ., and begin with no - or .",
    "too_short": "must hold at least one",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of names",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "path_type": "must be a path",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
}
