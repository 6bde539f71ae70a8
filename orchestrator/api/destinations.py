"""Destinations: pause and resume them."""

from __future__ import annotations

from typing import Any

from orchestrator.api.route import Call, Need, Route
from orchestrator.client import words
from orchestrator.service import Service


def _pause(service: Service, call: Call) -> Any:
    return service.pause(call.path["name"], pause=True, by=service.who(call.by))


def _resume(service: Service, call: Call) -> Any:
    return service.pause(call.path["name"], pause=False, by=service.who(call.by))


ROUTES = (
    Route(
        "POST", "/destinations/{name}/pause", "Refuse everything that goes by a destination",
        _pause, words.PauseReceipt, Need.CHANGE,
    ),
    Route(
        "POST", "/destinations/{name}/resume", "Serve a paused destination again",
        _resume, words.PauseReceipt, Need.CHANGE,
    ),
)  # fmt: skip
