"""What all views share: the daemon's client, and errors as sentences."""

from __future__ import annotations

from flask import current_app, request
from werkzeug.wrappers import Response

from orchestrator.client import Control, ControlError

Answer = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]


def control() -> Control:
    """The client that the factory was given, on behalf of the browser that asks."""
    found = current_app.config["CONTROL"]
    assert isinstance(found, Control)
    peer = f"{request.environ.get('REMOTE_ADDR', '')}:{request.environ.get('REMOTE_PORT', '')}"
    return found.on_behalf_of(peer)


def sentence(error: ControlError) -> str:
    """An error of the control API as one or two sentences."""
    parts = [part for part in (error.message, *error.errors, error.hint) if part]
    ends = (part if part[-1] in ".?!" else f"{part}." for part in parts)
    return " ".join(f"{part[0].upper()}{part[1:]}" for part in ends)
