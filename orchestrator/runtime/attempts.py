"""What the probe tries, one attempt at a time: it sends something and listens for what comes back.

Every attempt ends within its time, and says how: an answer, a refusal (a reset, or what ICMP
said), or silence. Sockets come from the probe's namespace; the waiting is done by the caller's
thread, so that attempts run side by side.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import itertools
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from orchestrator.leaktest.packets import addresses_in, answer_code, echo_request, question
from orchestrator.leaktest.words import Outcome, Result

Opener = Callable[[int, int, int], socket.socket]

_REFUSALS = frozenset(
    (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES)
)
_UNWILLING = {5: "REFUSED", 2: "SERVFAIL"}  # RFC 1035: the resolver will not, or can't, ask
_DNS = 53
_MOST = 4096
_MOST_TEXT = 256
_numbers = itertools.count(int.from_bytes(os.urandom(2)))


class NoAnswer(Exception):
    """The address service could not be asked; the message says why."""


def _number() -> int:
    return next(_numbers) & 0xFFFF


class _Clock:
    def __init__(self, seconds: float) -> None:
        self._started = time.monotonic()
        self._seconds = seconds

    @property
    def left(self) -> float:
        return max(0.0, self._started + self._seconds - time.monotonic())

    def outcome(self, result: Result, detail: str = "") -> Outcome:
        return Outcome(result, (time.monotonic() - self._started) * 1000, detail)

    def error(self, error: OSError) -> Outcome:
        refused = error.errno in _REFUSALS
        return self.outcome(
            Result.REFUSED if refused else Result.SILENT, error.strerror or str(error)
        )


def udp(opener: Opener, address: str, port: int, payload: bytes, seconds: float) -> Outcome:
    """Send a datagram and wait for an answer or a refusal."""
    with opener(_family(address), socket.SOCK_DGRAM, 0) as sender:
        return send(sender, address, port, payload, seconds)


def send(sender: socket.socket, address: str, port: int, payload: bytes, seconds: float) -> Outcome:
    """The same from a socket that is kept."""
    clock = _Clock(seconds)
    sender.settimeout(clock.left)
    sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # what was said of an earlier datagram
    try:
        sender.connect((address, port))
        sender.send(payload)
        sender.settimeout(clock.left or 0.01)
        sender.recv(_MOST)
    except TimeoutError:
        return clock.outcome(Result.SILENT)
    except OSError as error:
        return clock.error(error)
    return clock.outcome(Result.ANSWERED)


def tcp(opener: Opener, address: str, port: int, seconds: float) -> Outcome:
    """Ask for a TCP connection; a connection is an answer."""
    clock = _Clock(seconds)
    with opener(_family(address), socket.SOCK_STREAM, 0) as asking:
        asking.settimeout(clock.left)
        try:
            asking.connect((address, port))
        except TimeoutError:
            return clock.outcome(Result.SILENT)
        except OSError as error:
            return clock.error(error)
    return clock.outcome(Result.ANSWERED)


def ping(opener: Opener, address: IPv4Address, payload: bytes, seconds: float) -> Outcome:
    """Send an ICMP echo request; what ICMP says of it is a refusal."""
    clock = _Clock(seconds)
    message = echo_request(_number(), payload)
    with opener(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        try:
            raw.sendto(message, (str(address), 0))
        except OSError as error:
            return clock.error(error)
        while clock.left:
            readable, _, _ = select.select([raw], [], [], clock.left)
            if readable and (said := heard(raw.recv(_MOST), message)):
                return clock.outcome(said)
    return clock.outcome(Result.SILENT)


def heard(packet: bytes, message: bytes) -> Result | None:
    """What an ICMP packet (with its IP header) says of our echo request, if anything."""
    start = (packet[0] & 0x0F) * 4
    if len(packet) < start + 8:
        return None
    kind, mine = packet[start], message[4:8]
    if kind == 0 and packet[start + 4 : start + 8] == mine:
        return Result.ANSWERED
    quoted = packet[start + 8 :]
    if kind == 3 and len(quoted) >= 28:
        inner = (quoted[0] & 0x0F) * 4
        if quoted[inner + 4 : inner + 8] == mine and quoted[inner : inner + 1] == message[:1]:
            return Result.REFUSED
    return None


def ask(
    opener: Opener, server: IPv4Address, name: str, seconds: float, *, by_tcp: bool = False
) -> Outcome:
    """Ask a resolver for a name. That it will not, or can't, ask further is a refusal."""
    outcome, _ = _asked(opener, server, name, seconds, by_tcp=by_tcp)
    return outcome


