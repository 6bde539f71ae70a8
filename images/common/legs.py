"""What every service container does first: find its legs, and keep them shut until told.

Docker gives a container its interfaces in no promised order, so a leg is known by the MAC
address that the orchestrator assigned. Containers are created with `net.ipv4.ip_forward=0`
and have a read-only /proc/sys; forwarding is opened per interface over netlink once the rules
are loaded, so there is no moment at which a packet can pass a namespace without rules.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

import netlink

# linux/rtnetlink.h, linux/if_link.h, linux/ip.h
_RTM_SETLINK = 19
_IFLA_AF_SPEC = 26
_IFLA_INET_CONF = 1
IPV4_DEVCONF_FORWARDING = 1


class LegsMissing(Exception):
    """The interfaces with the given MAC addresses did not appear in time."""


def legs_by_mac(sys_class_net: Path = Path("/sys/class/net")) -> dict[str, str]:
    """Return {MAC address: interface name} of this namespace."""
    found = {}
    for entry in sys_class_net.iterdir():
        try:
            found[(entry / "address").read_text().strip()] = entry.name
        except OSError:
            continue  # the interface left between listing and reading
    return found


def wait_for_legs(macs: Mapping[str, str], timeout: float = 30.0) -> dict[str, str]:
    """Return {role: interface name} for {role: MAC}, waiting up to `timeout` seconds.

    Raises LegsMissing, naming the roles that did not appear.
    """
    deadline = time.monotonic() + timeout
    while True:
        present = legs_by_mac()
        missing = [role for role, mac in macs.items() if mac not in present]
        if not missing:
            return {role: present[mac] for role, mac in macs.items()}
        if time.monotonic() > deadline:
            raise LegsMissing(
                f"no interface for {', '.join(sorted(missing))} after {timeout:.0f} s"
            )
        time.sleep(0.05)


def set_ipv4_conf(ifindex: int, values: Mapping[int, int]) -> None:
    """Set IPv4 per-interface configuration values (linux/ip.h: IPV4_DEVCONF_*) over netlink.

    `ip` has no words for it, and /proc/sys is read-only in a container, but the kernel takes
    IFLA_INET_CONF in RTM_SETLINK from anyone with CAP_NET_ADMIN over the namespace.

    Raises OSError with the kernel's errno.
    """
    attribute = netlink.attribute
    conf = b"".join(attribute(key, struct.pack("I", value)) for key, value in values.items())
    spec = attribute(_IFLA_AF_SPEC, attribute(socket.AF_INET, attribute(_IFLA_INET_CONF, conf)))
    body = struct.pack("BBHiII", 0, 0, 0, ifindex, 0, 0) + spec
    netlink.ask(netlink.ROUTE, _RTM_SETLINK, body, ack=True)


def enable_forwarding(interface: str) -> None:
    """Let packets that arrive on `interface` be forwarded. Call only after the rules are loaded.

    Does nothing where it is so already: who listens for changes of interfaces would hear it.
    """
    if Path(f"/proc/sys/net/ipv4/conf/{interface}/forwarding").read_text().strip() != "1":
        set_ipv4_conf(socket.if_nametoindex(interface), {IPV4_DEVCONF_FORWARDING: 1})
