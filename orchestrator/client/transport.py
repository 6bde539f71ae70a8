"""One request over the unix socket, and what may come back."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException

from orchestrator.client.errors import ControlError, Unreachable

QUESTION_SECONDS = 5.0  # the daemon answers questions from memory
ACTION_SECONDS = 30.0  # a switch takes milliseconds, but may wait for its turn behind `up`
CONVERGE_SECONDS = 600.0  # `up` and `down` create and stop containers

Body = Mapping[str, object]


def request(
    path: str,
    method: str,
    target: str,
    body: Body | None,
    seconds: float,
    headers: Mapping[str, str],
) -> dict[str, object]:
    """Send one request to the socket at `path` and return the answer's JSON object.

    Raises ControlError, Unreachable.
    """
    connection = UnixConnection(path, seconds)
    sent = {"Accept": "application/json", **headers}
    if body is not None:
        sent["Content-Type"] = "application/json"
    try:
        connection.request(method, target, None if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        status, raw = response.status, response.read()
        wait = response.getheader("Retry-After", "0")
    except (OSError, HTTPException) as error:
        raise unreachable(error, path, seconds) from error
    finally:
        connection.close()
    return understand(status, raw, int(wait) if wait.isdecimal() else 0)


class UnixConnection(HTTPConnection):
    """HTTP over a unix socket; the host name "manyways" only fills the header."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("manyways", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def understand(status: int, raw: bytes, wait: int = 0) -> dict[str, object]:
    """The answer's JSON object; errors, and answers that are none, raise `ControlError`."""
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise nonsense(f"HTTP {status}")
    if status >= 400:
        mistakes = answer.get("errors")
        raise ControlError(
            str(answer.get("error") or f"the daemon refused (HTTP {status})"),
            str(answer.get("hint") or ""),
            tuple(map(str, mistakes)) if isinstance(mistakes, list) else (),
            status,
            wait,
        )
    return answer


def message(line: bytes) -> dict[str, object]:
    """One line of a stream; empty for one that says only that the daemon is alive."""
    if not line.strip():
        return {}
    try:
        message = json.loads(line)
    except ValueError:
        raise nonsense("a line that is no JSON") from None
    if not isinstance(message, dict) or not message.keys() & {"finding", "end", "failed"}:
        raise nonsense("a line without a finding")
    if "failed" in message:
        raise ControlError(f"the leak test did not come to its end: {message['failed']}")
    return message


def listed(answer: Mapping[str, object], key: str) -> list[object]:
    value = answer.get(key)
    if not isinstance(value, list):
        raise nonsense(f"no {key} in it")
    return value


def nonsense(why: str) -> ControlError:
    return ControlError(
        f"the daemon gave an answer that makes no sense ({why})",
        "the daemon and this program may be of different versions",
        status=502,
    )


def unreachable(error: Exception, path: str, seconds: float) -> Unreachable:
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
