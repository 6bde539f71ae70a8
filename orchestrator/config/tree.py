"""YAML as a tree of texts that remember their lines.

Every value stays the text that the person wrote: `no` is not false, 12:34:56:12:34:56 is not a
number in base sixty, 12h needs no quotes. Only an empty value (or `null`) means "nothing said".
Anchors, tags and several documents have no use here and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orchestrator.config.errors import ConfigError

MAX_SIZE = 1 << 20
_MAX_DEPTH = 20
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Scalar:
    line: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    line: int
    items: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """`entries` maps a key to its value; `lines` to the line that the key stands on."""

    line: int
    entries: dict[str, Tree] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


Tree = Scalar | Listing | Mapping


class _Mistake(Exception):
    def __init__(self, line: int | None, message: str, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.line, self.message, self.hint, self.where = line, message, hint, where


class _Loader(yaml.SafeLoader):
    """Refuses aliases while composing: they can make a small file grow without bound."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            hint = "put quotes around a value that begins with * or &"
            line = event.start_mark.line + 1
            raise _Mistake(line, "YAML anchors and aliases are not used here", hint)
        return super().compose_node(parent, index)


def parse(text: str, file: str) -> tuple[Mapping, list[ConfigError]]:
    """The tree of a YAML document, and its mistakes. An unreadable one gives an empty tree."""
    try:
        root = _compose(text)
    except _Mistake as mistake:
        return Mapping(1), [ConfigError(file, mistake.line, "", mistake.message, mistake.hint)]
    errors: list[ConfigError] = []
    tree: Tree = Mapping(1)
    for found in _Convert().run(root) if root is not None else iter(()):
        if isinstance(found, _Mistake):
            errors.append(ConfigError(file, found.line, found.where, found.message, found.hint))
        else:
            tree = found
    if isinstance(tree, Scalar) and tree.text is None:
        return Mapping(1), errors
    if not isinstance(tree, Mapping):
        hint = "begin with `lan:` as in router.example.yaml"
        return Mapping(1), [
            *errors,
            ConfigError(file, tree.line, "", "is not a list of keys", hint),
        ]
    return tree, errors


def _compose(text: str) -> Node | None:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except RecursionError:
        raise _Mistake(None, "is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        raise _explain(error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Mistake(
            line,
            "holds a character that YAML does not allow",
            "delete it; it may be invisible in the editor",
        ) from None


_EXPLAINED = (
    ("'\\t'", "a tab stands where YAML wants spaces", "indent with spaces only"),
    ("expected a single document", "there is more than one document", "delete the line `---`"),
    (
        "mapping values are not allowed",
        "there is a ':' too many, or the indentation is wrong",
        "put values that hold ': ' in quotes",
    ),
    ("could not find expected ':'", "a ':' is missing behind a key", "write `key: value`"),
    (
        "expected <block end>",
        "the indentation does not fit the lines above",
        "give all keys of one block the same number of spaces",
    ),
    ("expected ',' or ']'", "a [list] is not closed", "write it as [a, b]"),
    ("expected ',' or '}'", "a {block} is not closed", "write it as {key: value}"),
    ("unexpected end of stream", "a quotation mark is not closed", ""),
    ("expected the node content", "a value is missing or misplaced", ""),
    (
        "cannot start any token",
        "a value may not begin with this character",
        "put the value in quotes",
    ),
    (
        "unknown escape character",
        "a backslash in double quotes has a meaning of its own",
        "use single quotes",
    ),
)


def _explain(error: yaml.MarkedYAMLError) -> _Mistake:
    """Say in plain words what PyYAML says; its own text may quote a secret, so it is not used."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else None
    said = f"{error.context or ''} {error.problem or ''}"
    for needle, message, hint in _EXPLAINED:
        if needle in said:
            return _Mistake(line, message, hint)
    return _Mistake(line, "this is not YAML", "compare the line with router.example.yaml")


class _Convert:
    """Turns PyYAML's nodes into ours; yields mistakes as it goes, and the tree at the end."""

    def __init__(self) -> None:
        self.mistakes: list[_Mistake] = []

    def run(self, root: Node) -> Iterator[_Mistake | Tree]:
        tree = self._node(root, "", 0)
        yield from self.mistakes
        yield tree

    def _node(self, node: Node, where: str, depth: int) -> Tree:
        line = node.start_mark.line + 1
        if depth > _MAX_DEPTH:
            self.mistakes.append(_Mistake(line, "is nested too deeply", "", where))
            return Scalar(line, None)
        if isinstance(node, ScalarNode):
            return Scalar(line, self._text(node, where))
        if isinstance(node, SequenceNode):
            items = enumerate(node.value)
            return Listing(
                line, tuple(self._node(item, f"{where}[{at}]", depth + 1) for at, item in items)
            )
        mapping = Mapping(line)
        if isinstance(node, MappingNode):
            for key, value in node.value:
                self._entry(mapping, key, value, where, depth)
        return mapping

    def _entry(self, into: Mapping, key: Node, value: Node, where: str, depth: int) -> None:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            self.mistakes.append(
                _Mistake(line, "a key must be a word", "write `key: value`", where)
            )
            return
        name = key.value
        path = f"{where}.{name}" if where else name
        if name in into.entries:
            first = into.lines[name]
            self.mistakes.append(
                _Mistake(line, f"is already given in line {first}", "keep one of them", path)
            )
            return
        into.lines[name] = line
        into.entries[name] = self._node(value, path, depth + 1)

    def _text(self, node: ScalarNode, where: str) -> str | None:
        if node.tag == _NULL and node.style is None:
            return None
        if not node.tag.startswith("tag:yaml.org,2002:"):
            line = node.start_mark.line + 1
            self.mistakes.append(
                _Mistake(line, "YAML tags are not used here", "put the value in quotes", where)
            )
        return str(node.value)
