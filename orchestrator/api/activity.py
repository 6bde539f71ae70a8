"""What happened, and who is asking."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from orchestrator.api.route import Body, Call, Need, Route
from orchestrator.client import words
from orchestrator.service import Service


class _Page(Body):
    """Without `before` it begins with the newest event."""

    before: Annotated[int | None, Field(ge=1, strict=False)] = None
    limit: Annotated[int, Field(ge=1, le=200, strict=False)] = 50
    device: Annotated[str, Field(max_length=64)] = ""


def _activity(service: Service, call: Call) -> Any:
    return service.happenings(call.query.before, call.query.limit, call.query.device)


def _whoami(service: Service, call: Call) -> Any:
    return service.whoami(call.by)


ROUTES = (
    Route(
        "GET", "/activity", "What happened, newest first",
        _activity, words.Activity, Need.LOOK, query=_Page,
    ),
    Route("GET", "/whoami", "Which device asks", _whoami, words.Whoami, Need.LOOK),
)  # fmt: skip
