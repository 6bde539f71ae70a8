"""A filter in the kernel for a packet socket: of a busy wire this process shall see few packets.

Classic BPF, because it needs neither a compiler nor a right beyond the socket's own.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence

from orchestrator.leaktest.packets import Instruction

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h


def attach(wire: socket.socket, program: Sequence[Instruction]) -> None:
    """Let `wire` hear only what `program` accepts, in place of an earlier one. Raises OSError."""
    # struct sock_fprog (linux/filter.h): how many instructions, and where they are.
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    memory = ctypes.create_string_buffer(code)
    described = struct.pack("HP", len(program), ctypes.addressof(memory))
    wire.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
