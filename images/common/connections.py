"""Forget every connection that the kernel tracked before the rules were there.

Docker gives a new container its legs, and rules of its own for its resolver, a moment before the
container's settings: the kernel copies the host's `ip_forward` until then. A packet of that moment
gets no further than to a gateway that nobody has, but its connection is remembered, without a ct
mark and without address translation, and for as long as the device goes on sending, every
packet of it would be treated so.
"""

from __future__ import annotations

import socket
import struct

import netlink

_DELETE = 1 << 8 | 2  # linux/netfilter/nfnetlink_conntrack.h


def forget_connections() -> None:
    """Empty this namespace's connection tracking. Call with the rules loaded, forwarding off.

    Needs CAP_NET_ADMIN. Raises OSError with the kernel's errno.
    """
    everything = struct.pack("BBH", socket.AF_UNSPEC, 0, 0)
    netlink.ask(netlink.NETFILTER, _DELETE, everything, ack=True)
