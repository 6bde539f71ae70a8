"""The probe: a device of the home for the length of a test, so that the test sees what devices see.

It is a container without a network, into whose namespace a leg on the LAN port is put; there
a DHCP client asks like any other. It has no rights but those that this client needs. What
it sends comes from sockets that the orchestrator opens in its namespace, so nothing has to be
installed in it, and when the container is gone so are leg, addresses and routes.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from orchestrator.leaktest.packets import is_router_advertisement, router_solicitation
from orchestrator.model import Action, ContainerSpec, Verb
from orchestrator.runtime import host
from orchestrator.runtime.engine import Engine
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread

NAME = "manyways-leaktest"
LEG = "lan0"
LEASE_WAIT_S = 12.0
# The kernel removes an ended container's namespace, and the leg in it, in its own time.
_LEAVING_S = 15.0
_LEASE = "run/manyways/dhcp"  # where the egress image's DHCP script writes what it was given
_SCRIPT = "/usr/lib/manyways/egress-dhcp-event"
_GRACE_S = 3
# Addresses for documentation (RFC 3849): on no network, so nothing is ever answered from there.
OWN6, NEXT6, FAR6 = "2001:db8:77::5", "fe80::77", "2001:db8:ffff::"
_RELEASE_ON_EXIT = "-R"
ENTRYPOINT = (
    "sh",
    "-c",
    f"until [ -e /sys/class/net/{LEG} ]; do sleep 0.05; done; "
    f"exec udhcpc -f {_RELEASE_ON_EXIT} -i {LEG} -t 5 -T 1 -A 1 -s {_SCRIPT} -x hostname:leaktest",
)
SYSCTLS = {
    # Docker switches IPv6 off where it gives no address; a device speaks it.
    "net.ipv6.conf.all.disable_ipv6": "0",
    "net.ipv6.conf.default.disable_ipv6": "0",
    # Whoever offers it is named, and not followed.
    "net.ipv6.conf.default.accept_ra": "0",
}


class ProbeFailed(Exception):
    """The probe could not become a device of the home; the message says why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the DHCP server gave. `milliseconds` from the leg's first moment."""

    address: IPv4Interface
    routers: tuple[IPv4Address, ...]
    dns: tuple[IPv4Address, ...]
    milliseconds: float


def speaks_version6() -> bool:
    """Say whether this machine's kernel has IPv6 at all; it may be switched off at boot."""
    return Path("/proc/sys/net/ipv6").is_dir()


def container(image: str, image_id: str) -> ContainerSpec:
    """Return the container of a probe: the egress' image, which holds a DHCP client."""
    return ContainerSpec(
        name=NAME,
        role="leaktest",
        image=image,
        image_id=image_id,
        legs=(),
        # RAW for a client that has no address yet, BIND for the client's own port.
        capabilities=("NET_RAW", "NET_BIND_SERVICE"),
        sysctls=SYSCTLS if speaks_version6() else {},
        tmpfs=("/run/manyways",),
        entrypoint=ENTRYPOINT,
        restart=False,
    )


class Probe:
    """A running probe. Use `start`, and `remove` in any case."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._namespace = NamespaceThread(pid)

    def open(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Return a socket of the probe; it may be used from any thread. Raises OSError."""
        return self._namespace.run(socket.socket, family, kind, protocol)

    def join(self, port: str, mac: str) -> None:
        """Put a leg on the LAN port into the probe. Raises ProbeFailed."""
        try:
            host.in_host_namespace(_make_leg, port, mac, self._pid)
            deadline = time.monotonic() + _LEAVING_S
            while not self._namespace.run(_raise_leg):
                if time.monotonic() > deadline:
                    raise ProbeFailed(f"another leg on {port} has the probe's MAC address {mac}")
                time.sleep(0.05)
        except (NetlinkError, OSError) as error:
            raise ProbeFailed(f"no leg on {port} for the probe: {error}") from error

    def wait_for_lease(self, going_on: Callable[[], None]) -> Offer:
        """Wait for the DHCP server and take what it gives. Raises ProbeFailed.

        `going_on` is called again and again and may raise to stop the waiting.
        """
        path = Path(f"/proc/{self._pid}/root/{_LEASE}")
        started = time.monotonic()
        while time.monotonic() < started + LEASE_WAIT_S:
            going_on()
            try:
                offer = _offer(path.read_text(errors="replace"), time.monotonic() - started)
            except OSError:
                offer = None
            if offer is not None:
                return offer
            time.sleep(0.05)
        raise ProbeFailed(f"the DHCP server gave no address within {LEASE_WAIT_S:.0f} s")

    def use(self, offer: Offer, router_mac: str) -> None:
        """Take the address, and send everything to the router, IPv6 as well. Raises ProbeFailed."""
        try:
            self._namespace.run(_use, offer, router_mac)
        except (NetlinkError, OSError) as error:
            raise ProbeFailed(f"the probe can't take its address: {error}") from error

    def solicit(self, seconds: float) -> tuple[str, ...]:
        """Ask for IPv6 as a device does; return who offers it within that time. Raises OSError."""
        with self._namespace.run(_solicit) as asking:
            deadline, offering = time.monotonic() + seconds, set()
            while (left := deadline - time.monotonic()) > 0:
                asking.settimeout(left)
                with contextlib.suppress(TimeoutError):
                    message, source = asking.recvfrom(2048)
                    if is_router_advertisement(message):
                        offering.add(str(source[0]).partition("%")[0])
        return tuple(sorted(offering))

    def close(self) -> None:
        """Leave the probe's namespace."""
        self._namespace.close()


