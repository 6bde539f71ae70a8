"""Mistakes in the configuration, each with its place and with what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One mistake. `line` is 1-based; `field` a dotted path such as `devices[2].mac`."""

    file: str
    line: int | None
    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        about = f"{self.field}: " if self.field else ""
        hint = f"; {self.hint}" if self.hint else ""
        text = f"{place}: {about}{self.message}{hint}"
        # A key may be anything, also what moves a terminal's cursor; an error stays one line.
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class ConfigErrors(Exception):
    """Everything that is wrong with a configuration, in the order of files and lines."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        unique = dict.fromkeys(errors)
        self.errors = tuple(
            sorted(unique, key=lambda e: (e.file != "router.yaml", e.file, e.line or 0))
        )
        super().__init__("\n".join(str(error) for error in self.errors))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest right word, or all of them; empty when there is none."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, 1, 0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"it must be one of: {', '.join(names)}" if names else ""
