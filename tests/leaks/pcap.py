"""Reads a capture while tcpdump still writes it, and takes IPv4 and IPv6 packets apart.

The format is what `tcpdump -i any -y LINUX_SLL2` writes (pcap-savefile(5), LINKTYPE_LINUX_SLL2):
one capture sees every interface of a namespace, also those that are made later.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FILE_HEADER = 24
_RECORD = struct.Struct("<IIII")
_SLL2 = struct.Struct(
    ">HHIHBB8s"
)  # protocol, reserved, ifindex, type, packet type, length, address
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_OUTGOING = 4


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a capture; `protocol` is the IP protocol's number."""

    at: float
    interface: int
    outgoing: bool
    mac: str  # the sender's on the link
    source: str
    destination: str
    protocol: int
    payload: bytes  # from the transport header on; empty for a fragment that is not the first
    length: int

    @property
    def is_icmp_error(self) -> bool:
        """Whether it quotes another packet instead of carrying something of its own."""
        if self.protocol == _ICMP:
            return self.payload[:1] in (b"\x03", b"\x0b")
        return self.protocol == _ICMPV6 and self.payload[:1] < b"\x80"

    def __str__(self) -> str:
        names = {_ICMP: "ICMP", _TCP: "TCP", _UDP: "UDP", _ICMPV6: "ICMPv6"}
        kind = names.get(self.protocol, str(self.protocol))
        ports = ("", "")
        if self.protocol in (_TCP, _UDP) and len(self.payload) >= 4:
            ports = tuple(f":{n}" for n in struct.unpack_from(">HH", self.payload))  # type: ignore[assignment]
        return f"{kind} {self.source}{ports[0]} > {self.destination}{ports[1]}, {self.length} bytes"


def _ip(data: bytes, protocol: int) -> tuple[str, str, int, bytes] | None:
    if protocol == 0x0800 and len(data) >= 20:
        start = (data[0] & 15) * 4
        first = struct.unpack_from(">H", data, 6)[0] & 0x1FFF == 0
        return (
            ".".join(map(str, data[12:16])),
            ".".join(map(str, data[16:20])),
            data[9],
            data[start:] if first else b"",
        )
    if protocol == 0x86DD and len(data) >= 40:
        source, destination = (str(ipaddress.IPv6Address(data[n : n + 16])) for n in (8, 24))
        return source, destination, data[6], data[40:]
    return None


class Reader:
    """Follows one capture file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.last = 0.0  # the stamp of the newest record
        self.packets = 0

    def new(self) -> Iterator[Packet]:
        """Yield what was written since the last time; an unfinished record waits."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            return
        position = 0
        if self._offset == 0:
            if len(data) < _FILE_HEADER:
                return
            assert data[:4] == b"\xd4\xc3\xb2\xa1", f"{self._path}: not a microsecond pcap"
            position = _FILE_HEADER
        while position + _RECORD.size <= len(data):
            seconds, micro, stored, length = _RECORD.unpack_from(data, position)
            end = position + _RECORD.size + stored
            if end > len(data):
                break
            self.packets += 1
            self.last = seconds + micro / 1e6
            frame = data[position + _RECORD.size : end]
            protocol, _, interface, _, direction, _, mac = _SLL2.unpack_from(frame)
            if parts := _ip(frame[_SLL2.size :], protocol):
                outgoing, sender = direction == _OUTGOING, mac[:6].hex(":")
                size = length - _SLL2.size
                yield Packet(self.last, interface, outgoing, sender, *parts, size)
            position = end
        self._offset += position
