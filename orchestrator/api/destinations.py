"""Destinations: pause and resume them, add VPNs and remove those again."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from pydantic import AfterValidator, Field

from orchestrator.api.route import Body, Call, Need, Route
from orchestrator.client import words
from orchestrator.config.uploads import LARGEST, Upload
from orchestrator.service import Service


class Removed(TypedDict):
    """The name of what was removed."""

    name: str


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that nobody can type")
    return text


_Line = Annotated[str, Field(max_length=255), AfterValidator(_printable)]


class _Add(Body):
    """`name` may be that of the provider's file; then a fitting one is made of it."""

    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
    profile: Annotated[str, Field(min_length=1, max_length=LARGEST)]
    username: _Line = ""
    password: _Line = ""


def _pause(service: Service, call: Call) -> Any:
    return service.pause(call.path["name"], pause=True, by=service.who(call.by))


def _resume(service: Service, call: Call) -> Any:
    return service.pause(call.path["name"], pause=False, by=service.who(call.by))


def _add(service: Service, call: Call) -> Any:
    body = call.body
    upload = Upload(body.name, body.profile, body.username, body.password)
    return service.add_destination(upload, service.who(call.by))


def _remove(service: Service, call: Call) -> Any:
    name = call.path["name"]
    service.remove_destination(name, service.who(call.by))
    return Removed(name=name)


ROUTES = (
    Route(
        "POST", "/destinations", "Add a VPN by its OpenVPN profile; it is tried, then offered",
        _add, words.Trial, Need.CHANGE, body=_Add,
    ),
    Route(
        "POST", "/destinations/{name}/remove", "Remove a VPN that was added",
        _remove, Removed, Need.CHANGE,
    ),
    Route(
        "POST", "/destinations/{name}/pause", "Refuse everything that goes by a destination",
        _pause, words.PauseReceipt, Need.CHANGE,
    ),
    Route(
        "POST", "/destinations/{name}/resume", "Serve a paused destination again",
        _resume, words.PauseReceipt, Need.CHANGE,
    ),
)  # fmt: skip
