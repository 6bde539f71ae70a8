"""Reading fields one by one, so that all mistakes of a file come out at once.

A field that is wrong is reported and then counts as unknown (None); what depends on it is not
checked, everything else is. A schema library stops at the first wrong field of a section, which
is why there is none here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator.config.errors import ConfigError, nearest
from orchestrator.config.tree import Listing, Mapping, Scalar, Tree
from orchestrator.config.values import Bad

T = TypeVar("T")


@dataclass(slots=True)
class Findings:
    """Where mistakes and notes are collected."""

    errors: list[ConfigError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    file: str = "router.yaml"

    def error(self, line: int | None, where: str, message: str, hint: str = "") -> None:
        self.errors.append(ConfigError(self.file, line, where, message, hint))


class Section:
    """A block of keys. `where` is its dotted path, empty for the whole file."""

    def __init__(
        self, findings: Findings, where: str, tree: Mapping, known: Iterable[str] | None
    ) -> None:
        self.findings = findings
        self.where = where
        self.tree = tree
        if known is not None:
            for key in tree.entries.keys() - set(known):
                findings.error(
                    tree.lines[key], self.path(key), "there is no such key", nearest(key, known)
                )

    def path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def line(self, key: str) -> int | None:
        """The line of a key; of the section when it is left out."""
        return self.tree.lines.get(key, self.tree.line if self.where else 0) or None

    def error(self, key: str, message: str, hint: str = "") -> None:
        self.findings.error(self.line(key), self.path(key), message, hint)

    def said(self, key: str) -> Tree | None:
        """The value of a key; None when it is left out or empty."""
        found = self.tree.entries.get(key)
        return None if isinstance(found, Scalar) and found.text is None else found

    def value(self, key: str, parse: Callable[[str], T], default: T | None = None) -> T | None:
        """One value: its default when nothing is said, None when it is wrong."""
        found = self.said(key)
        if found is None:
            return default
        if isinstance(found, Scalar):
            return self._parsed(found, self.path(key), parse)
        kind = "list" if isinstance(found, Listing) else "block of keys"
        self.error(key, f"must be one value, not a {kind}")
        return None

    def needed(self, key: str, parse: Callable[[str], T], example: str) -> T | None:
        if self.said(key) is None:
            self.error(key, "is missing", f"write `{key}: {example}`")
            return None
        return self.value(key, parse)

    def values(self, key: str, parse: Callable[[str], T], example: str) -> list[T]:
        """A list of values; those that are wrong are reported and left out."""
        found = self.said(key)
        if found is None:
            return []
        if not isinstance(found, Listing):
            self.error(key, "must be a list", f"write `{key}: [{example}]`")
            return []
        parsed = []
        for at, item in enumerate(found.items):
            path = f"{self.path(key)}[{at}]"
            if not isinstance(item, Scalar) or item.text is None:
                self.findings.error(item.line, path, "must be one value", f"such as {example}")
            elif (value := self._parsed(item, path, parse)) is not None:
                parsed.append(value)
        return parsed

    def section(self, key: str, known: Iterable[str] | None) -> Section:
        """A block of keys; empty when it is left out or wrong. `known` None: any key."""
        found = self.said(key)
        if isinstance(found, Mapping):
            return Section(self.findings, self.path(key), found, known)
        if found is not None:
            self.error(key, "must be a block of keys", "write its keys indented below it")
        return Section(self.findings, self.path(key), Mapping(self.line(key) or 0), known)

    def is_block(self, key: str) -> bool:
        """Whether a key holds a block of keys, or nothing, which counts as an empty block."""
        found = self.said(key)
        return found is None or isinstance(found, Mapping)

    def sections(self, key: str, known: Iterable[str], example: str = "name: tv") -> list[Section]:
        """A list of blocks, such as `devices`."""
        found = self.said(key)
        if found is not None and not isinstance(found, Listing):
            self.error(key, "must be a list", "begin each entry with `- `")
        blocks = []
        for at, item in enumerate(found.items if isinstance(found, Listing) else ()):
            path = f"{self.path(key)}[{at}]"
            if isinstance(item, Mapping):
                blocks.append(Section(self.findings, path, item, known))
            else:
                self.findings.error(
                    item.line, path, "must be a block of keys", f"begin it with `- {example}`"
                )
        return blocks

    def _parsed(self, found: Scalar, path: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(found.text or "")
        except Bad as bad:
            self.findings.error(found.line, path, bad.message, bad.hint)
            return None
