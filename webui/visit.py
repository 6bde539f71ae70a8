"""Who visits the page, and what a visitor may do."""

from __future__ import annotations

import hmac
import secrets

from flask import current_app, g, request, session
from flask.sessions import NullSession
from markupsafe import Markup

from orchestrator.client import CSRF, Access, Control, ControlError

FIELD = "csrf"
NOT_NOW = "no_password"  # the cookie of who does not want to be offered a password
_LOGGED_IN = "in"


def control(token: str = "") -> Control:
    """The daemon's client, on behalf of this visitor, or of a program with a token's name."""
    found = current_app.config["CONTROL"]
    assert isinstance(found, Control)
    peer = f"{request.remote_addr or ''}:{request.environ.get('REMOTE_PORT', '')}"
    return found.on_behalf_of(peer, token)


def access() -> Access:
    """Who may do what, as the daemon says at this request. Raises ControlError."""
    if "access" not in g:
        g.access = control().access()
    found: Access = g.access
    return found


def logged_in() -> bool:
    """Whether this visitor has shown the password that is set now. Raises ControlError."""
    now = access()
    return now["password"] and session.get(_LOGGED_IN) == now["generation"]


def begin(now: Access) -> None:
    """Let this visitor in; `now` is what the daemon said to the password."""
    g.access = now
    session.clear()  # a new visit has a new secret for its forms
    session[_LOGGED_IN] = now["generation"]
    session.permanent = True


def end() -> None:
    """Forget this visitor."""
    session.clear()


def csrf() -> Markup:
    """The hidden field that every form of ours carries."""
    if isinstance(session, NullSession):  # the daemon is away, so nothing could be changed
        return Markup("")
    if FIELD not in session:
        session[FIELD] = secrets.token_urlsafe(24)
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, session[FIELD])


def proves_origin() -> bool:
    """Whether this request carries the secret that only a form of this visit can know."""
    sent = request.headers.get(CSRF) or request.form.get(FIELD, "")
    kept = session.get(FIELD, "")
    return bool(kept) and hmac.compare_digest(sent.encode(), str(kept).encode())


def may(need: str, mac: str = "") -> bool:
    """Whether this visitor may do what has that `need` (orchestrator.api.route.Need), to `mac`.

    False when the daemon can't be asked.
    """
    try:
        return allowed(access(), need, logged_in=logged_in()) or _is_own(need, mac)
    except ControlError:
        return False


def allowed(now: Access, need: str, *, logged_in: bool) -> bool:
    """Whether that need is met, whichever device it is about."""
    if need == "look":
        return logged_in or now["damaged"] or now["policy"] != "password"
    if now["damaged"] or need not in ("own", "change", "keep"):
        return False
    if need == "keep":
        return logged_in or not now["password"]
    return logged_in or now["policy"] == "everybody"


def _is_own(need: str, mac: str) -> bool:
    """Whether it is about the device that asks. Only its MAC address names it beyond doubt."""
    now = access()
    if need != "own" or now["policy"] != "own" or now["damaged"] or not mac:
        return False
    if "own_mac" not in g:
        g.own_mac = control().whoami()["mac"]
    return bool(g.own_mac) and mac.lower() == g.own_mac.lower()


def offers_password() -> bool:
    """Whether to propose that a password be set."""
    try:
        now = access()
    except ControlError:
        return False
    return not (now["password"] or now["damaged"] or NOT_NOW in request.cookies)
