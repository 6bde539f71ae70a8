"""The files that one egress starts from.

An egress container knows nothing but these files: who it is, its rules, its DNS, its tunnel.
They are pure text, so that each can be read, compared and tested before anything runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any
from urllib.parse import urlsplit

from orchestrator.model import Kind, Profile
from orchestrator.render.egress_dns import render_dnsmasq
from orchestrator.render.egress_openvpn import render_credentials, render_openvpn
from orchestrator.render.egress_rules import render_rules

CREDENTIALS_PATH = "/etc/manyways/credentials"


@dataclass(frozen=True, slots=True)
class StaticUplink:
    """The address of an egress on an uplink without DHCP."""

    address: IPv4Interface
    gateway: IPv4Address
    dns: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class EgressSpec:
    """Everything that the files of one egress follow from.

    `uplink_static` is None when the uplink gives the address by DHCP. `dns` are the configured
    upstream servers; empty means those pushed by the VPN, else the uplink's. `internet_probe`
    are asked whether there is an internet; empty means nobody. `profile` is there for a VPN and
    for nothing else. `address_service` is a URL that answers with the address it was asked from.
    """

    name: str
    kind: Kind
    transit_mac: str
    transit_address: IPv4Interface
    transit_router: IPv4Address
    lan: IPv4Network
    domain: str
    uplink_mac: str
    uplink_static: StaticUplink | None = None
    dns: tuple[IPv4Address, ...] = ()
    internet_probe: tuple[IPv4Address, ...] = ()
    profile: Profile | None = None
    address_service: str | None = None


def render_egress(spec: EgressSpec) -> dict[str, str]:
    """Return {file name: content} of /etc/manyways in the container of `spec`.

    Raises ValueError when a VPN has no profile: the configuration never lets that through.
    """
    files = {
        "egress.json": _settings(spec),
        "rules.nft": render_rules(
            name=spec.name,
            tunnel=spec.kind is not Kind.DIRECT,
            lan=spec.lan,
            transit=spec.transit_address,
            router=spec.transit_router,
            service_port=service_port(spec.address_service),
        ),
        "dnsmasq.conf": render_dnsmasq(spec.transit_address.ip, spec.lan, spec.domain),
    }
    if spec.kind is Kind.OPENVPN:
        if spec.profile is None:
            raise ValueError(f"destination {spec.name} is a VPN without a profile")
        files["client.ovpn"] = render_openvpn(spec.profile, CREDENTIALS_PATH)
        if spec.profile.credentials:
            files["credentials"] = render_credentials(spec.profile.credentials)
    return files


def _settings(spec: EgressSpec) -> str:
    """Return egress.json: what the supervisor needs to know and the other files do not say."""
    settings: dict[str, Any] = {
        "name": spec.name,
        "kind": spec.kind.value,
        "transit": {
            "mac": spec.transit_mac,
            "address": str(spec.transit_address),
            "router": str(spec.transit_router),
        },
        "lan": str(spec.lan),
        "uplink": {"mac": spec.uplink_mac, **_addressing(spec.uplink_static)},
        "dns": [str(server) for server in spec.dns],
        "internet_probe": [str(address) for address in spec.internet_probe],
    }
    if service_port(spec.address_service):
        settings["address_service"] = spec.address_service
    if spec.profile is not None:
        settings["remotes"] = [
            {"host": remote.host, "port": remote.port, "protocol": remote.protocol}
            for remote in spec.profile.remotes
        ]
    return json.dumps(settings, indent=2) + "\n"


def service_port(url: str | None) -> int | None:
    """Return the port at which an egress may ask the address service; None: it asks nobody.

    By https it would have to check a certificate, and its image holds no authorities.
    """
    parts = urlsplit(url or "")
    return (parts.port or 80) if parts.scheme == "http" else None


def _addressing(static: StaticUplink | None) -> dict[str, Any]:
    if static is None:
        return {"method": "dhcp"}
    return {
        "method": "static",
        "address": str(static.address),
        "gateway": str(static.gateway),
        "dns": [str(server) for server in static.dns],
    }
