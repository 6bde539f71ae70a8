"""The client of the control socket, so that the page and the command line speak alike.

It is the only module of the orchestrator that the page's container holds, so it needs nothing
but the standard library. What can go wrong, from a dead daemon to a mistyped name, arrives
as a `ControlError` whose message and hint a person can read as they are.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Literal, NotRequired, TypedDict, cast
from urllib.parse import quote

DEFAULT_SOCKET = "/run/manyways/control.sock"
QUESTION_SECONDS = 5.0  # the daemon answers questions from memory
ACTION_SECONDS = 30.0  # a switch takes milliseconds, but may wait for its turn behind `up`
CONVERGE_SECONDS = 600.0  # `up` and `down` create and stop containers


class Receipt(TypedDict):
    """What a switch did."""

    mac: str
    device: str
    old: str
    new: str
    connections_cut: int
    milliseconds: float
    at: str  # ISO 8601 with a time zone
    note: str  # why the device is refused all the same


class PauseReceipt(TypedDict):
    """What pausing or resuming a destination did; `changed`: false when it was so already."""

    destination: str
    paused: bool
    changed: bool
    devices: int
    connections_cut: int
    milliseconds: float
    at: str


class Device(TypedDict):
    """A device of the home network and where its traffic goes."""

    mac: str
    name: str
    address: str | None
    destination: str  # empty when it has none any more
    state: Literal["ok", "down", "starting", "rejected"]
    message: str
    online: bool
    receipt: Receipt | None


class Check(TypedDict):
    """One link of a destination's chain; "unknown" when an earlier one failed, or not asked."""

    name: Literal["egress", "uplink", "endpoint", "tunnel", "dns", "internet"]
    state: Literal["ok", "failed", "unknown"]
    message: str


class Destination(TypedDict):
    """A destination and its health."""

    name: str
    kind: Literal["direct", "openvpn"]
    uplink: str
    state: Literal["ok", "starting", "degraded", "down", "paused"]
    message: str
    checks: list[Check]


class Service(TypedDict):
    """One of the router's own containers."""

    name: str
    state: Literal["ok", "degraded", "failed", "unknown"]  # unknown: not checked, and why
    message: str


class Lan(TypedDict):
    """Where the router and its page are on the home network."""

    address: str
    domain: str
    page: str


class Uplink(TypedDict):
    """A way to a provider."""

    name: str
    interface: str


class ConfigNotes(TypedDict):
    """What the daemon has to say about router.yaml and the profiles."""

    errors: list[str]
    notes: list[str]


class Status(TypedDict):
    """Everything that the daemon knows, as GET /v1/status tells it."""

    state: Literal["healthy", "degraded"]
    version: str
    config: ConfigNotes
    problems: list[str]  # what the last attempt to make everything so could not do
    stopped: bool
    services: list[Service]
    lan: Lan
    uplinks: list[Uplink]
    destinations: list[Destination]
    default_destination: str  # where a new device goes; empty while it goes nowhere
    devices: list[Device]


class Action(TypedDict):
    """One step of a plan and its reason."""

    verb: str
    target: str
    reason: str


class Outcome(TypedDict):
    """What `up` or `down` did, and what it could not do."""

    actions: list[Action]
    errors: NotRequired[list[str]]


class Finding(TypedDict):
    """One line of a leak test. `destination` is empty for what concerns the home network.

    `by_choice`: not checked, because nobody asked for it.
    """

    destination: str
    check: str
    verdict: Literal["ok", "LEAK", "failed", "not checked"]
    evidence: str
    by_choice: bool


