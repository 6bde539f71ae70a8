"""Who visits the page, and what a visitor may do."""

from __future__ import annotations

from markupsafe import Markup


def csrf() -> Markup:
    """The hidden field that every form of ours carries."""
    return Markup("")


def may(need: str, mac: str = "") -> bool:
    """Whether this visitor may do what has that `need` (orchestrator.api.route.Need), to `mac`."""
    return bool(need or mac)
