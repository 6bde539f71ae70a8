"""A small daemon for the tests of its clients: real HTTP on a real unix socket.

It answers with a report that a test may change at any time, moves and renames devices in it, and
writes down what it was asked.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit

from orchestrator.client import Device, Status
from tests.web.reports import receipt


class Standin:
    """The state of the stand-in; `asked` holds every request as (method, path, body)."""

    def __init__(self, path: Path, report: Status) -> None:
        self.path = path
        self.report = report
        self.asked: list[tuple[str, str, object]] = []
        self.answers: dict[str, tuple[int, object]] = {}  # path → what to say instead
        self.heard: dict[str, dict[str, str]] = {}  # path → the last body that was sent there

    def answer(self, method: str, target: str, body: dict[str, str]) -> tuple[int, object]:
        self.asked.append((method, target, body))
        path = urlsplit(target).path
        self.heard[path] = body
        if path in self.answers:
            return self.answers[path]
        match [unquote(part) for part in path.split("/")[3:]]:
            case ["status"]:
                return 200, self.report
            case ["devices"]:
                return 200, {"devices": self.report["devices"]}
            case ["devices", ref, "assign"]:
                return self._change(ref, body["destination"])
            case ["devices", ref, "rename"]:
                return self._rename(ref, body["name"])
        return 404, {"error": f"nothing is at {path}", "hint": ""}

    def _find(self, ref: str) -> Device | None:
        devices = self.report["devices"]
        return next((d for d in devices if ref in (d["mac"], d["name"], d["address"])), None)

    def _change(self, ref: str, new: str) -> tuple[int, object]:
        device = self._find(ref)
        if device is None:
            return 404, {"error": f"no device is called '{ref}'", "hint": "did you mean 'tv'?"}
        if new not in [d["name"] for d in self.report["destinations"]]:
            return 404, {"error": f"no destination is called '{new}'", "hint": "there is 'uk'"}
        made = receipt(device["destination"], new)
        made["mac"], made["device"] = device["mac"], device["name"]
        device["destination"], device["receipt"] = new, made
        return 200, made

    def _rename(self, ref: str, name: str) -> tuple[int, object]:
        device = self._find(ref)
        if device is None:
            return 404, {"error": f"no device is called '{ref}'", "hint": ""}
        if self._find(name) not in (None, device):
            return 409, {"error": f"'{name}' is taken", "hint": "choose another name"}
        device["name"], device["title"] = name.lower().replace(" ", "-"), name
        return 200, device


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def serve(standin: Standin) -> Iterator[Standin]:
    """Answer on the stand-in's socket; afterwards the socket is gone, as with a dead daemon."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = standin.answer(self.command, self.path, json.loads(raw or b"{}"))
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _reply

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = _Server(str(standin.path), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        standin.path.unlink()
