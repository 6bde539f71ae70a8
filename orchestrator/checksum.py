"""The checksum of the Internet's protocols, for the few packets that are made here."""

from __future__ import annotations

import struct


def checksum(data: bytes) -> int:
    """Return the ones' complement sum of `data` in words of 16 bits (RFC 1071), inverted."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
