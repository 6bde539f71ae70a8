"""A visitor of the page without a browser: one that has seen a form of ours."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from orchestrator.client import CSRF

SECRET = "the secret of this visitor's forms"


def visitor(app: Flask, *hosts: str, **session: object) -> FlaskClient:
    """A client of `app` whose requests carry the secret of its forms; `session` is what the
    visit holds besides. The daemon must answer, because it keeps the key of the cookies.
    """
    client = app.test_client()
    for host in hosts or ("localhost", "manyways.lan"):
        with client.session_transaction(base_url=f"http://{host}") as kept:
            kept.update(session, csrf=SECRET)
    client.environ_base["HTTP_" + CSRF.upper().replace("-", "_")] = SECRET
    return client
