"""The control API: HTTP with JSON over a unix socket, for the page and the command line.

Whoever may open the socket may switch devices, so the socket belongs to root and to one group
that only the page's process is in. Every failure is a JSON answer with a sentence for a person.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from orchestrator.leaktest.examiner import Run
from orchestrator.model import Action
from orchestrator.reconcile import BadConfiguration, Failures, Outcome
from orchestrator.service import Service
from orchestrator.switch import Refused

SOCKET_MODE = 0o660
SOCKET_GROUP = 4711
_MAX_BODY = 16 * 1024
_MAX_LINES = 10_000


def make_app(service: Service) -> Flask:
    """Return the WSGI application that answers for `service`."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    _add_questions(app, service)
    _add_requests(app, service)
    _add_failures(app)
    return app


def _add_questions(app: Flask, service: Service) -> None:
    @app.get("/v1/status")
    def status() -> ResponseReturnValue:
        return jsonify(service.status())

    @app.get("/v1/devices")
    def devices() -> ResponseReturnValue:
        return jsonify(devices=service.devices())

    @app.get("/v1/plan")
    def plan() -> ResponseReturnValue:
        return jsonify(actions=[_action(a) for a in service.plan()])

    @app.get("/v1/logs/<name>")
    def logs(name: str) -> ResponseReturnValue:
        lines = request.args.get("lines", default=100, type=int)
        return jsonify(lines=service.logs(name, max(1, min(lines, _MAX_LINES))))


def _add_requests(app: Flask, service: Service) -> None:
    @app.post("/v1/devices/<reference>/assign")
    def assign(reference: str) -> ResponseReturnValue:
        return jsonify(service.assign(reference, _field("destination")))

    @app.post("/v1/devices/<reference>/rename")
    def rename(reference: str) -> ResponseReturnValue:
        return jsonify(service.rename(reference, _field("name")))

    @app.post("/v1/leaktest")
    def leaktest() -> ResponseReturnValue:
        body = request.get_json(silent=True)
        body = body if isinstance(body, dict) else {}
        wanted = body.get("destinations", [])
        if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
            raise Refused("'destinations' must be a list of names", "an empty one means all")
        run = service.leaktest(wanted, disruptive=body.get("disruptive") is True)
        return Response(_Lines(run), mimetype="application/x-ndjson")

    @app.post("/v1/destinations/<name>/pause")
    def pause(name: str) -> ResponseReturnValue:
        return jsonify(service.pause(name, pause=True))

    @app.post("/v1/destinations/<name>/resume")
    def resume(name: str) -> ResponseReturnValue:
        return jsonify(service.pause(name, pause=False))

    @app.post("/v1/up")
    def up() -> ResponseReturnValue:
        return _outcome(service.up())

    @app.post("/v1/down")
    def down() -> ResponseReturnValue:
        return _outcome(service.down())


def _add_failures(app: Flask) -> None:
    @app.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        return jsonify(error=str(error), hint=error.hint), 404 if error.unknown else 409

    @app.errorhandler(BadConfiguration)
    def bad_configuration(error: BadConfiguration) -> ResponseReturnValue:
        return jsonify(error=str(error), hint="", errors=list(error.errors)), 409

    @app.errorhandler(HTTPException)
    def http_failure(error: HTTPException) -> ResponseReturnValue:
        return jsonify(error=error.description or error.name, hint=""), error.code or 500

    def failed(error: Exception) -> ResponseReturnValue:
        return jsonify(error=str(error), hint="nothing was changed"), 503

    for kind in Failures:
        app.register_error_handler(kind, failed)


class _Lines:
    """A run as lines of JSON. An empty line keeps the connection alive.

    When the other side has gone, writing fails, and whoever serves this calls `close`.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.close = run.close

    def __iter__(self) -> Iterator[bytes]:
        for message in self._run:
            yield (json.dumps(message) if message else "").encode() + b"\n"


def _field(name: str) -> str:
    body = request.get_json(silent=True)
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not value:
        raise Refused(f"the request lacks '{name}'", f'send {{"{name}": "…"}} as JSON')
    return value


def _action(action: Action) -> dict[str, Any]:
    return {"verb": action.verb.value, "target": action.target, "reason": action.reason}


def _outcome(outcome: Outcome) -> ResponseReturnValue:
    return jsonify(actions=[_action(a) for a in outcome.actions], errors=list(outcome.errors))


def make_server(app: Flask, path: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Open the socket at `path` and return (serve for ever, close). Raises OSError."""
    from waitress.server import create_server

    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # left by a daemon that was killed
    server: Any = create_server(
        app, unix_socket=str(path), unix_socket_perms=format(SOCKET_MODE, "o"), threads=4
    )
    os.chown(path, -1, SOCKET_GROUP)
    return server.run, server.close
