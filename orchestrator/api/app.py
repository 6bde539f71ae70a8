"""The control API: HTTP with JSON over a unix socket, for the page and the command line.

Whoever may open the socket may switch devices, so the socket belongs to root and to one group
that only the page's process is in. Every failure is a JSON answer with a sentence for a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from orchestrator.access import Denied
from orchestrator.api import access, activity, destinations, devices, live, openapi, router
from orchestrator.api.route import Actor, Body, Call, Need, Route
from orchestrator.client.control import BASE
from orchestrator.client.strict import NotStrict, read_object
from orchestrator.reconcile import BadConfiguration, Failures
from orchestrator.service import Service
from orchestrator.switch import Refused

_MAX_BODY = 512 * 1024  # an OpenVPN profile with its certificates, as JSON


def _document(_service: Service, _call: Call) -> Any:
    return openapi.document(ROUTES)


ROUTES: tuple[Route, ...] = (
    *router.ROUTES,
    *devices.ROUTES,
    *destinations.ROUTES,
    *live.ROUTES,
    *access.ROUTES,
    Route("GET", "/openapi.json", "This document", _document, dict[str, object], Need.LOOK),
    *activity.ROUTES,
)


class BadRequest(Exception):
    """A request that is not understood: which field, what is wrong, what would be right."""


def make_app(service: Service) -> Flask:
    """Return the WSGI application that answers for `service`."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for route in ROUTES:
        _add(app, service, route)
    _add_failures(app)
    return app


def _add(app: Flask, service: Service, route: Route) -> None:
    rule = BASE + re.sub(r"{(\w+)}", r"<\1>", route.path)
    endpoint = f"{route.method} {route.path}".replace(".", "-")
    view = _view(service, route)
    app.add_url_rule(rule, endpoint, view, methods=[route.method])


def _view(service: Service, route: Route) -> Callable[..., ResponseReturnValue]:
    def view(**path: str) -> ResponseReturnValue:
        query = _read(route.query, _asked(request.args))
        body = _read(route.body, _sent()) if route.method == "POST" else None
        actor = Actor.of(request)
        service.visited(actor)
        answer = route.handle(service, Call(path, body, query, actor))
        return answer if isinstance(answer, Response) else jsonify(answer)

    return view


def _asked(args: MultiDict[str, str]) -> dict[str, str]:
    for name, values in args.lists():
        if len(values) > 1:
            raise BadRequest(f"'{name[:40]}' stands twice in the address")
    return args.to_dict()


def _sent() -> dict[str, object]:
    raw = request.get_data()
    if not raw:
        return {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("a request's body has the content type application/json")
    try:
        return read_object(raw)
    except NotStrict as error:
        raise BadRequest(str(error)) from None


def _read(kind: type[Body], values: Any) -> Body:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise BadRequest("; ".join(map(_sentence, error.errors()[:5]))) from None


def _sentence(mistake: Any) -> str:
    # pydantic's own text quotes what was sent, and that may be a password.
    field = ".".join(map(str, mistake["loc"]))[:64]
    if mistake["type"] == "extra_forbidden":
        return f"nothing here is called '{field}'"
    if mistake["type"] == "missing":
        return f"the request lacks '{field}'"
    said = mistake["msg"].removeprefix("Value error, ")
    return f"'{field}': {said[:1].lower()}{said[1:]}"


def _add_failures(app: Flask) -> None:
    @app.errorhandler(BadRequest)
    def bad_request(error: BadRequest) -> ResponseReturnValue:
        return jsonify(error=str(error), hint="see /api/v1/openapi.json"), 400

    @app.errorhandler(Denied)
    def denied(error: Denied) -> ResponseReturnValue:
        headers = {"Retry-After": str(error.wait)} if error.wait else {}
        return jsonify(error=str(error), hint=error.hint), error.status, headers

    @app.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        return jsonify(error=str(error), hint=error.hint), 404 if error.unknown else 409

    @app.errorhandler(BadConfiguration)
    def bad_configuration(error: BadConfiguration) -> ResponseReturnValue:
        return jsonify(error=str(error), hint="", errors=list(error.errors)), 409

    @app.errorhandler(HTTPException)
    def http_failure(error: HTTPException) -> ResponseReturnValue:
        # get_headers() would say text/html; of the rest, Allow is what somebody may need.
        headers = [(k, v) for k, v in error.get_headers() if k == "Allow"]
        return jsonify(error=error.description or error.name, hint=""), error.code or 500, headers

    def failed(error: Exception) -> ResponseReturnValue:
        return jsonify(error=str(error), hint="nothing was changed"), 503

    for kind in Failures:
        app.register_error_handler(kind, failed)
