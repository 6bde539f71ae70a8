"""Who is at the other end of Docker's socket: a process that lives where the host lives.

That is the daemon, or the init system that opened the socket for it (unix(7): SO_PEERCRED). By it
the host is found; process 1 may be closed even to root.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_SOCKET = "/var/run/docker.sock"


def pid() -> int:
    """Return its process id. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.connect(_SOCKET)
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    (found,) = struct.unpack_from("i", credentials)
    return int(found)


def root() -> Path:
    """Return where the host's files can be read. Raises OSError."""
    return Path(f"/proc/{pid()}/root")
