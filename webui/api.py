"""The API for programs on the home network: the daemon's own, handed on to whom it may concern.

A program shows a token. A browser has its visit, and for changes also the secret of its forms:
without one of both nothing is changed, whatever the policy is, because any site of the internet can
let a browser of the house send a request here.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from orchestrator.client import BASE, Control, ControlError, NotStrict, read_object
from webui import visit
from webui.catalogue import Catalogue, Found
from webui.rules import ITSELF, rule

_TOKENS_MAY = frozenset({"look", "own", "change"})  # a token makes no other tokens

bp = Blueprint("api", __name__, url_prefix=BASE)


class Refusal(Exception):
    """A request that is not handed on."""

    def __init__(self, status: int, message: str, hint: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.hint = hint
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@bp.route("/<path:path>", methods=["GET", "POST"])
@rule(ITSELF)
def hand_on(path: str) -> Response:
    catalogue = current_app.extensions.setdefault("catalogue", Catalogue())
    try:
        found = catalogue.find(path, visit.control())
        if found is None:
            raise Refusal(404, "there is nothing at this address", f"see {BASE}/openapi.json")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in found.needs:
            allowed = ", ".join(found.needs)
            raise Refusal(405, f"this address understands {allowed} only", Allow=allowed)
        control = _authorized(found, found.needs[method])
        query, body = _query(), _body() if method == "POST" else None
        return jsonify(control.call(method, found.path + query, body))
    except Refusal as refusal:
        return failure(str(refusal), refusal.hint, refusal.status, refusal.headers)
    except ControlError as error:
        headers = {"Retry-After": str(error.wait)} if error.wait else {}
        return failure(error.message, error.hint, error.status, headers, *error.errors)


def failure(
    message: str, hint: str, status: int, headers: dict[str, str] | None = None, *errors: str
) -> Response:
    """An error as the daemon itself writes them."""
    more = {"errors": list(errors)} if errors else {}
    answer = jsonify(error=message, hint=hint, **more)
    answer.status_code = status
    answer.headers.update(headers or {})
    return answer


def _authorized(found: Found, need: str) -> Control:
    if "Authorization" in request.headers:
        name = _token_name()
        if need not in _TOKENS_MAY:
            raise Refusal(403, "no token may do that", "do it on the page")
        return visit.control(name)
    if request.method == "POST" and not visit.proves_origin():
        raise _unauthorized("a change needs a token")
    if visit.may(need, found.device):
        return visit.control()
    if visit.access()["damaged"]:
        hint = "type on the router: orchestrator password --remove"
        raise Refusal(403, "nobody can change anything now", hint)
    raise _unauthorized("that needs a token, or the page's password")


def _token_name() -> str:
    kind, _, secret = request.headers["Authorization"].partition(" ")
    secret = secret.strip()
    if kind.lower() != "bearer" or not 0 < len(secret) <= 128:
        raise _unauthorized("the header Authorization is not understood")
    try:
        return visit.control().check_token(secret)["name"]
    except ControlError as error:
        if error.status == 401:
            raise _unauthorized(error.message) from None
        raise


def _unauthorized(message: str) -> Refusal:
    hint = "make a token on the page, and send the header Authorization: Bearer TOKEN"
    return Refusal(401, message, hint, WWW_Authenticate="Bearer")


def _query() -> str:
    pairs = list(request.args.items(multi=True))
    return f"?{urlencode(pairs, errors='replace')}" if pairs else ""


def _body() -> dict[str, object]:
    try:
        raw = request.get_data()
    except HTTPException:
        raise Refusal(413, "the request's body is too large") from None
    if not raw:
        return {}
    if request.mimetype != "application/json":
        raise Refusal(415, "a request's body has the content type application/json")
    try:
        return read_object(raw)
    except NotStrict as error:
        raise Refusal(400, str(error)) from None
