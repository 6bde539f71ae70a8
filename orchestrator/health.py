"""What works and what does not, as a chain of checks in which a failed one explains the rest.

Pure: everything that was seen comes in, the report that page and command line show goes out.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from pydantic import BaseModel, ValidationError

from orchestrator import dhcp_verdict, kinds
from orchestrator.access_point import AccessPoint, access_point
from orchestrator.addressing import Side, egress_container, mac_address
from orchestrator.desired import DHCP, ROUTER, WEBUI
from orchestrator.dhcp_packets import DhcpServer
from orchestrator.model import Config, Destination, Kind, Lease, ObservedContainer, Receipt
from orchestrator.naming import names
from orchestrator.presence import Sign, is_here
from orchestrator.segment import HOSTAPD
from orchestrator.store import (
    KnownDevice,
    State,
    is_new,
    is_placed,
    is_unplaced,
    wanted_destination,
)
from orchestrator.wifi import WifiStatus

SLEEPERS = frozenset(("phone", "tablet", "watch", "thing"))  # on batteries
STALE_SECONDS = 60.0  # an egress writes every 20 s at least
NOT_CHECKED = "not checked"  # because nobody is to be asked (internet_probe: [])


class Verdict(enum.StrEnum):
    """How a check ended; unknown: an earlier one failed, or nothing is known yet."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class UplinkStatus(BaseModel):
    """What an egress says of its uplink leg."""

    state: Literal["up", "waiting"]
    address: str | None = None
    message: str = ""


class EndpointStatus(BaseModel):
    """What an egress says of its VPN server: whether that answers at all."""

    state: Literal["ok", "failing", "unknown"]
    message: str = ""


class TunnelStatus(BaseModel):
    """What an egress says of its tunnel."""

    state: Literal["up", "starting", "down"]
    address: str | None = None
    restarts: int = 0
    advice: str = ""


class DnsStatus(BaseModel):
    """What an egress says of its upstream resolvers."""

    state: Literal["ok", "failing", "unknown"]
    servers: tuple[str, ...] = ()
    source: str = ""
    message: str = ""


class InternetStatus(BaseModel):
    """What an egress says of the internet behind it; off: nobody is asked.

    `closed`: it refuses devices until something outside answers.
    """

    state: Literal["ok", "failing", "unknown", "off"]
    closed: bool = False
    message: str = ""


class EgressStatus(BaseModel):
    """status.json of an egress. `updated` is in seconds of CLOCK_BOOTTIME."""

    updated: float
    uplink: UplinkStatus
    endpoint: EndpointStatus | None = None
    tunnel: TunnelStatus | None = None
    dns: DnsStatus
    internet: InternetStatus = InternetStatus(state="unknown")
    latency_ms: float | None = None
    public_address: str | None = None


def parse_egress_status(text: str | None) -> EgressStatus | None:
    """Return what an egress wrote; None when there is nothing readable."""
    try:
        return EgressStatus.model_validate_json(text) if text else None
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class Check:
    """One link of a chain."""

    name: str
    state: Verdict
    message: str