def _asked(
    opener: Opener, server: IPv4Address, name: str, seconds: float, *, by_tcp: bool
) -> tuple[Outcome, bytes]:
    clock, number = _Clock(seconds), _number()
    kind = socket.SOCK_STREAM if by_tcp else socket.SOCK_DGRAM
    query = question(number, name)
    with opener(socket.AF_INET, kind, 0) as asking:
        asking.settimeout(clock.left)
        try:
            asking.connect((str(server), _DNS))
            asking.sendall(struct.pack("!H", len(query)) + query if by_tcp else query)
            message = _answer(asking, number, clock, skip=2 if by_tcp else 0)
        except TimeoutError:
            return clock.outcome(Result.SILENT), b""
        except OSError as error:
            return clock.error(error), b""
    code = answer_code(number, message)
    if code is None:
        return clock.outcome(Result.REFUSED, "the connection was closed"), b""
    if code in _UNWILLING:
        return clock.outcome(Result.REFUSED, _UNWILLING[code]), b""
    return clock.outcome(Result.ANSWERED), message


def _answer(asking: socket.socket, number: int, clock: _Clock, skip: int) -> bytes:
    """Return the answer to query `number`, or whatever came before the other side closed."""
    while True:
        asking.settimeout(clock.left or 0.01)
        message = asking.recv(_MOST)
        if skip and 0 < len(message) <= skip:
            message += asking.recv(_MOST)
        if skip or answer_code(number, message) is not None:
            return message[skip:]


def resolve(opener: Opener, server: IPv4Address, host: str, seconds: float) -> IPv4Address:
    """Return the address of a host name, asked at `server`; an address is its own. NoAnswer."""
    with contextlib.suppress(ValueError):
        return IPv4Address(host)
    outcome, message = _asked(opener, server, host, seconds, by_tcp=False)
    found = addresses_in(message)
    if not found:
        raise NoAnswer(f"{host} can't be resolved ({outcome.detail or outcome.result.value})")
    return found[0]


def connect(opener: Opener, address: IPv4Address, port: int, seconds: float) -> socket.socket:
    """Return an open TCP connection, the caller's to close. Raises NoAnswer."""
    connection = opener(socket.AF_INET, socket.SOCK_STREAM, 0)
    connection.settimeout(seconds)
    try:
        connection.connect((str(address), port))
    except OSError as error:
        connection.close()
        raise NoAnswer(f"{address}:{port} can't be reached ({error.strerror or error})") from error
    return connection


def still_open(connection: socket.socket, payload: bytes, seconds: float) -> Outcome:
    """Say whether an idle connection is told that it was cut; if not, send on it.

    REFUSED: it was reset. SILENT: neither that nor an answer.
    """
    clock = _Clock(seconds)
    connection.settimeout(clock.left)
    try:
        connection.recv(_MOST)
        return clock.outcome(Result.REFUSED)  # closed in order: dead as well
    except TimeoutError:
        pass
    except OSError as error:
        return clock.error(error)
    with contextlib.suppress(OSError):
        connection.send(payload)
        connection.settimeout(0.5)
        connection.recv(_MOST)
        return clock.outcome(Result.ANSWERED)
    return clock.outcome(Result.SILENT)


def fetch(connection: socket.socket, url: str, seconds: float) -> str:
    """Return the beginning of what a web address answers over an open connection. NoAnswer."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.settimeout(seconds)
    web, secure = http.client.HTTPConnection(parts.netloc), parts.scheme == "https"
    try:
        web.sock = _secured(connection, parts.hostname or "") if secure else connection
        web.request("GET", target, headers={"User-Agent": "manyways", "Connection": "close"})
        response = web.getresponse()
        text = response.read(_MOST_TEXT).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{parts.netloc} gave no answer ({error})") from error
    finally:
        web.close()
    if response.status != 200:
        raise NoAnswer(f"{parts.netloc} answered with HTTP {response.status}")
    return text


def _secured(connection: socket.socket, host: str) -> socket.socket:
    # The image has no certificate authorities of its own; Docker's library brings some.
    from certifi import where

    return ssl.create_default_context(cafile=where()).wrap_socket(connection, server_hostname=host)


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
