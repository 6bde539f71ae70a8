"""What of the daemon's API the page hands on, as the daemon's own OpenAPI document says.

The page's container holds no list of its own, so that it can neither forget a new address nor
offer one that is for the command line alone: that one does not stand in the document.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from orchestrator.client import Control

_GOOD_FOR_S = 60.0
_LONGEST_PART = 64


@dataclass(frozen=True, slots=True)
class Found:
    """An address of the API: `needs` by method, and `path` quoted for the daemon."""

    path: str
    needs: Mapping[str, str]
    device: str  # the device in the path, as the request names it, or empty


class Catalogue:
    """The addresses of the API. Asks the daemon once a minute at most, and only when needed."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], dict[str, str]] = {}
        self._until = 0.0

    def find(self, path: str, control: Control) -> Found | None:
        """Return what stands at `path`, which is decoded. Raises ControlError."""
        if time.monotonic() > self._until:
            self._known = _addresses(control.openapi())
            self._until = time.monotonic() + _GOOD_FOR_S
        parts = path.split("/")
        for template, needs in self._known.items():
            if _fits(template, parts):
                device = next(
                    (p for t, p in zip(template, parts, strict=True) if t == "{device}"), ""
                )
                return Found("".join(f"/{quote(part, '')}" for part in parts), needs, device)
        return None


def _addresses(document: dict[str, Any]) -> dict[tuple[str, ...], dict[str, str]]:
    found = {
        tuple(path.strip("/").split("/")): {
            method.upper(): operation["x-need"] for method, operation in operations.items()
        }
        for path, operations in document["paths"].items()
    }
    # A written part goes before one that stands for anything, as in the daemon.
    return dict(sorted(found.items(), key=lambda item: [part[:1] == "{" for part in item[0]]))


def _fits(template: tuple[str, ...], parts: list[str]) -> bool:
    return len(template) == len(parts) and all(
        0 < len(part) <= _LONGEST_PART if word.startswith("{") else word == part
        for word, part in zip(template, parts, strict=True)
    )
