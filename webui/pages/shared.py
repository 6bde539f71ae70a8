"""What all views share: the daemon's client, and errors as sentences."""

from __future__ import annotations

from werkzeug.wrappers import Response

from orchestrator.client import ControlError
from webui.visit import control as control

Answer = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]


def sentence(error: ControlError) -> str:
    """An error of the control API as one or two sentences."""
    parts = [part for part in (error.message, *error.errors, error.hint) if part]
    ends = (part if part[-1] in ".?!" else f"{part}." for part in parts)
    return " ".join(f"{part[0].upper()}{part[1:]}" for part in ends)
