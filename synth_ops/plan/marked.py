"""Reading YAML safely, with the line of every key: no Python tags, no key twice, no bomb of aliases."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from synth_ops.errors import PlanError
from synth_ops.plan.problems import KeyPath, Problem, refuse

Value = str | int | float | bool | tuple["Value", ...] | dict[str, "Value"] | None

MAX_BYTES = 5_000_000
MAX_NODES = 200_000
"""More values than any plan has, aliases counted as often as they stand for something."""
MAX_DEPTH = 20


@dataclass(frozen=True)
class Marked:
    """What a file says, and where."""

    file: str
    data: Value
    lines: Mapping[KeyPath, int]
    """Of every key and item, counted from 1."""

    def line(self, path: KeyPath) -> int:
        """Give the line of the deepest part of the path that the file holds."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 1)

    def refuse(self, problems: list[Problem]) -> PlanError:
        """Give the error that says what is wrong, and in which lines."""
        return refuse(self.file, [(self.line(p.path), p) for p in problems])


def read_marked(path: Path, text: str | None = None) -> Marked:
    """Read a YAML file; keys are text as they stand, and only null, booleans and numbers are not text.

    Args:
        path: the file.
        text: what it says, where somebody has filled in a template.

    Raises:
        PlanError: the file is not there, is no YAML, or holds what a plan may not.
    """
    reader = _Reader(str(path))
    return Marked(str(path), reader.read(read_plan(path) if text is None else text.encode()), reader.lines)


def read_plan(path: Path) -> bytes:
    """Give what the file says.

    Raises:
        PlanError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as exc:
        raise PlanError(
            f"The plan must be a file that can be read, however {path}: {exc.strerror}."
            " Write one with `synth-ops init URL`, or name it: --config PATH."
        ) from None


class _Reader:
    """One walk over the nodes of a file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[tuple[int, Problem]] = []
        self._n_nodes = 0
        self._loader = yaml.SafeLoader("")

    def read(self, text: bytes) -> Value:
        node = self._compose(text)
        data = {} if node is None else self._value(node, ())
        if self.problems:
            raise refuse(self.file, self.problems)
        return data

    def _compose(self, text: bytes) -> yaml.Node | None:
        if len(text) > MAX_BYTES:
            raise refuse(self.file, [(1, Problem((), f"must be smaller than {MAX_BYTES} bytes"))])
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except RecursionError:
            raise refuse(self.file, [(1, Problem((), f"must nest at most {MAX_DEPTH} deep"))]) from None
        except (yaml.YAMLError, ValueError) as exc:
            mark = getattr(exc, "problem_mark", None)
            why = getattr(exc, "problem", None) or "it holds a character that YAML does not allow"
            line = mark.line + 1 if mark else 1
            raise refuse(self.file, [(line, Problem((), f"must be YAML, however: {why}"))]) from None

    def _value(self, node: yaml.Node, path: KeyPath) -> Value:
        self._n_nodes += 1
        if self._n_nodes > MAX_NODES or len(path) > MAX_DEPTH:
            what = f"must hold at most {MAX_NODES} values, {MAX_DEPTH} deep, however its aliases make it larger"
            raise refuse(self.file, [(_line(node), Problem((), what))])
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> Value:
        self._check_tag(node, path, _MAP)
        found: dict[str, Value] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._note(key, path, "must have keys of text")
                continue
            here = (*path, key.value)
            if key.value in found:
                self._note(key, here, f"must stand once, however it stands in line {self.lines[here]} already")
            else:
                self.lines[here] = _line(key)
                found[key.value] = self._value(value, here)
        return found

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> Value:
        self._check_tag(node, path, _SEQ)
        for position, item in enumerate(node.value):
            self.lines[*path, position] = _line(item)
        return tuple(self._value(item, (*path, i)) for i, item in enumerate(node.value))

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Value:
        if node.tag in _CONSTRUCTED:
            try:
                constructed: Value = self._loader.construct_object(node)
                return constructed
            except (ValueError, KeyError, yaml.YAMLError):
                self._note(node, path, f"must be a {node.tag.rsplit(':', 1)[1]}, as its tag says")
        elif not node.tag.startswith(_STANDARD):
            self._note(node, path, f"must be plain YAML, however it has the tag {node.tag}; take the tag out")
        text: str = node.value
        return text

    def _check_tag(self, node: yaml.Node, path: KeyPath, expected: str) -> None:
        if node.tag != expected:
            self._note(node, path, f"must be plain YAML, however it has the tag {node.tag}; take the tag out")

    def _note(self, node: yaml.Node, path: KeyPath, what: str) -> None:
        self.problems.append((_line(node), Problem(path, what)))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


_CORE = "tag:yaml.org,2002:"
_MAP, _SEQ = f"{_CORE}map", f"{_CORE}seq"
_CONSTRUCTED = frozenset(f"{_CORE}{name}" for name in ("null", "bool", "int", "float"))
_STANDARD = tuple(f"{_CORE}{name}" for name in ("str", "timestamp", "merge", "value"))