@dataclass(frozen=True, slots=True)
class DestinationHealth:
    """A destination: ok, starting, degraded, down or paused, and the chain behind the word."""

    destination: Destination
    state: str
    message: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that a report follows from. `now` is in seconds of CLOCK_BOOTTIME."""

    config: Config
    state: State
    containers: Mapping[str, ObservedContainer]
    egresses: Mapping[str, EgressStatus | None]
    leases: tuple[Lease, ...]
    receipts: Mapping[str, Receipt]
    now: float
    router_loaded: bool
    reservations: Mapping[str, IPv4Address] = field(default_factory=dict)
    shut: frozenset[str] = frozenset()  # whose egress has said nothing since it was down
    dhcp: dhcp_verdict.Asked | None = None
    signs: Mapping[str, Sign] = field(default_factory=dict)  # of each device, as far as known
    wifi: WifiStatus | None = None

    @property
    def access_point(self) -> AccessPoint | None:
        return access_point(self.config, self.containers.get(HOSTAPD), self.wifi, self.now)


def destination_health(seen: Seen, destination: Destination) -> DestinationHealth:
    """Judge one destination."""
    status = seen.egresses.get(destination.name)
    checks = tuple(_explained(_chain(seen, destination), _ends(status)))
    if destination.name in seen.state.paused:
        return DestinationHealth(destination, "paused", "nothing of its devices gets out", checks)
    failed = [c for c in checks if c.state is Verdict.FAILED]
    if failed:
        # Without an internet its resolvers don't answer either: not they are to blame.
        cause = next((c for c in failed if c.name == "internet"), failed[0])
        closed = cause.name == "internet" and status is not None and status.internet.closed
        beyond = cause.name in ("dns", "internet") and not closed
        state = "degraded" if beyond else "down"
        return DestinationHealth(destination, state, cause.message, checks)
    unknown = (c for c in checks if c.state is Verdict.UNKNOWN and c.message != NOT_CHECKED)
    if (first := next(unknown, None)) is not None:
        return DestinationHealth(destination, "starting", first.message, checks)
    return DestinationHealth(destination, "ok", "", checks)


def proven(seen: Seen, destination: Destination) -> bool:
    """Say whether a destination on trial works: tunnel up, DNS answers.

    An internet is not asked for, because a company's network may lead to none; but its check
    must have ended, so that nothing is offered in the moment before it fails.
    """
    checks = _explained(_chain(seen, destination), _ends(seen.egresses.get(destination.name)))
    return all(
        check.state is Verdict.OK or (check.name == "internet" and _has_ended(check))
        for check in checks
    )


def _has_ended(check: Check) -> bool:
    return check.state is Verdict.FAILED or check.message == NOT_CHECKED


def _explained(chain: Iterable[Check], ends: Iterable[Check]) -> Iterable[Check]:
    """Let what comes after a failed check be unknown: its own verdict would only mislead.

    `ends` wait for the whole chain, but not for each other.
    """
    cause: Check | None = None
    for check in chain:
        if cause is None:
            yield check
            if check.state is not Verdict.OK:
                cause = check
        else:
            yield _waiting(check, cause)
    for check in ends:
        yield _waiting(check, cause) if cause else check


def _waiting(check: Check, cause: Check) -> Check:
    return Check(check.name, Verdict.UNKNOWN, f"waits for the {cause.name}")


def _chain(seen: Seen, destination: Destination) -> Iterable[Check]:
    status = seen.egresses.get(destination.name)
    yield _egress_check(seen, destination.name, status)
    yield _uplink_check(status)
    if destination.kind is not Kind.DIRECT:
        yield _endpoint_check(status)
        yield _tunnel_check(status)


def _ends(status: EgressStatus | None) -> Iterable[Check]:
    yield _dns_check(status)
    yield _internet_check(status)


def _egress_check(seen: Seen, name: str, status: EgressStatus | None) -> Check:
    container = seen.containers.get(egress_container(name))
    if container is None:
        return Check("egress", Verdict.FAILED, "its container is not there")
    if not container.running:
        return Check("egress", Verdict.FAILED, "its container does not run")
    if status is None or name in seen.shut:
        return Check("egress", Verdict.UNKNOWN, "its container is starting")
    if seen.now - status.updated > STALE_SECONDS:
        return Check("egress", Verdict.FAILED, f"silent for {seen.now - status.updated:.0f} s")
    return Check("egress", Verdict.OK, "")


def _uplink_check(status: EgressStatus | None) -> Check:
    if status is None:
        return Check("uplink", Verdict.UNKNOWN, "")
    if status.uplink.state == "up":
        return Check("uplink", Verdict.OK, status.uplink.address or "")
    return Check("uplink", Verdict.FAILED, status.uplink.message or "no address yet")


def _endpoint_check(status: EgressStatus | None) -> Check:
    endpoint = status.endpoint if status else None
    if endpoint is None or endpoint.state == "unknown":
        message = endpoint.message if endpoint else ""
        return Check("endpoint", Verdict.UNKNOWN, message or "not asked yet")
    if endpoint.state == "ok":
        return Check("endpoint", Verdict.OK, endpoint.message)
    return Check("endpoint", Verdict.FAILED, endpoint.message or "the VPN server does not answer")


def _tunnel_check(status: EgressStatus | None) -> Check:
    tunnel = status.tunnel if status else None
    if tunnel is None:
        return Check("tunnel", Verdict.UNKNOWN, "")
    if tunnel.state == "up":
        return Check("tunnel", Verdict.OK, tunnel.address or "")
    if tunnel.state == "starting" and not tunnel.advice:
        return Check("tunnel", Verdict.UNKNOWN, "connecting to the provider")
    return Check("tunnel", Verdict.FAILED, tunnel.advice or "the provider does not answer")


def _dns_check(status: EgressStatus | None) -> Check:
    dns = status.dns if status else None
    if dns is None or dns.state == "unknown":
        return Check("dns", Verdict.UNKNOWN, "not tried yet")
    if dns.state == "ok":
        return Check("dns", Verdict.OK, ", ".join(dns.servers))
    return Check("dns", Verdict.FAILED, dns.message or "the resolver does not answer")


def _internet_check(status: EgressStatus | None) -> Check:
    internet = status.internet if status else None
    if internet is None or internet.state == "unknown":
        return Check("internet", Verdict.UNKNOWN, "not tried yet")
    if internet.state == "off":
        return Check("internet", Verdict.UNKNOWN, NOT_CHECKED)
    if internet.state == "ok":
        return Check("internet", Verdict.OK, internet.message)
    return Check("internet", Verdict.FAILED, internet.message or "nothing outside answers")


# --- the devices and the whole -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A device as page and command line show it."""

    mac: str
    name: str
    address: str | None
    destination: str | None
    state: str
    message: str
    online: bool
    receipt: Receipt | None


