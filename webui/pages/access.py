"""Logging in and out, the page's password, its policy, and the keys for programs."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from orchestrator.client import BASE, ControlError, NewToken, Unreachable
from webui import visit
from webui.pages.shared import Answer, control, sentence
from webui.present.common import Notice
from webui.present.wifi import card
from webui.rules import OPEN, rule
from webui.texts import texts

LONGEST_PASSWORD = 128
_OFFERED_AGAIN_AFTER_S = 365 * 86400

bp = Blueprint("access", __name__)


@bp.get("/login")
@rule(OPEN, query={"next": 200})
def login() -> Answer:
    return _login(request.args.get("next", ""))


@bp.post("/login")
@rule(OPEN, form={"password": LONGEST_PASSWORD, "next": 200})
def log_in() -> Answer:
    wanted = request.form.get("next", "")
    try:
        now = control().log_in(request.form.get("password", ""))
    except Unreachable:
        raise
    except ControlError as error:
        return _login(wanted, error)
    visit.begin(now)
    return redirect(inside(wanted), 303)


@bp.post("/logout")
@rule(OPEN)
def log_out() -> Answer:
    visit.end()
    return redirect("/", 303)


@bp.post("/offer/dismiss")
@rule(OPEN)
def dismiss_offer() -> Answer:
    """Remember in this browser that no password is wanted."""
    answer = make_response(redirect("/", 303))
    answer.set_cookie(
        visit.NOT_NOW, "1", max_age=_OFFERED_AGAIN_AFTER_S, httponly=True, samesite="Strict"
    )
    return answer


@bp.post("/settings/password")
@rule("keep", form={"password": LONGEST_PASSWORD, "again": LONGEST_PASSWORD,
                    "old": LONGEST_PASSWORD, "remove": 1})  # fmt: skip
def set_password() -> Answer:
    new = "" if "remove" in request.form else request.form.get("password", "")
    if "remove" not in request.form:
        if not new:
            return settings(failed=texts()("access.empty"), code=400)
        if new != request.form.get("again", ""):
            return settings(failed=texts()("access.differ"), code=400)
    try:
        now = control().set_password(new, request.form.get("old", ""))
    except Unreachable:
        raise
    except ControlError as error:
        return _refused(error)
    if now["password"]:
        visit.begin(now)  # all visits end but that of who changed it
    else:
        visit.end()
    return _done("password" if now["password"] else "no_password")


@bp.post("/settings/policy")
@rule("keep", form={"policy": 16})
def set_policy() -> Answer:
    try:
        control().set_policy(request.form.get("policy", ""))
    except Unreachable:
        raise
    except ControlError as error:
        return _refused(error)
    return _done("policy")


@bp.post("/settings/tokens")
@rule("keep", form={"name": 64})
def make_token() -> Answer:
    """Answers with the page itself: the secret is in no address, and shown this once."""
    try:
        made = control().make_token(request.form.get("name", ""))
    except Unreachable:
        raise
    except ControlError as error:
        return _refused(error)
    return settings(made=made)


@bp.post("/settings/tokens/<token>/revoke")
@rule("keep")
def revoke_token(token: str) -> Answer:
    try:
        control().revoke_token(token)
    except Unreachable:
        raise
    except ControlError as error:
        return _refused(error)
    return _done("revoked")


def settings(
    *, said: str = "", failed: str = "", made: NewToken | None = None, code: int = 200,
    headers: dict[str, str] | None = None,
) -> Answer:  # fmt: skip
    """The settings with a notice (`said`), a mistake (`failed`), or a new token."""
    tokens = control().tokens() if visit.may("keep") else []
    status = control().status()
    text = render_template(
        "settings.html", access=visit.access(), tokens=tokens, made=made, failed=failed,
        notice=Notice(said) if said else None, notes=status["config"]["notes"],
        version=status["version"], wifi=card(status), page=status["lan"]["page"],
        document=f"{BASE}/openapi.json",
    )  # fmt: skip
    return text, code, headers or {}


def inside(wanted: str) -> str:
    """The address to go on to, if it is one of ours; else home."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    ours = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if ours and not parts.netloc and wanted.isprintable() else "/"


def _login(wanted: str, error: ControlError | None = None) -> Answer:
    text = render_template(
        "login.html", next=inside(wanted), failed=sentence(error) if error else ""
    )
    return text, error.status if error else 200, _waiting(error)


def _refused(error: ControlError) -> Answer:
    return settings(failed=sentence(error), code=error.status, headers=_waiting(error))


def _waiting(error: ControlError | None) -> dict[str, str]:
    return {"Retry-After": str(error.wait)} if error and error.wait else {}


def _done(what: str) -> Response:
    return redirect(url_for("settings.index", said=what), 303)
