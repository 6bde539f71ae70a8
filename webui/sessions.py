"""The visits' cookies, signed with a key that the daemon keeps.

The page has nowhere to write, and a key of its own making would end everybody's visit whenever its
container is made anew. While the daemon is away there is no key: then every visitor is a
stranger, and nothing could be changed anyway.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, current_app
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from orchestrator.client import Control, ControlError

LIFETIME = timedelta(days=30)


class KeyedSessions(SecureCookieSessionInterface):
    """Flask's signed cookies; the key comes from the daemon when it is first needed."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._known = False

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what signs and checks cookies, or None while there is no key."""
        if not self._known:
            try:
                app.secret_key = self._control.page_key()
            except ControlError:
                return None
            self._known = bool(app.secret_key)
        return super().get_signing_serializer(app)

    def forget_key(self) -> None:
        """Ask for the key again when it is needed."""
        self._known = False


def forget_key() -> None:
    """The daemon was away, and may come back with another key."""
    sessions = current_app.session_interface
    assert isinstance(sessions, KeyedSessions)
    sessions.forget_key()


def keep_visits(app: Flask, control: Control) -> None:
    """Let `app` remember visits in cookies that no script and no other site can use."""
    app.session_interface = KeyedSessions(control)
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        # Else an answer that was on its way during a logout would log in again.
        SESSION_REFRESH_EACH_REQUEST=False,
    )
