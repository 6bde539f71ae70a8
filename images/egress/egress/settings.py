"""What this egress is, from egress.json: read once, checked once, then only typed values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """egress.json cannot be read, or does not say what it must. The text is for a person."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An address on the uplink, however it came about."""

    address: IPv4Interface
    gateway: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Remote:
    """One endpoint of the VPN as the profile names it; `protocol` is "udp" or "tcp"."""

    host: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Settings:
    """egress.json. `static` is None when the uplink's address comes by DHCP."""

    name: str
    tunnel: bool
    transit_mac: str
    transit: IPv4Interface
    router: IPv4Address
    lan: IPv4Network
    uplink_mac: str
    static: Lease | None = None
    dns: tuple[IPv4Address, ...] = ()
    remotes: tuple[Remote, ...] = ()
    internet_probe: tuple[IPv4Address, ...] = ()
    address_service: str | None = None


def load(path: Path) -> Settings:
    """Return the settings in `path`. Raises SettingsError."""
    try:
        return parse(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} cannot be used: {type(error).__name__}: {error}") from None


def parse(data: dict[str, Any]) -> Settings:
    """Return the settings in the decoded file. Raises ValueError, KeyError or TypeError."""
    kind, uplink, transit = data["kind"], data["uplink"], data["transit"]
    if kind not in ("direct", "openvpn"):
        raise ValueError(f"kind is {kind!r}, not 'direct' or 'openvpn'")
    remotes = tuple(
        Remote(r["host"], int(r["port"]), r["protocol"]) for r in data.get("remotes", ())
    )
    if kind == "openvpn" and not remotes:
        raise ValueError("a VPN needs at least one entry in 'remotes'")
    return Settings(
        name=data["name"],
        tunnel=kind != "direct",
        transit_mac=transit["mac"],
        transit=IPv4Interface(transit["address"]),
        router=IPv4Address(transit["router"]),
        lan=IPv4Network(data["lan"]),
        uplink_mac=uplink["mac"],
        static=_static(uplink),
        dns=tuple(IPv4Address(server) for server in data.get("dns", ())),
        remotes=remotes,
        internet_probe=tuple(IPv4Address(asked) for asked in data.get("internet_probe", ())),
        address_service=data.get("address_service"),
    )


def _static(uplink: dict[str, Any]) -> Lease | None:
    if uplink["method"] == "dhcp":
        return None
    if uplink["method"] != "static":
        raise ValueError(f"uplink.method is {uplink['method']!r}, not 'dhcp' or 'static'")
    return Lease(
        IPv4Interface(uplink["address"]),
        IPv4Address(uplink["gateway"]),
        tuple(IPv4Address(server) for server in uplink.get("dns", ())),
    )