class ControlError(Exception):
    """A request that failed: what is wrong, what would be right, and all mistakes if several."""

    def __init__(
        self, message: str, hint: str = "", errors: tuple[str, ...] = (), status: int = 500
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.errors = errors
        self.status = status  # HTTP's, for the page


class Unreachable(ControlError):
    """The daemon does not answer at all."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint, status=503)


def describe_cut(receipt: Receipt | PauseReceipt) -> str:
    """A receipt's measure in words: "41 connections cut in 6 ms"."""
    count, took = receipt["connections_cut"], receipt["milliseconds"]
    noun = "connection" if count == 1 else "connections"
    return f"{count} {noun} cut in {f'{took:.0f}' if took >= 1 else 'under 1'} ms"


class Control:
    """The daemon's control API.

    `path` is the unix socket; by default $MANYWAYS_SOCKET or /run/manyways/control.sock.
    Every method raises `Unreachable` when nobody answers, else `ControlError`.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path or os.environ.get("MANYWAYS_SOCKET") or DEFAULT_SOCKET

    def status(self) -> Status:
        return cast(Status, self._ask("/v1/status"))

    def devices(self) -> list[Device]:
        return cast(list[Device], _list(self._ask("/v1/devices"), "devices"))

    def plan(self) -> list[Action]:
        """What `up` would do; observing takes longer than a question from memory."""
        answer = self._request("GET", "/v1/plan", None, ACTION_SECONDS)
        return cast(list[Action], _list(answer, "actions"))

    def logs(self, name: str, lines: int = 100) -> list[str]:
        """The last lines that a service or a destination wrote."""
        answer = self._request(
            "GET",
            f"/v1/logs/{quote(name, '', errors='replace')}?lines={lines}",
            None,
            ACTION_SECONDS,
        )
        return cast(list[str], _list(answer, "lines"))

    def assign(self, device: str, destination: str) -> Receipt:
        """Move `device` (name, MAC or IP address) to `destination`."""
        path = f"/v1/devices/{quote(device, '', errors='replace')}/assign"
        body = {"destination": destination}
        return cast(Receipt, self._request("POST", path, body, ACTION_SECONDS))

    def pause(self, destination: str) -> PauseReceipt:
        """Refuse everything that goes by `destination` until `resume`; its devices stay on it."""
        return self._pause(destination, "pause")

    def resume(self, destination: str) -> PauseReceipt:
        """Let a paused destination's devices out again."""
        return self._pause(destination, "resume")

    def _pause(self, destination: str, verb: str) -> PauseReceipt:
        path = f"/v1/destinations/{quote(destination, '', errors='replace')}/{verb}"
        return cast(PauseReceipt, self._request("POST", path, {}, ACTION_SECONDS))

    def rename(self, device: str, name: str) -> Device:
        """Give `device` (name, MAC or IP address) another name."""
        path = f"/v1/devices/{quote(device, '', errors='replace')}/rename"
        return cast(Device, self._request("POST", path, {"name": name}, ACTION_SECONDS))

    def leaktest(self, destinations: Sequence[str], *, disruptive: bool) -> Iterator[Finding]:
        """Run a leak test of some destinations (none: all); yield its findings as they come."""
        connection = _UnixConnection(self.path, ACTION_SECONDS)
        body = json.dumps({"destinations": list(destinations), "disruptive": disruptive})
        headers = {"Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/leaktest", body, headers)
            response = connection.getresponse()
            if response.status >= 400:
                _understand(response.status, response.read())
            while line := response.readline():
                if message := _message(line):
                    if "end" in message:
                        return
                    yield cast(Finding, message["finding"])
        except (OSError, HTTPException) as error:
            raise _unreachable(error, self.path, ACTION_SECONDS) from error
        finally:
            connection.close()
        raise _unreachable(EOFError(), self.path, ACTION_SECONDS)

    def up(self) -> Outcome:
        return cast(Outcome, self._request("POST", "/v1/up", {}, CONVERGE_SECONDS))

    def down(self) -> Outcome:
        return cast(Outcome, self._request("POST", "/v1/down", {}, CONVERGE_SECONDS))

    def _ask(self, path: str) -> dict[str, object]:
        return self._request("GET", path, None, QUESTION_SECONDS)

    def _request(
        self, method: str, path: str, body: Mapping[str, str] | None, seconds: float
    ) -> dict[str, object]:
        connection = _UnixConnection(self.path, seconds)
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            status, raw = response.status, response.read()
        except (OSError, HTTPException) as error:
            raise _unreachable(error, self.path, seconds) from error
        finally:
            connection.close()
        return _understand(status, raw)


class _UnixConnection(HTTPConnection):
    """HTTP over a unix socket; the host name "manyways" only fills the header."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("manyways", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _understand(status: int, raw: bytes) -> dict[str, object]:
    """The answer's JSON object; errors, and answers that are none, raise `ControlError`."""
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise _nonsense(f"HTTP {status}")
    if status >= 400:
        mistakes = answer.get("errors")
        raise ControlError(
            str(answer.get("error") or f"the daemon refused (HTTP {status})"),
            str(answer.get("hint") or ""),
            tuple(map(str, mistakes)) if isinstance(mistakes, list) else (),
            status,
        )
    return answer


def _message(line: bytes) -> dict[str, object]:
    """One line of a stream; empty for one that says only that the daemon is alive."""
    if not line.strip():
        return {}
    try:
        message = json.loads(line)
    except ValueError:
        raise _nonsense("a line that is no JSON") from None
    if not isinstance(message, dict) or not message.keys() & {"finding", "end", "failed"}:
        raise _nonsense("a line without a finding")
    if "failed" in message:
        raise ControlError(f"the leak test did not come to its end: {message['failed']}")
    return message


def _list(answer: Mapping[str, object], key: str) -> list[object]:
    value = answer.get(key)
    if not isinstance(value, list):
        raise _nonsense(f"no {key} in it")
    return value


def _nonsense(why: str) -> ControlError:
    return ControlError(
        f"the daemon gave an answer that makes no sense ({why})",
        "the daemon and this program may be of different versions",
        status=502,
    )


def _unreachable(error: Exception, path: str, seconds: float) -> Unreachable:
    """Why nobody answered, and what a person can do about it."""
    start = "start it with: docker compose up -d"
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return Unreachable("the Manyways daemon is not running", start)
    if isinstance(error, PermissionError):
        return Unreachable(f"no permission to open {path}", "try again as root")
    if isinstance(error, TimeoutError):
        return Unreachable(
            f"the Manyways daemon did not answer within {seconds:.0f} seconds",
            "it may be busy: try again, then look at: docker logs manyways-orchestrator",
        )
    return Unreachable(
        "the Manyways daemon stopped in the middle of its answer",
        "look at: docker logs manyways-orchestrator",
    )
