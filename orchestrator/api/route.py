"""One address of the API: what it takes, what it gives, and who may ask.

The routes are data, so that the server, the OpenAPI document and the page, which hands them on
to the home network, can't disagree.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from flask import Request
from pydantic import BaseModel, ConfigDict

from orchestrator.client.control import FROM, TOKEN
from orchestrator.service import Service


class Need(enum.StrEnum):
    """What the page must know of whoever asks, before it hands a request on."""

    LOOK = "look"  # may look
    OWN = "own"  # may change the device of the path, such as one's own
    CHANGE = "change"  # may change anything that concerns traffic
    KEEP = "keep"  # may say who may do what: with a password, only who knows it
    SOCKET = "socket"  # nobody on the network: root and the page itself


class Body(BaseModel):
    """A request's JSON. Fields that are not written here are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Nothing(Body):
    """No field at all; an empty body will do, too."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: the peer (address:port) that the page saw, or the name of a token."""

    peer: str = ""
    token: str = ""

    @classmethod
    def of(cls, request: Request) -> Actor:
        return cls(request.headers.get(FROM, ""), unquote(request.headers.get(TOKEN, "")))

    @property
    def address(self) -> str:
        """The peer's address without its port; empty for the command line."""
        return self.peer.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was read and found in order."""

    path: Mapping[str, str]
    body: Any  # an instance of the route's body
    query: Any  # an instance of the route's query
    by: Actor


@dataclass(frozen=True, slots=True)
class Route:
    """An address. `answer` is the type of its 200; `handle` returns one, or a flask.Response.

    `handle` raises Refused or one of reconcile.Failures; nothing else is expected.
    """

    method: str  # "GET" or "POST"
    path: str  # below /api/v1, as OpenAPI writes it: /devices/{device}/assign
    summary: str
    handle: Callable[[Service, Call], Any]
    answer: Any
    need: Need
    body: type[Body] = Nothing
    query: type[Body] = Nothing
