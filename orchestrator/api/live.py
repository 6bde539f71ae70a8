"""What flows now, and in the last two minutes."""

from __future__ import annotations

from typing import Any

from orchestrator.api.route import Call, Need, Route
from orchestrator.client import words
from orchestrator.service import Service


def _live(service: Service, _call: Call) -> Any:
    return service.meter.live()


def _history(service: Service, _call: Call) -> Any:
    return service.meter.history()


ROUTES = (
    Route("GET", "/live", "What flows now", _live, words.Live, Need.LOOK),
    Route("GET", "/live/history", "The last two minutes", _history, words.History, Need.LOOK),
)
