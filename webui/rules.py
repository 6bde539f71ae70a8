"""What each address of the page takes, and what a visitor must be allowed: said beside each view.

A view that changes something and says nothing is refused, so that forgetting is safe. Fields and
parameters that no view has named are refused, too, and each has a longest value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from flask import Flask, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from webui import visit
from webui.texts import texts

View = TypeVar("View", bound=Callable[..., Any])

OPEN = "open"  # for everybody, such as the login; forms are checked all the same
ITSELF = "itself"  # the view judges everything: only the API


@dataclass(frozen=True, slots=True)
class Rule:
    """What a view takes: the names of fields and their longest values, in characters."""

    need: str
    form: Mapping[str, int] = field(default_factory=dict)
    query: Mapping[str, int] = field(default_factory=dict)
    many: frozenset[str] = frozenset()  # fields that may come more than once
    files: frozenset[str] = frozenset()
    devices: str = ""  # the field that names the devices, by their MAC addresses


_LOOK = Rule("look")


def rule(
    need: str,
    *,
    form: Mapping[str, int] | None = None,
    query: Mapping[str, int] | None = None,
    many: tuple[str, ...] = (),
    files: tuple[str, ...] = (),
    devices: str = "",
) -> Callable[[View], View]:
    """Say what a view needs (`Need` of the API, or OPEN) and takes.

    With the need "own" the view's argument `ref` is the MAC address of the device, or the field
    `devices` holds those of several.
    """
    made = Rule(need, form or {}, query or {}, frozenset(many), frozenset(files), devices)

    def mark(view: View) -> View:
        cast(Any, view).rule = made
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """The rule of a view; None when it has none."""
    found = getattr(app.view_functions[endpoint], "rule", None)
    return found if isinstance(found, Rule) else None


def enforce(app: Flask) -> None:
    """Hold every request to the rule of its view."""

    @app.before_request
    def hold() -> Response | None:
        if request.endpoint is None or request.endpoint == "static":
            return None
        found = rule_of(app, request.endpoint)
        if found is None and request.method == "POST":
            raise Refusal(403, "unknown")
        return None if found and found.need == ITSELF else _judge(found or _LOOK)


def _judge(found: Rule) -> Response | None:
    _check(request.args, found.query, found.many)
    # A form is read only for who may send it, unless it says what it is about.
    if not found.devices and (turned := _turn_away(found)):
        return turned
    if request.method == "POST":
        visit.access()  # when the daemon can't be asked, that is what has to be said
        _check(request.form, {**found.form, visit.FIELD: 64}, found.many)
        if not set(request.files) <= found.files:
            raise Refusal(400, "unknown")
        if not visit.proves_origin():
            raise Refusal(403, "stale")
    return _turn_away(found) if found.devices else None


def _check(sent: MultiDict[str, str], known: Mapping[str, int], many: frozenset[str]) -> None:
    for name, values in sent.lists():
        if name not in known:
            raise Refusal(400, "unknown")
        if len(values) > 1 and name not in many:
            raise Refusal(400, "twice")
        for value in values:
            if len(value) > known[name]:
                raise Refusal(400, "too_long")
            if any(ord(sign) < 32 and sign not in "\r\n\t" for sign in value):
                raise Refusal(400, "control")


def _turn_away(found: Rule) -> Response | None:
    if found.need == OPEN or all(visit.may(found.need, mac) for mac in _devices(found)):
        return None
    if visit.access()["damaged"]:
        raise Refusal(403, "damaged")
    if request.method == "POST":
        raise Refusal(403, "password")
    return redirect(url_for("access.login", next=request.full_path.rstrip("?")[:200]), 303)


def _devices(found: Rule) -> list[str]:
    named = request.form.getlist(found.devices) if found.devices else []
    return named or [(request.view_args or {}).get("ref", "")]


class Refusal(HTTPException):
    """A request that is turned away, with a sentence from the texts."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(texts()(f"refused.{why}"))
        self.code = code

    def __str__(self) -> str:
        return self.description or ""
