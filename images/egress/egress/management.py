"""OpenVPN's management interface, the part that is needed: states, and what the server pushed.

OpenVPN connects to a socket of the supervisor and speaks in lines (management-notes.txt).
With `management-up-down` it reports there what it would otherwise tell an `up` script, so no
script of any kind has to be allowed (`script-security 0`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface

_PUSHED_GATEWAY = re.compile(r"PUSH_REPLY.*[,']route-gateway (\d+\.\d+\.\d+\.\d+)[,']")


@dataclass(frozen=True, slots=True)
class State:
    """A state of openvpn(8), as CONNECTED or EXITING, with its reason where there is one."""

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the server gave the tunnel."""

    address: IPv4Interface | None = None
    gateway: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()
    mtu: int | None = None


@dataclass(slots=True)
class Reader:
    """Puts lines together: an environment comes in many of them."""

    _rest: str = ""
    _environment: dict[str, str] = field(default_factory=dict)

    def feed(self, data: bytes) -> list[State | Pushed]:
        """Return what `data` completes."""
        *lines, self._rest = (self._rest + data.decode(errors="replace")).split("\n")
        found = (self._line(line.rstrip("\r")) for line in lines)
        return [event for event in found if event is not None]

    def _line(self, line: str) -> State | Pushed | None:
        if line.startswith(">STATE:"):
            fields = line.removeprefix(">STATE:").split(",")
            return State(fields[1], fields[2]) if len(fields) > 2 else None
        if line.startswith(">UPDOWN:UP"):
            self._environment = {}
        elif line == ">UPDOWN:ENV,END":
            return pushed(self._environment)
        elif line.startswith(">UPDOWN:ENV,"):
            name, _, value = line.removeprefix(">UPDOWN:ENV,").partition("=")
            self._environment[name] = value
        return None


def pushed(environment: Mapping[str, str]) -> Pushed:
    """Return what the environment of an `up` event says; see openvpn(8)."""
    local = _address(environment.get("ifconfig_local", ""))
    mtu = environment.get("tun_mtu", "")
    return Pushed(
        address=_interface(local, environment.get("ifconfig_netmask", "")),
        gateway=_address(environment.get("ifconfig_remote", "")),
        dns=_name_servers(environment),
        mtu=int(mtu) if mtu.isdecimal() else None,
    )


def pushed_gateway(line: str) -> IPv4Address | None:
    """Return the gateway inside the tunnel from the log line that shows the server's reply.

    The environment has it only when routes are left to OpenVPN.
    """
    match = _PUSHED_GATEWAY.search(line)
    return _address(match[1]) if match else None


def _name_servers(environment: Mapping[str, str]) -> tuple[IPv4Address, ...]:
    """`dns server` comes before the older `dhcp-option DNS`, as in OpenVPN itself."""
    modern = sorted(
        (name, value)
        for name, value in environment.items()
        if re.fullmatch(r"dns_server_\d+_address_\d+", name)
    )
    options = sorted(
        (int(name.removeprefix("foreign_option_")), value.split())
        for name, value in environment.items()
        if re.fullmatch(r"foreign_option_\d+", name)
    )
    words = [value for _, value in modern] + [
        value[2] for _, value in options if len(value) == 3 and value[:2] == ["dhcp-option", "DNS"]
    ]
    found = (_address(word) for word in words)
    return tuple(dict.fromkeys(address for address in found if address is not None))


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _interface(local: IPv4Address | None, netmask: str) -> IPv4Interface | None:
    if local is None:
        return None
    try:
        return IPv4Interface(f"{local}/{netmask or 32}")
    except ValueError:
        return IPv4Interface(f"{local}/32")
