"""What each address of the page takes, and what a visitor must be allowed: said beside each view.

A view that changes something and says nothing is refused, so that forgetting is safe. Fields and
parameters that no view has named are refused, too, and each has a longest value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from flask import Flask, abort, redirect, request, url_for
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


_LOOK = Rule("look")


def rule(
    need: str,
    *,
    form: Mapping[str, int] | None = None,
    query: Mapping[str, int] | None = None,
    many: tuple[str, ...] = (),
    files: tuple[str, ...] = (),
) -> Callable[[View], View]:
    """Say what a view needs (`Need` of the API, or OPEN) and takes.

    With the need "own" the view's argument `ref` is the MAC address of the device.
    """
    made = Rule(need, form or {}, query or {}, frozenset(many), frozenset(files))

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
            abort(403)
        return None if found and found.need == ITSELF else _judge(found or _LOOK)


def _judge(found: Rule) -> Response | None:
    _check(request.args, found.query, found.many)
    if request.method == "POST":
        visit.access()  # when the daemon can't be asked, that is what has to be said
        _check(request.form, {**found.form, visit.FIELD: 64}, found.many)
        if not set(request.files) <= found.files:
            raise refusal(400, "unknown")
        if not visit.proves_origin():
            raise refusal(403, "stale")
    if found.need == OPEN:
        return None
    visit.access()
    if visit.may(found.need, (request.view_args or {}).get("ref", "")):
        return None
    return _turn_away()


def _check(sent: MultiDict[str, str], known: Mapping[str, int], many: frozenset[str]) -> None:
    for name, values in sent.lists():
        if name not in known:
            raise refusal(400, "unknown")
        if len(values) > 1 and name not in many:
            raise refusal(400, "twice")
        for value in values:
            if len(value) > known[name]:
                raise refusal(400, "too_long")
            if any(ord(sign) < 32 and sign not in "\r\n\t" for sign in value):
                raise refusal(400, "control")


def _turn_away() -> Response:
    if visit.access()["damaged"]:
        raise refusal(403, "damaged")
    if request.method == "POST":
        raise refusal(403, "password")
    return redirect(url_for("access.login", next=request.full_path.rstrip("?")[:200]), 303)


def refusal(code: int, why: str) -> HTTPException:
    """HTTP's error `code` with a sentence from the texts."""
    error = HTTPException(texts()(f"refused.{why}"))
    error.code = code
    return error
