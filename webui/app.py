"""The page's application factory; gunicorn calls it, and tests call it with their own daemon."""

from __future__ import annotations

import os

from flask import Flask, render_template, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from orchestrator.client import Control
from webui import api, guard, rules, sessions, visit
from webui.pages import access, settings
from webui.texts import texts
from webui.views import Answer, bp

LARGEST_FORM = 4096  # bytes; a form holds one name

_WORDS = {
    404: ("There is nothing here", "The address may be mistyped."),
    405: ("That does not work here", "This address only accepts the page's own buttons."),
    413: ("That was too much", "A name is short."),
}


def create_app(control: Control | None = None, hosts: str | None = None) -> Flask:
    """The page. `control` is the daemon's client, `hosts` the comma-separated host names that
    the page answers to; by default they come from MANYWAYS_SOCKET and MANYWAYS_HOSTS.

    Without any host name the page answers nobody.
    """
    app = Flask(__name__)
    app.url_map.merge_slashes = False  # an address has one spelling
    app.json.sort_keys = False  # type: ignore[attr-defined]
    daemon = control or Control()
    app.config.update(
        CONTROL=daemon,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        MAX_FORM_PARTS=8,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.globals.update(t=texts(), csrf=visit.csrf, may=visit.may)
    app.context_processor(lambda: {"offer_password": visit.offers_password()})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    names = os.environ.get("MANYWAYS_HOSTS", "") if hosts is None else hosts
    guard.protect(app, guard.parse_hosts(names))
    app.extensions["sessions"] = sessions.keep_visits(app, daemon)
    rules.enforce(app)
    for blueprint in (bp, access.bp, settings.bp, api.bp):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _say)
    return app


def _say(error: HTTPException) -> Answer:
    """HTTP's own errors in plain words: as a page, or as JSON for programs."""
    code = error.code or 500
    title, text = _WORDS.get(code, ("Something went wrong", "It was noted in the router's log."))
    if code in (400, 403):
        title, text = "That was not done", error.description or text
    if guard.in_api(request):
        return api.failure(text, "", code)
    return render_template("message.html", title=title, text=text), code
