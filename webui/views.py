"""The page's few addresses: look, assign, rename.

Every change answers with a redirect to the page, so that everything works by plain forms, a
reload repeats nothing, and the script needs no second interface: it sends the same forms and
reads the same page.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from orchestrator.client import ControlError, Status, Unreachable
from webui import present
from webui.rules import rule
from webui.visit import control

RETRY_SECONDS = 5
Answer = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]

bp = Blueprint("page", __name__)


@bp.get("/")
@rule("look", query={"moved": 17, "renamed": 17})
def index() -> Answer:
    status = control().status()
    return _page(status, _notice(status, request.args))


@bp.post("/devices/<ref>/assign")
@rule("own", form={"destination": 64})
def assign(ref: str) -> Answer:
    try:
        receipt = control().assign(ref, request.form.get("destination", ""))
    except Unreachable:
        raise
    except ControlError as error:
        return _page(control().status(), _sentence(error), error.status)
    mac = receipt["mac"]
    return redirect(url_for(".index", moved=mac, _anchor=present.device_id(mac)), 303)


@bp.post("/devices/<ref>/rename")
@rule("own", form={"name": 64})
def rename(ref: str) -> Answer:
    name = request.form.get("name", "").strip()
    try:
        device = control().rename(ref, name)
    except Unreachable:
        raise
    except ControlError as error:
        return _page(control().status(), _sentence(error), error.status, draft=(ref, name))
    mac = device["mac"]
    return redirect(url_for(".index", renamed=mac, _anchor=present.device_id(mac)), 303)


@bp.app_errorhandler(ControlError)
def no_answer(error: ControlError) -> Answer:
    """The daemon is away, or busy, or odd: a page that tries again by itself."""
    current_app.extensions["sessions"].forget_key()
    text = render_template("unreachable.html", retry=RETRY_SECONDS, why=error.message)
    return text, 503, {"Retry-After": str(RETRY_SECONDS)}


def _page(
    status: Status, notice: str, code: int = 200, draft: tuple[str, str] = ("", "")
) -> tuple[str, int]:
    """The page with a notice; `draft` is a device and a new name that was refused."""
    view = present.page(status, datetime.now(UTC))
    text = render_template(
        "page.html", page=view, notice=notice, failed=code >= 400, draft_ref=draft[0],
        draft_name=draft[1],
    )  # fmt: skip
    return text, code


def _notice(status: Status, args: MultiDict[str, str]) -> str:
    """What was just done. The address only points at a device; all words come from the daemon."""
    moved, renamed = args.get("moved"), args.get("renamed")
    for device in status["devices"]:
        receipt = device["receipt"]
        if device["mac"] == moved and receipt:
            return present.moved(receipt)
        if device["mac"] == renamed:
            return f"Renamed. It is now called {device['name']}."
    return ""


def _sentence(error: ControlError) -> str:
    """An error of the control API as one or two sentences."""
    parts = [part for part in (error.message, *error.errors, error.hint) if part]
    ends = (part if part[-1] in ".?!" else f"{part}." for part in parts)
    return " ".join(f"{part[0].upper()}{part[1:]}" for part in ends)
