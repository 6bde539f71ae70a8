"""The host's own network: what it has, read only, and the LAN port that was given to us.

The port is the one thing of the host that is touched, and only so that the host is not on the
home network by accident: a port that is up would get an IPv6 address, answer ARP for the
host's other addresses, and accept packets for them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from legs import set_ipv4_conf
from orchestrator.model import HostFacts, HostInterface, Radio
from orchestrator.runtime import docker_peer
from orchestrator.runtime.engine import Engine, EngineFailed
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread

_RP_FILTER, _ARP_IGNORE, _FORWARDING = 8, 19, 1  # linux/ip.h: IPV4_DEVCONF_*
_ADDR_GEN_MODE_NONE = 1  # linux/if_link.h: IN6_ADDR_GEN_MODE_NONE


class PortFailed(Exception):
    """A LAN port can't be used; the message says which and why."""


def facts(
    engine: Engine | None = None, radios: Callable[[], tuple[Radio, ...]] | None = None
) -> HostFacts:
    """Return the host's interfaces, and the subnets that it and other containers use.

    Without an engine the Docker networks are not known; without `radios`, which looks for them,
    nobody knows of any. Raises NamespaceGone.
    """
    interfaces = in_host_namespace(_read_interfaces)
    taken = [
        (address.network, f"interface {interface.name}")
        for interface in interfaces
        for address in interface.addresses
        if interface.name != "lo"
    ]
    subnets = tuple(taken) + tuple(_docker_subnets(engine))
    return HostFacts(tuple(interfaces), subnets, None if radios is None else radios())


def prepare_lan_port(name: str) -> None:
    """Bring a LAN port up, with no address and no voice of the host on it. Raises PortFailed."""
    try:
        in_host_namespace(_prepare, name)
    except (OSError, NetlinkError, NamespaceGone) as error:
        raise PortFailed(f"LAN port {name}: {error}") from error


def files() -> Path:
    """Return where the host's files can be read. Raises NamespaceGone."""
    try:
        return docker_peer.root()
    except OSError as error:
        raise NamespaceGone(f"the Docker engine does not answer: {error.strerror}") from error


def in_host_namespace(function: Any, *args: Any) -> Any:
    """Call `function` in the host's network namespace. Raises NamespaceGone, or what it raises."""
    try:
        thread = NamespaceThread(docker_peer.pid())
    except OSError as error:
        raise NamespaceGone(f"the Docker engine does not answer: {error.strerror}") from error
    try:
        return thread.run(function, *args)
    finally:
        thread.close()


def own_inode() -> int:
    """Return what identifies the network namespace of the calling thread. Raises OSError."""
    return Path("/proc/thread-self/ns/net").stat().st_ino


def _read_interfaces() -> list[HostInterface]:
    with IPRoute() as route:
        names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in route.get_links()}
        addresses: dict[int, list[IPv4Interface]] = {index: [] for index in names}
        for item in route.get_addr(family=socket.AF_INET):
            text = (
                f"{item.get_attr('IFA_LOCAL') or item.get_attr('IFA_ADDRESS')}/{item['prefixlen']}"
            )
            addresses.setdefault(item["index"], []).append(IPv4Interface(text))
        defaults = {r.get_attr("RTA_OIF") for r in route.get_default_routes(family=socket.AF_INET)}
    return [
        HostInterface(name, tuple(addresses[index]), index in defaults, _is_wireless(name))
        for index, name in names.items()
    ]


def _is_wireless(name: str) -> bool:
    return Path(f"/proc/{docker_peer.pid()}/root/sys/class/net/{name}/phy80211").exists()


def _docker_subnets(engine: Engine | None) -> Iterable[tuple[IPv4Network, str]]:
    if engine is None:
        return
    try:
        subnets = engine.foreign_subnets()
    except EngineFailed:
        return
    for subnet, name in subnets:
        if ":" not in subnet:
            yield IPv4Network(subnet), f"Docker network {name}"


def _prepare(name: str) -> None:
    with IPRoute() as route:
        found = route.link_lookup(ifname=name)
        if not found:
            raise PortFailed(f"LAN port {name} is not there")
        index = found[0]
        inet6 = {"attrs": [["IFLA_INET6_ADDR_GEN_MODE", _ADDR_GEN_MODE_NONE]]}
        route.link("set", index=index, IFLA_AF_SPEC={"attrs": [["AF_INET6", inet6]]})
        route.flush_addr(index=index, family=socket.AF_INET6)
        # Never a word of the host in ARP here, and no packet from here into the host:
        # without an address on the port every source fails the reverse path check.
        set_ipv4_conf(index, {_ARP_IGNORE: 8, _RP_FILTER: 1, _FORWARDING: 0})
        route.link("set", index=index, state="up")
