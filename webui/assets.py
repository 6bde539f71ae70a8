"""The page's own files: kept by browsers for long, and new at once after an upgrade.

The address of each carries a digest of its content, so a browser may keep it without asking.
"""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files

from flask import url_for

KEEP_SECONDS = 31_536_000


def asset(filename: str) -> str:
    """The address of `filename` in static/."""
    return url_for("static", filename=filename, v=_digest(filename))


@functools.cache
def flags() -> frozenset[str]:
    """The countries (ISO 3166-1 alpha-2) whose flags are here; others get a badge."""
    found = files(__package__).joinpath("static", "flags").iterdir()
    return frozenset(f.name[:-4].upper() for f in found if f.name.endswith(".svg"))


@functools.cache
def _digest(filename: str) -> str:
    content = files(__package__).joinpath("static", filename).read_bytes()
    return hashlib.sha256(content).hexdigest()[:10]
