"""What flows now: a view, the numbers for its script, and the stream of news for every view."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, render_template, request

from orchestrator.client import History, Live
from webui.events import Hub, TooMany
from webui.pages.shared import Answer, control
from webui.present import live as present

RETRY_SECONDS = 30

bp = Blueprint("live", __name__)


@bp.get("/live")
def index() -> Answer:
    daemon = control()
    view = present.page(daemon.status(), daemon.live(), daemon.history())
    return render_template("live.html", page=view)


@bp.get("/live/history")
def history() -> Answer:
    """The last two minutes, with which the view's script begins."""
    told: History = control().history()
    return jsonify(told)


@bp.get("/live/now")
def now() -> Answer:
    """This second, for a browser whose stream was refused."""
    told: Live = control().live()
    return jsonify(told)


@bp.get("/events")
def events() -> Answer:
    """News as they come (text/event-stream): `live`, `changed`, `away`."""
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    hub = current_app.extensions["events"]
    assert isinstance(hub, Hub)
    try:
        stream = hub.join(control().whoami()["mac"] or request.remote_addr or "")
    except TooMany:
        text = "Too many pages listen at the moment.\n"
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return Response(text, 503, headers, mimetype="text/plain")
    response = Response(stream.read(), mimetype="text/event-stream")
    response.call_on_close(lambda: hub.leave(stream))
    return response