def device_reports(seen: Seen, health: Mapping[str, DestinationHealth]) -> tuple[DeviceReport, ...]:
    """Return every known device, in the order in which they became known."""
    named = names(seen.config, seen.state)
    leases = {lease.mac: lease for lease in seen.leases}
    return tuple(
        _device_report(seen, device, named[device.mac], leases.get(device.mac), health)
        for device in seen.state.devices
    )


def _device_report(
    seen: Seen,
    device: KnownDevice,
    name: str,
    lease: Lease | None,
    health: Mapping[str, DestinationHealth],
) -> DeviceReport:
    state, message = _device_state(seen, device, health)
    reserved = seen.reservations.get(device.mac)
    address = lease.address if lease else device.typed_address or reserved
    return DeviceReport(
        mac=device.mac,
        name=name,
        address=str(address) if address else None,
        destination=device.active or wanted_destination(seen.config, seen.state, device),
        state=state,
        message=message,
        online=is_online(seen, device, lease),
        receipt=seen.receipts.get(device.mac),
    )


def is_online(seen: Seen, device: KnownDevice, lease: Lease | None) -> bool:
    """Say whether a device is in the home now."""
    has_address = lease is not None or device.typed_address is not None
    kind = device.kind or kinds.guess((device.name or "", device.hostname), "")
    sign = seen.signs.get(device.mac)
    return has_address and is_here(sign, seen.now, sleeps=kind in SLEEPERS)


def _device_state(
    seen: Seen, device: KnownDevice, health: Mapping[str, DestinationHealth]
) -> tuple[str, str]:
    if device.active is None:
        if seen.state.choices_lost and device.choice is None:
            return "rejected", "the record of choices was damaged; choose its destination again"
        if is_new(seen.config, device):
            return "rejected", "new here; choose its destination"
        wanted = wanted_destination(seen.config, seen.state, device)
        if wanted in seen.state.paused:
            return "rejected", "its destination is paused"
        return "rejected", _why_refused(seen.config, device, wanted)
    destination = health.get(device.active)
    if destination is None or destination.state == "ok":
        return "ok", ""
    state = "ok" if destination.state == "degraded" else destination.state
    return state, destination.message


def _why_refused(config: Config, device: KnownDevice, wanted: str | None) -> str:
    if wanted is None and is_unplaced(config, device):
        return "nobody knows yet on which Wi-Fi network it is; choose its destination"
    if wanted is None or not is_placed(config, device):
        return f"its destination '{wanted or device.choice}' no longer exists; choose another"
    what = "has not worked yet" if config.destination(wanted) else "no longer exists"
    return f"'{wanted}', where its Wi-Fi network '{device.ssid}' leads, {what}; choose another"


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One of the router's own services."""

    name: str
    state: str
    message: str


def service_reports(seen: Seen) -> tuple[ServiceReport, ...]:
    """Judge the router, the DHCP server, the page, and the access point if there is one: by their
    containers, and by what they do.
    """
    own = tuple(
        _service_report(seen, name, container)
        for name, container in (("router", ROUTER), ("dhcp", DHCP), ("webui", WEBUI))
    )
    wifi = seen.access_point
    return (*own, ServiceReport("hostapd", *wifi.service())) if wifi else own


def _service_report(seen: Seen, name: str, container: str) -> ServiceReport:
    observed = seen.containers.get(container)
    if observed is None:
        return ServiceReport(name, "failed", "its container is not there")
    if not observed.running:
        return ServiceReport(name, "failed", "its container does not run")
    if name == "router" and not seen.router_loaded:
        return ServiceReport(name, "failed", "its rules are not loaded; nothing is forwarded")
    if name == "dhcp":
        return ServiceReport(name, *_dhcp_verdict(seen))
    return ServiceReport(name, "ok", "")


def _dhcp_verdict(seen: Seen) -> tuple[str, str]:
    lan = seen.config.lan
    own = DhcpServer(lan.dhcp_server, mac_address(seen.state.install, Side.DHCP_LAN))
    leased = (*(lease.address for lease in seen.leases), *seen.reservations.values())
    return dhcp_verdict.judge(seen.dhcp, own, dhcp_verdict.pool(lan.dhcp_range, leased), seen.now)
