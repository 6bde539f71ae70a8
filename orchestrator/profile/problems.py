"""What can be said about a line of a profile.

A profile is somebody else's file, so a person must be able to find the line that is meant.
Texts never repeat the arguments of a line: they may be secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that makes a profile unusable. `line` is 1-based; None: the file as a whole."""

    line: int | None
    directive: str
    message: str
    hint: str = ""


class Unreadable(Exception):
    """A file that a profile names cannot be used. Its text says why, without the content."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


ReadBeside = Callable[[str], bytes]
"""Reads a file that a profile names; raises `Unreadable`."""
