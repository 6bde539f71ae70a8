"""Puts the parts together: whenever something changes, say again what shall be."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import connections
import legs
from egress import network, openvpn, portal, status
from egress.cache import Cache
from egress.dns import Choice, choose
from egress.internet import Internet
from egress.loop import Loop, now
from egress.openvpn import OpenVpn
from egress.outlook import Outlook
from egress.outside import Asker
from egress.probe import Probe
from egress.routing import TUNNEL, View, base_commands, change, routes
from egress.settings import Settings
from egress.tunnel import PROBE_INTERVAL
from egress.uplink import Uplink

_RULES = Path("/etc/manyways/rules.nft")
_STATUS = Path("/run/manyways/status.json")  # in memory: an SD card wears out
_TICK = 1.0  # s
_STATUS_INTERVAL = 20.0  # s


def say(text: str) -> None:
    """Write a line to the container's log."""
    print(text, flush=True)


class Supervisor:
    """One egress, from its legs to its status."""

    def __init__(self, settings: Settings) -> None:
        openvpn.prepare()
        found = legs.wait_for_legs(
            {"transit": settings.transit_mac, "uplink": settings.uplink_mac}, 30.0
        )
        self._transit, self._interface = found["transit"], found["uplink"]
        network.load_rules(_RULES, self._transit, self._interface)
        connections.forget_connections()
        network.ip(base_commands(settings, self._transit, self._interface))
        for leg in found.values():
            network.harden(leg)
        self._settings = settings
        self._loop = Loop()
        self._applied: tuple[str, ...] = ()
        self._incomplete = False
        self._probe: Probe | None = None
        self._probed: tuple[object, ...] = ()
        self._sentences: list[str] = []
        self._written = 0.0
        self._begun = False
        self._uplink = Uplink(self._loop, settings, self._interface, say, self._changed)
        self._cache = Cache(self._loop, say, self._changed)
        self._vpn = (
            OpenVpn(self._loop, settings.remotes, say, self._changed) if settings.tunnel else None
        )
        way_out = TUNNEL if settings.tunnel else self._interface
        self._outlook = Outlook(
            self._loop,
            Internet(settings.internet_probe, guarded=settings.tunnel),
            way_out,
            self._changed,
        )

        # By the uplink itself, so not for a VPN: nothing of it goes there but the tunnel.
        self._portal = None if settings.tunnel else portal.Portal(self._loop, self._publish)
        self._asker = Asker(self._loop, settings.address_service, say, self._changed)

    def run(self) -> None:
        """Work until told to end."""
        self._begun = True
        self._uplink.start()
        # Last: everything that could refuse a packet is in place.
        legs.enable_forwarding(self._transit)
        if self._vpn is None:
            legs.enable_forwarding(self._interface)
        say(f"egress {self._settings.name}: rules loaded, forwarding on")
        self._changed()
        self._tick()
        self._probing()
        self._loop.run()
        self._end()

    def _changed(self) -> None:
        """Bring routes, DNS, probe and status in line with what is known now."""
        if not self._begun:
            return
        lease = self._uplink.lease
        if self._vpn is not None:
            self._vpn.use_uplink(lease)
        self._outlook.use(self._connection())
        self._route()
        self._choose_dns()
        self._asker.use(self._connection(), self._cache.choice.servers)
        self._publish()

    def _connection(self) -> Hashable:
        """What tells the present way out from the one before; None without any."""
        if self._vpn is None:
            return self._uplink.lease
        return self._vpn.since if self._vpn.connected else None

    def _open(self) -> bool:
        """Whether devices may use the way out."""
        return self._connection() is not None and not self._outlook.internet.closed(now())

    def _route(self) -> None:
        endpoint = self._vpn.endpoint if self._vpn else None
        wanted = routes(
            View(
                self._interface,
                self._settings.tunnel,
                self._uplink.lease,
                endpoint.address if endpoint else None,
                tunnel_up=self._vpn is not None and self._vpn.connected,
                open=self._open(),
            )
        )
        if wanted == self._applied and not self._incomplete:
            return
        add, remove = change(self._applied, wanted)
        network.ip(remove, tolerant=True)
        self._applied, self._incomplete = wanted, False
        try:
            network.ip(add)
        except network.NetworkError as error:
            # As when the tunnel's interface goes in this very moment. Without its route,
            # traffic is refused; the next tick tries again.
            self._incomplete = True
            say(str(error))

    def _choose_dns(self) -> None:
        lease, vpn, connection = self._uplink.lease, self._vpn, self._connection()
        if connection is None or lease is None:
            choice = Choice(message="waits for the tunnel" if vpn else "waits for the uplink")
        else:
            choice = choose(
                tunnel=vpn is not None,
                configured=self._settings.dns,
                pushed=vpn.pushed.dns if vpn else (),
                uplink=lease.dns,
            )
        way_out = TUNNEL if vpn else self._interface
        self._cache.use(choice, way_out, closed=not self._open())
        gateway = vpn.pushed.gateway if vpn else None
        wanted = () if connection is None else (choice.servers, gateway, connection)
        if wanted == self._probed:
            return
        self._probed = wanted
        if self._probe is not None:
            self._probe.close()
        self._probe = None
        if wanted:
            self._probe = Probe(self._loop, way_out, choice.servers, gateway, self._answered)
            self._probe.send()

    def _answered(self, useful: bool, seconds: float) -> None:
        self._cache.answered(useful=useful)
        if useful:
            self._outlook.latency.server(seconds)
        self._publish()

    def _probing(self) -> None:
        if self._probe is not None:
            self._probe.send()
        self._loop.later(PROBE_INTERVAL, self._probing)

    def _tick(self) -> None:
        for leg in (self._transit, self._interface):
            if not network.exists(leg):
                # Only a new start finds the leg that may come in its place.
                raise legs.LegsMissing(f"the interface {leg} has been taken away")
        self._uplink.check()
        self._outlook.tick()
        if self._portal is not None:
            failing = self._outlook.internet.state(now()) == "failing"
            self._portal.use(now(), failing=failing)
        if self._vpn is not None:
            self._vpn.tick()
            self._guard(self._vpn)
        self._changed()
        self._loop.later(_TICK, self._tick)

    def _guard(self, vpn: OpenVpn) -> None:
        """Give up a connection that leads nowhere. Devices are refused first."""
        internet, at = self._outlook.internet, now()
        if internet.dead(at) or (vpn.alternatives and internet.stuck(at)):
            self._outlook.internet = internet.given_up(at)
            vpn.leads_nowhere()

    def _publish(self) -> None:
        """Write the status when it has changed or grown old; log what has changed."""
        if not self._begun:
            return
        found = self._status()
        sentences = found.sentences()
        for sentence in sentences:
            if sentence not in self._sentences:
                say(sentence)
        at = now()
        if sentences == self._sentences and at - self._written < _STATUS_INTERVAL:
            return
        self._sentences, self._written = sentences, at
        try:
            status.write(_STATUS, found, at)
        except OSError as error:  # a full disk must not stop the traffic
            say(f"{_STATUS} cannot be written: {error.strerror}")

    def _status(self) -> status.Status:
        uplink, vpn = self._uplink, self._vpn
        lease = uplink.lease
        first = status.UplinkStatus(uplink.interface, message=uplink.message)
        if lease is not None:
            first = replace(
                first,
                state="up",
                address=str(lease.address),
                gateway=str(lease.gateway) if lease.gateway else None,
                dns=status.addresses(lease.dns),
            )
        contact = vpn.contact if vpn else None
        return status.Status(
            first,
            status.EndpointStatus(contact.state, contact.message) if contact else None,
            _tunnel(vpn) if vpn else None,
            self._dns(),
            self._internet(),
            self._outlook.latency.milliseconds,
            str(address) if (address := self._asker.known.address) else None,
        )

    def _internet(self) -> status.InternetStatus:
        internet, at = self._outlook.internet, now()
        state, message = internet.state(at), internet.message(at)
        if state == "failing" and self._portal is not None and self._portal.page:
            message = portal.message(self._portal.page)
        return status.InternetStatus(state, internet.closed(at), message)

    def _dns(self) -> status.DnsStatus:
        choice, at = self._cache.choice, now()
        found = status.DnsStatus(
            servers=status.addresses(choice.servers), source=choice.source, message=choice.message
        )
        if not self._cache.running:
            return replace(found, state="failing", message="dnsmasq does not run; see the log")
        if self._connection() is None:
            return found
        if not choice.servers:
            return replace(found, state="failing")
        health = self._cache.health
        return replace(found, state=health.state(at), message=health.message(at))

    def _end(self) -> None:
        """Let OpenVPN tell its server; everything else ends with the container."""
        if self._vpn is not None:
            self._vpn.stop()
            while self._vpn.running:
                self._loop.step()
        say("ended")


def _tunnel(vpn: OpenVpn) -> status.TunnelStatus:
    address = vpn.pushed.address if vpn.connected else None
    return status.TunnelStatus(
        state=vpn.state,
        since=round(vpn.since, 3),
        address=str(address.ip) if address else None,
        endpoint=str(vpn.endpoint) if vpn.endpoint else None,
        restarts=vpn.restarts,
        advice=vpn.advice,
    )
