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
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from orchestrator.client import Access, Device, Status
from tests.web import household
from tests.web.reports import receipt


class Standin:
    """The state of the stand-in; `asked` holds every request as (method, path, body)."""

    def __init__(self, path: Path, report: Status) -> None:
        self.path = path
        self.report = report
        self.asked: list[tuple[str, str, object]] = []
        # What to say instead, by path, with its query or without.
        self.answers: dict[str, tuple[int, object]] = {}
        self.access: Access = {
            "password": False,
            "policy": "everybody",
            "generation": 1,
            "damaged": False,
        }
        self.keys = household.Keys(self.access)
        self.me = ""  # the MAC address of the device whose browser asks

    def answer(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, object]:
        path = urlsplit(target).path
        match path.split("/")[3:]:  # what the page asks at every request is not written down
            case ["page-key"]:
                return 200, {"key": "only for tests"}
            case ["access"] if method == "GET":
                return 200, self.access
        self.asked.append((method, target, body))
        if told := self.answers.get(target) or self.answers.get(path):
            return told
        match [unquote(part) for part in path.split("/")[3:]]:
            case ["status"]:
                return 200, self.report
            case ["devices"]:
                return 200, {"devices": self.report["devices"]}
            case ["whoami"]:
                found = self._find(self.me)
                return 200, {"mac": self.me, "title": found["title"] if found else ""}
            case ["assign"]:
                return self._change_many(body)
            case ["undo"]:
                return self._undo_many(body)
            case ["devices", ref, verb]:
                return self._act(ref, verb, body)
        parts = [unquote(part) for part in path.split("/")[3:]]
        told = household.answer(self.report, parts, urlsplit(target).query, body)
        told = told or self.keys.answer(method, parts, body)
        return told or (404, {"error": f"nothing is at {path}", "hint": ""})

    def _act(self, ref: str, verb: str, body: dict[str, Any]) -> tuple[int, object]:
        device = self._find(ref)
        if device is None:
            return 404, {"error": f"no device is called '{ref}'", "hint": "did you mean 'tv'?"}
        match verb:
            case "assign":
                return self._change(device, body)
            case "undo":
                return self._undo(device)
            case "rename":
                return self._rename(device, body["name"])
            case "kind":
                device["kind"] = body["kind"]
            case "take-over":
                return self._take_over(device, body["old"])
            case "dismiss":
                device["maybe"] = []
            case "forget":
                self.report["devices"].remove(device)
            case _:
                return 404, {"error": f"nothing is called {verb}", "hint": ""}
        return 200, device

    def _find(self, ref: str) -> Device | None:
        devices = self.report["devices"]
        return next((d for d in devices if ref in (d["mac"], d["name"], d["address"])), None)

    def _change(self, device: Device, body: dict[str, Any]) -> tuple[int, object]:
        new = body["destination"]
        if new not in [d["name"] for d in self.report["destinations"]]:
            return 404, {"error": f"no destination is called '{new}'", "hint": "there is 'uk'"}
        made = receipt(device["destination"], new)
        made["mac"], made["device"] = device["mac"], device["title"]
        made["at"] = datetime.now(UTC).isoformat(timespec="seconds")
        made["until"] = _until(body)
        device["back_to"] = device["destination"] if made["until"] else ""
        device["until"] = made["until"]
        device["destination"], device["receipt"] = new, made
        device["can_undo"] = made["old"] != new
        return 200, made

    def _change_many(self, body: dict[str, Any]) -> tuple[int, object]:
        found = [self._find(ref) for ref in body["devices"]]
        changed = [self._change(device, body) for device in found if device]
        refused = next((answer for answer in changed if answer[0] != 200), None)
        return refused or (200, {"receipts": [made for _, made in changed]})

    def _undo(self, device: Device) -> tuple[int, object]:
        last = device["receipt"]
        if not device["can_undo"] or last is None:
            return 409, {"error": "there is nothing to undo", "hint": ""}
        status, made = self._change(device, {"destination": last["old"]})
        device["can_undo"] = False
        return status, made

    def _undo_many(self, body: dict[str, Any]) -> tuple[int, object]:
        found = [self._find(ref) for ref in body["devices"]]
        if not all(device and device["can_undo"] for device in found):
            return 409, {"error": "there is nothing to undo", "hint": ""}
        return 200, {"receipts": [self._undo(device)[1] for device in found if device]}

    def _rename(self, device: Device, name: str) -> tuple[int, object]:
        others = [d for d in self.report["devices"] if d is not device]
        if any(name in (d["title"], d["name"]) for d in others):
            return 409, {"error": f"'{name}' is taken", "hint": "choose another name"}
        device["name"], device["title"] = name.lower().replace(" ", "-"), name
        device["new"] = False
        return 200, device

    def _take_over(self, device: Device, ref: str) -> tuple[int, object]:
        old = self._find(ref)
        if old is None:
            return 404, {"error": f"no device is called '{ref}'", "hint": ""}
        device["title"], device["kind"], device["new"] = old["title"], old["kind"], False
        device["destination"], device["maybe"] = old["destination"], []
        self.report["devices"].remove(old)
        return 200, device


def _until(body: dict[str, Any]) -> str | None:
    """When a switch ends by itself."""
    if until := body.get("until"):
        if until != "midnight":
            return str(until)
        tonight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return (tonight + timedelta(days=1)).isoformat()
    if minutes := body.get("minutes"):
        return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(timespec="seconds")
    return None


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
