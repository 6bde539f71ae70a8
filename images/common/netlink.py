"""One message to the kernel and its answer, as bytes: see netlink(7).

The service containers start often and live on little memory, so they do without a library for the
few questions that no program among theirs can ask.
"""

from __future__ import annotations

import os
import socket
import struct

ROUTE, NETFILTER = 0, 12  # linux/netlink.h
_REQUEST, _ACK = 0x01, 0x04
_ERROR = 2
HEADER = 16  # bytes before a message's body
_PATIENCE = 1.0  # s; the kernel answers at once, or never


def attribute(kind: int, payload: bytes) -> bytes:
    """Return an attribute, padded as the kernel wants it."""
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + b"\0" * (-length % 4)


def ask(family: int, kind: int, body: bytes, *, ack: bool) -> bytes:
    """Send a message and return the first answer, headers included.

    `family` is ROUTE or NETFILTER. With `ack`, the answer says only that it was done. Raises
    OSError, with the kernel's errno where it refuses.
    """
    flags = _REQUEST | (_ACK if ack else 0)
    request = struct.pack("=IHHII", HEADER + len(body), kind, flags, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as kernel:
        kernel.settimeout(_PATIENCE)
        kernel.send(request)
        answer = kernel.recv(8192)
    if len(answer) >= HEADER + 4 and struct.unpack_from("=H", answer, 4)[0] == _ERROR:
        (error,) = struct.unpack_from("=i", answer, HEADER)
        if error:
            raise OSError(-error, os.strerror(-error))
    return answer