def start(engine: Engine, spec: ContainerSpec) -> Probe:
    """Start the container of a probe. Raises EngineFailed, NamespaceGone, ProbeFailed."""
    engine.perform(Action(Verb.CREATE_CONTAINER, spec.name, "leak test", spec))
    pid = engine.process(NAME)
    if pid is None:
        raise ProbeFailed("the probe ended at once; `docker logs manyways-leaktest` says why")
    return Probe(pid)


def remove(engine: Engine) -> bool:
    """Let a probe give its address back, and remove it; False when there is none.

    Raises EngineFailed, also when the container of that name is not ours.
    """
    pid = engine.process(NAME)
    if pid is not None:
        with contextlib.suppress(ProbeFailed, NamespaceGone, NetlinkError, OSError):
            _make_able_to_release(pid)
    return engine.end(NAME, _GRACE_S)


def _make_able_to_release(pid: int) -> None:
    # A DHCP client gives its address back from that address. A probe whose daemon was killed
    # early may have been given one and not have it yet.
    offer = _offer(Path(f"/proc/{pid}/root/{_LEASE}").read_text(errors="replace"), 0.0)
    if offer is not None:
        with contextlib.closing(NamespaceThread(pid)) as namespace:
            namespace.run(_take_address, offer.address)


def _make_leg(port: str, mac: str, pid: int) -> None:
    with IPRoute() as route:
        route.link(
            "add",
            ifname=LEG,
            kind="macvlan",
            link=_index(route, port),
            macvlan_mode="bridge",
            address=mac,
            net_ns_pid=pid,
        )


def _index(route: Any, interface: str) -> int:
    """Return an interface's index. Raises OSError: it leaves together with the LAN port."""
    found = route.link_lookup(ifname=interface)
    if not found:
        raise OSError(errno.ENODEV, f"{interface} is not there")
    return int(found[0])


def _raise_leg() -> bool:
    """Return whether the leg is up; False while another on the port has its MAC address."""
    with IPRoute() as route:
        try:
            route.link("set", index=_index(route, LEG), state="up")
        except NetlinkError as error:
            if error.code != errno.EADDRINUSE:
                raise
            return False
    return True


def _take_address(address: IPv4Interface) -> int:
    """Give the leg its address; return its index."""
    with IPRoute() as route:
        index = _index(route, LEG)
        size = address.network.prefixlen
        route.addr("replace", index=index, address=str(address.ip), prefixlen=size)
        return index


def _use(offer: Offer, router_mac: str) -> None:
    index = _take_address(offer.address)
    with IPRoute() as route:
        route.route("replace", dst="default", gateway=str(offer.routers[0]))
        if speaks_version6():
            _use_version6(route, index, router_mac)


def _use_version6(route: Any, index: int, router_mac: str) -> None:
    # Nobody offers IPv6, so the way to the router is one that a device could only make up.
    no_detection = 0x02  # linux/if_addr.h: IFA_F_NODAD
    route.addr("replace", index=index, address=OWN6, prefixlen=64, flags=no_detection)
    permanent = 0x80  # linux/neighbour.h: NUD_PERMANENT
    route.neigh("replace", dst=NEXT6, lladdr=router_mac, ifindex=index, state=permanent)
    route.route("replace", dst=f"{FAR6}/48", gateway=NEXT6, oif=index)


def _solicit() -> socket.socket:
    index = socket.if_nametoindex(LEG)
    asking = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)  # RFC 4861, 4.1
    asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    asking.sendto(router_solicitation(), ("ff02::2", 0, 0, index))
    return asking


def _offer(text: str, seconds: float) -> Offer | None:
    fields = dict(part.partition("=")[::2] for part in text.strip().split("\t"))
    if fields.get("event") not in ("bound", "renew"):
        return None
    try:
        address = IPv4Interface(f"{fields['ip']}/{fields['mask'] or '24'}")
        routers, dns = (
            tuple(map(IPv4Address, fields.get(key, "").split())) for key in ("router", "dns")
        )
    except (KeyError, ValueError, AddressValueError) as error:
        raise ProbeFailed(f"the DHCP server's answer makes no sense: {text.strip()}") from error
    if not routers:
        raise ProbeFailed("the DHCP server named no router")
    return Offer(address, routers, dns, seconds * 1000)
