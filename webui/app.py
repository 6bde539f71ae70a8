"""The page's application factory; gunicorn calls it, and tests call it with their own daemon."""

from __future__ import annotations

import os

from flask import Flask, render_template, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from orchestrator.client import Control, ControlError
from webui import api, guard, rules, visit
from webui.assets import KEEP_SECONDS, asset, flags
from webui.compression import compress
from webui.events import Hub
from webui.navigation import address, tabs
from webui.pages import BLUEPRINTS
from webui.pages.shared import Answer
from webui.sessions import forget_key, keep_visits
from webui.texts import texts
from webui.uploads import BoundedRequest

LARGEST_FORM = 16384  # bytes; the longest one names every device of the home
RETRY_SECONDS = 5

_WORDS = {404: "not_found", 405: "method", 413: "too_much"}


def create_app(control: Control | None = None, hosts: str | None = None) -> Flask:
    """The page. `control` is the daemon's client, `hosts` the comma-separated host names that
    the page answers to; by default they come from MANYWAYS_SOCKET and MANYWAYS_HOSTS.

    Without any host name the page answers nobody.
    """
    app = Flask(__name__)
    app.request_class = BoundedRequest
    app.url_map.merge_slashes = False  # an address has one spelling
    app.json.sort_keys = False  # type: ignore[attr-defined]
    daemon = control or Control()
    app.config.update(
        CONTROL=daemon,
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        MAX_FORM_PARTS=8,
        SEND_FILE_MAX_AGE_DEFAULT=KEEP_SECONDS,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.globals.update(
        t=texts(), csrf=visit.csrf, may=visit.may, asset=asset, flags=flags, tabs=tabs,
        address=address,
    )  # fmt: skip
    app.context_processor(lambda: {"offer_password": visit.offers_password()})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    names = os.environ.get("MANYWAYS_HOSTS", "") if hosts is None else hosts
    own_names = guard.parse_hosts(names)
    app.extensions["events"] = Hub(daemon.live, daemon.access, own_names)
    compress(app)
    guard.protect(app, own_names)
    keep_visits(app, daemon)
    rules.enforce(app)
    for blueprint in (*BLUEPRINTS, api.bp):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _say)
    app.register_error_handler(ControlError, _no_answer)
    return app


def _say(error: HTTPException) -> Answer:
    """HTTP's own errors in plain words: as a page, or as JSON for programs."""
    code, t = error.code or 500, texts()
    words = "errors." + _WORDS.get(code, "other")
    text = t(words + "_text")
    if isinstance(error, rules.Refusal):
        words, text = "refused.title", str(error)
    if guard.in_api(request):
        return api.failure(text, "", code)
    return render_template("message.html", title=t(words), text=text), code


def _no_answer(error: ControlError) -> Answer:
    """The daemon is away, or busy, or odd: a page that tries again by itself."""
    forget_key()
    text = render_template("unreachable.html", retry=RETRY_SECONDS, why=error.message)
    return text, 503, {"Retry-After": str(RETRY_SECONDS)}
