"""What every request must prove, and what every answer must carry.

The page can move devices, and every browser in the house can be sent anywhere by any page of
the internet. So a request must name this router as its host (a foreign name that was made
to point here, by DNS rebinding, is turned away), a change must come from our own page, and an
answer allows the browser nothing but our own files.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Request, Response, jsonify, request

from orchestrator.client import BASE

METHODS = frozenset({"GET", "HEAD", "POST"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not "no-referrer": with that, browsers send a form's POST with `Origin: null`, and over
    # plain HTTP they send no Sec-Fetch-Site either, so our own form would look like a
    # stranger's. "same-origin" tells other sites just as little: nothing.
    "Referrer-Policy": "same-origin",
}


def parse_hosts(text: str) -> frozenset[str]:
    """The host names in a comma-separated list, as `normal_host` writes them."""
    return frozenset(normal_host(part.strip()) for part in text.split(",") if part.strip())


def normal_host(host: str) -> str:
    """A Host header in one form: lower case, without HTTP's own port or a final dot."""
    return host.lower().removesuffix(":80").removesuffix(".")


def is_ours(incoming: Request) -> bool:
    """Whether a POST was sent by our own page, as far as the browser says; fails closed.

    Sec-Fetch-Site is missing over plain HTTP, so the Origin decides, or the Referer of
    browsers that leave the Origin out.
    """
    if incoming.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    claimed = incoming.headers.get("Origin") or incoming.headers.get("Referer") or ""
    try:
        origin = urlsplit(claimed)
    except ValueError:
        return False
    return origin.scheme in {"http", "https"} and normal_host(origin.netloc) == normal_host(
        incoming.headers.get("Host", "")
    )


def shows_token(incoming: Request) -> bool:
    """Whether a program sends it: no browser adds this header for another site without asking
    first (CORS), and here it is never told yes. Whether the token is good is judged later.
    """
    return in_api(incoming) and "Authorization" in incoming.headers


def in_api(incoming: Request) -> bool:
    """Whether the answer is for a program."""
    return incoming.path.startswith(f"{BASE}/")


def protect(app: Flask, hosts: frozenset[str]) -> None:
    """Let only requests for `hosts` through, and put the security headers on every answer."""

    @app.before_request
    def refuse_strangers() -> Response | None:
        # The raw header: what the framework makes of it may be a default.
        if normal_host(request.environ.get("HTTP_HOST", "")) not in hosts:
            return _plain(421, "This is not one of the router's own names or addresses.")
        if request.method not in METHODS:
            return _plain(405, "Only GET and POST are understood here.")
        if request.method == "POST" and not (is_ours(request) or shows_token(request)):
            told = "Changes are only accepted from this router's own page."
            return _plain(403, told, "a program sends a token: Authorization: Bearer TOKEN")
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.endpoint != "static" or response.status_code >= 400:
            response.headers["Cache-Control"] = "no-store"
        return response


def _plain(status: int, text: str, hint: str = "") -> Response:
    response = Response(f"{text}\n", status, mimetype="text/plain")
    if in_api(request):
        response = jsonify(error=text, hint=hint)
        response.status_code = status
    if status == 405:
        response.headers["Allow"] = ", ".join(sorted(METHODS))
    return response
