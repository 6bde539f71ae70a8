"""The endpoints of a profile: `remote` lines, `<connection>` blocks, and their defaults.

`port` and `proto` may stand before or after the lines that they complete, so the endpoints are
put together when the whole profile has been read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from orchestrator.model import Remote
from orchestrator.profile.problems import Problem

MAX_REMOTES = 64
_PROTOCOLS = {
    **dict.fromkeys(("udp", "udp4", "udp6"), "udp"),
    **dict.fromkeys(("tcp", "tcp4", "tcp6", "tcp-client", "tcp4-client", "tcp6-client"), "tcp"),
}
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# One way only to divide a name into labels: with more, a hostile name is tried in all of them.
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST_HOST = 253


@dataclass(slots=True)
class _Wanted:
    line: int
    host: str
    port: str | None
    protocol: str | None


@dataclass(slots=True)
class Endpoints:
    """Collects endpoints; `finish` gives the list and says what was wrong with the rest."""

    wanted: list[_Wanted] = field(default_factory=list)
    port: tuple[int, str] | None = None
    protocol: tuple[int, str] | None = None
    only: str | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def add(self, line: int, args: tuple[str, ...]) -> None:
        """A `remote host [port] [proto]` line."""
        if not 1 <= len(args) <= 3:
            self._problem(line, "needs a host, and at most a port and a protocol behind it")
            return
        host, port, protocol = (*args, None, None)[:3]
        self.wanted.append(_Wanted(line, host or "", port, protocol))

    def set_port(self, line: int, args: tuple[str, ...]) -> None:
        self.port = (line, args[0] if args else "")

    def set_protocol(self, line: int, args: tuple[str, ...]) -> None:
        self.protocol = (line, args[0] if args else "")

    def add_block(self, line: int, inner: list[tuple[int, str, tuple[str, ...]]]) -> None:
        """A `<connection>` block: one remote with its own port and protocol."""
        remotes = [args for _, name, args in inner if name == "remote"]
        if len(remotes) != 1:
            self._problem(line, "each <connection> block must hold exactly one remote line")
            return
        before = len(self.wanted)
        at = next(at for at, name, _ in inner if name == "remote")
        self.add(at, remotes[0])
        for _, name, args in inner:
            if len(self.wanted) > before and args:
                added = self.wanted[-1]
                if name in ("port", "rport") and added.port is None:
                    added.port = args[0]
                if name == "proto" and added.protocol is None:
                    added.protocol = args[0]

    def finish(self) -> tuple[Remote, ...]:
        """All usable endpoints in their order, each once."""
        port = self._port(*self.port, "port") if self.port else 1194
        protocol = self._protocol(*self.protocol, "proto") if self.protocol else "udp"
        found: dict[Remote, None] = {}
        for wanted in self.wanted:
            remote = self._one(wanted, port, protocol)
            if remote and self.only in (None, remote.protocol):
                found[remote] = None
        if not found and not self.problems:
            self._none_left()
        if len(found) > MAX_REMOTES:
            self.notes.append(
                Problem(None, "remote", f"only the first {MAX_REMOTES} endpoints are used")
            )
        return tuple(found)[:MAX_REMOTES]

    def _none_left(self) -> None:
        if any(note.directive == "remote" for note in self.notes):
            message, hint = (
                "names IPv6 endpoints only",
                "a destination is reached by IPv4: use the provider's host name or an IPv4 address",
            )
        else:
            message, hint = "names no endpoint", "write a line `remote HOST PORT udp`"
        self.problems.append(Problem(None, "", message, hint))

    def _one(self, wanted: _Wanted, port: int | None, protocol: str | None) -> Remote | None:
        if wanted.port is not None:
            port = self._port(wanted.line, wanted.port, "remote")
        if wanted.protocol is not None:
            protocol = self._protocol(wanted.line, wanted.protocol, "remote")
        host = self._host(wanted)
        return Remote(host, port, protocol) if host and port and protocol else None

    def _host(self, wanted: _Wanted) -> str | None:
        host = wanted.host.rstrip(".")
        if ":" in host:
            self._ipv6(wanted.line, host)
            return None
        if re.fullmatch(r"[0-9.]+", host):
            try:
                address = IPv4Address(host)
            except AddressValueError:
                self._problem(wanted.line, "this is not an IPv4 address", "such as 203.0.113.5")
                return None
            if address.is_multicast or address.is_unspecified or address.is_loopback:
                self._problem(wanted.line, f"{address} cannot be a VPN server's address")
                return None
            return host
        if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
            self._problem(wanted.line, "this is not a host name", "such as uk.vpn.example")
            return None
        return host.lower()

    def _ipv6(self, line: int, host: str) -> None:
        try:
            IPv6Address(host.strip("[]").split("%")[0])
        except AddressValueError:
            self._problem(line, "this is not a host name", "write host and port with a space")
        else:
            self.notes.append(
                Problem(
                    line,
                    "remote",
                    "this endpoint is left out: a destination is reached by "
                    "IPv4, and this is an IPv6 address",
                )
            )

    def _port(self, line: int, text: str, directive: str) -> int | None:
        if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536:
            return int(text)
        self._problem(line, "the port must be a number from 1 to 65535", directive=directive)
        return None

    def _protocol(self, line: int, text: str, directive: str) -> str | None:
        protocol = _PROTOCOLS.get(text.lower())
        if protocol is None:
            hint = "write udp or tcp"
            self._problem(line, "this is not a protocol for a client", hint, directive)
        return protocol

    def _problem(self, line: int, message: str, hint: str = "", directive: str = "remote") -> None:
        self.problems.append(Problem(line, directive, message, hint))
