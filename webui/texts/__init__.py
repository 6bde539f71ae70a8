"""Every text of the page in one file a language, so that others can be added.

A text is found by its place in the file: `devices.empty` is the key `empty` in `[devices]`.
`{name}` stands for a value. A text that counts is a table with `one` and `other`; which of the two
is meant is decided by the value `count`.
"""

from __future__ import annotations

import functools
import tomllib
from importlib.resources import files
from typing import Any

FALLBACK = "en"


class Texts:
    """The texts of one language."""

    def __init__(self, language: str, tables: dict[str, Any]) -> None:
        self.language = language
        self._tables = tables

    def __call__(self, key: str, **values: object) -> str:
        """Return the text at `key` with its values put in. Raises KeyError for an unknown one."""
        found: Any = self._tables
        for part in key.split("."):
            found = found[part]
        if isinstance(found, dict):
            found = found["one" if values["count"] == 1 else "other"]
        return str(found).format(**values)


@functools.cache
def texts(language: str = FALLBACK) -> Texts:
    """Return the texts of `language`, one of `languages()`."""
    content = files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return Texts(language, tomllib.loads(content))


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the languages that there are, English first."""
    found = sorted(f.name[:-5] for f in files(__package__).iterdir() if f.name.endswith(".toml"))
    return FALLBACK, *(language for language in found if language != FALLBACK)
