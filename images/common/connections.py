"""Forget every connection that the kernel tracked before the rules were there.

Docker gives a new container its legs, and rules of its own for its resolver, a moment before the
container's settings: the kernel copies the host's `ip_forward` until then. A packet of that moment
gets no further than to a gateway that nobody has, but its connection is remembered, without a ct
mark and without address translation, and for as long as the device goes on sending, every
packet of it would be treated so.
"""

from __future__ import annotations

import os
import socket
import struct

# linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h
_NETLINK_NETFILTER = 12
_CTNETLINK_DELETE = 1 << 8 | 2
_NLM_F_REQUEST_ACK = 0x01 | 0x04
_NLMSG_ERROR = 2


def forget_connections() -> None:
    """Empty this namespace's connection tracking. Call with the rules loaded, forwarding off.

    Needs CAP_NET_ADMIN. Raises OSError with the kernel's errno.
    """
    body = struct.pack("BBH", socket.AF_UNSPEC, 0, 0)
    header = struct.pack("IHHII", 16 + len(body), _CTNETLINK_DELETE, _NLM_F_REQUEST_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.bind((0, 0))
        netlink.send(header + body)
        answer = netlink.recv(4096)
    (kind,) = struct.unpack_from("H", answer, 4)
    (error,) = struct.unpack_from("i", answer, 16)
    if kind == _NLMSG_ERROR and error:
        raise OSError(-error, os.strerror(-error))
