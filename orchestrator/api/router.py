"""The router as a whole: its status, its plan, its logs, up and down, the leak test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

from flask import Response
from pydantic import Field

from orchestrator.api.route import Body, Call, Need, Route
from orchestrator.client import words
from orchestrator.leaktest.examiner import Run
from orchestrator.model import Action
from orchestrator.reconcile import Outcome
from orchestrator.service import Service


class Lines(TypedDict):
    """The last lines of a log."""

    lines: list[str]


class Actions(TypedDict):
    """A plan."""

    actions: list[words.Action]


class _Tail(Body):
    lines: Annotated[int, Field(ge=1, le=10_000, strict=False)] = 100


class _Up(Body):
    """`keep`: without a probation."""

    keep: bool = False


class _Network(Body):
    ssid: Annotated[str, Field(min_length=1, max_length=32)]


class _LeakTest(Body):
    """An empty list of destinations means all."""

    destinations: Annotated[tuple[str, ...], Field(max_length=300, strict=False)] = ()
    disruptive: bool = False


def _status(service: Service, _call: Call) -> Any:
    return service.status()


def _plan(service: Service, _call: Call) -> Any:
    return {"actions": [_action(a) for a in service.plan()]}


def _logs(service: Service, call: Call) -> Any:
    return {"lines": service.logs(call.path["name"], call.query.lines)}


def _join(service: Service, call: Call) -> Any:
    return service.invitation(call.query.ssid)


def _leaktest(service: Service, call: Call) -> Any:
    run = service.leaktest(list(call.body.destinations), disruptive=call.body.disruptive)
    return Response(_Stream(run), mimetype="application/x-ndjson")


def _up(service: Service, call: Call) -> Any:
    outcome = _outcome(service.up(service.who(call.by), keep=call.body.keep))
    return outcome | {"probation": service.probation()}


def _confirm(service: Service, call: Call) -> Any:
    return {"kept": service.confirm(service.who(call.by))}


def _down(service: Service, call: Call) -> Any:
    return _outcome(service.down(service.who(call.by)))


class _Stream:
    """A run as lines of JSON. An empty line keeps the connection alive.

    When the other side has gone, writing fails, and whoever serves this calls `close`.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.close = run.close

    def __iter__(self) -> Iterator[bytes]:
        for message in self._run:
            yield (json.dumps(message) if message else "").encode() + b"\n"


def _action(action: Action) -> dict[str, Any]:
    return {"verb": action.verb.value, "target": action.target, "reason": action.reason}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"actions": [_action(a) for a in outcome.actions], "errors": list(outcome.errors)}


ROUTES = (
    Route("GET", "/status", "Everything about the router", _status, words.Status, Need.LOOK),
    Route("GET", "/plan", "What `up` would do", _plan, Actions, Need.SOCKET),
    Route("GET", "/logs/{name}", "A log's last lines", _logs, Lines, Need.SOCKET, query=_Tail),
    Route(
        "GET", "/wifi/join", "What it takes to join a Wi-Fi network, with its passphrase",
        _join, words.Invitation, Need.KEEP, query=_Network,
    ),
    Route("POST", "/leaktest", "Run a leak test", _leaktest, None, Need.SOCKET, body=_LeakTest),
    Route("POST", "/up", "Make everything so", _up, words.Outcome, Need.SOCKET, body=_Up),
    Route(
        "POST",
        "/confirm",
        "Keep a change that is on probation",
        _confirm,
        words.Confirmation,
        Need.SOCKET,
    ),
    Route("POST", "/down", "Take the router down", _down, words.Outcome, Need.SOCKET),
)  # fmt: skip
