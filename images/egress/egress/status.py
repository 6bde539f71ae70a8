"""What this egress says of itself, in a file that the orchestrator reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class UplinkStatus:
    interface: str
    state: str = "waiting"
    address: str | None = None
    gateway: str | None = None
    dns: list[str] = field(default_factory=list)
    message: str = ""


@dataclass(slots=True)
class EndpointStatus:
    state: str = "unknown"
    message: str = ""


@dataclass(slots=True)
class TunnelStatus:
    state: str = "starting"
    since: float = 0.0
    address: str | None = None
    endpoint: str | None = None
    restarts: int = 0
    advice: str = ""


@dataclass(slots=True)
class DnsStatus:
    state: str = "unknown"
    servers: list[str] = field(default_factory=list)
    source: str = "none"
    message: str = ""


@dataclass(slots=True)
class InternetStatus:
    """`closed`: devices are refused until something outside answers."""

    state: str = "unknown"
    closed: bool = False
    message: str = ""


@dataclass(slots=True)
class Status:
    """The whole file but its time. A direct destination has no endpoint and no tunnel."""

    uplink: UplinkStatus
    endpoint: EndpointStatus | None
    tunnel: TunnelStatus | None
    dns: DnsStatus
    internet: InternetStatus
    latency_ms: float | None = None
    public_address: str | None = None

    def sentences(self) -> list[str]:
        """Return what the log should say of this state; equal states give equal sentences."""
        uplink, tunnel, dns = self.uplink, self.tunnel, self.dns
        by = f" as {uplink.address} by {uplink.gateway}" if uplink.address else ""
        found = [f"uplink {uplink.state}{by}{_because(uplink.message)}"]
        if self.endpoint is not None:
            found.append(f"endpoint {self.endpoint.state}{_because(self.endpoint.message)}")
        if tunnel is not None:
            through = f" to {tunnel.endpoint}" if tunnel.endpoint else ""
            found.append(f"tunnel {tunnel.state}{through}{_because(tunnel.advice)}")
        asked = f" ({dns.source}: {', '.join(dns.servers)})" if dns.servers else ""
        # The message of a failing server counts seconds: only the change is news.
        because = _because(dns.message) if not dns.servers else ""
        found.append(f"dns {dns.state}{asked}{because}")
        found.append(f"internet {self.internet.state}{_because(self.internet.message)}")
        # Not the latency: it is another one each time, and each change is a write to the card.
        return [*found, *([f"seen as {self.public_address}"] if self.public_address else [])]


def _because(message: str) -> str:
    return f": {message}" if message else ""


def addresses(found: tuple[IPv4Address, ...]) -> list[str]:
    return [str(address) for address in found]


def document(status: Status, updated: float) -> dict[str, Any]:
    """Return the file as a value. `updated` is of the boot clock (s)."""
    return {"updated": round(updated, 3), **asdict(status)}


def write(path: Path, status: Status, updated: float) -> None:
    """Replace `path`, so that a reader sees the old file or the new one and nothing between."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(json.dumps(document(status, updated)) + "\n")
    temporary.replace(path)
