"""Packets that no honest program sends, byte by byte, and the way to put them on a wire.

The machines of the simulated home have Python and raw sockets and nothing else, so the packets are
made here, pure, and sent there as they are.
"""

from __future__ import annotations

import ipaddress
import struct
import subprocess
from collections.abc import Iterable

from tests.containers import home

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
ICMP, IGMP, IPIP, TCP, UDP, GRE, ESP, AH, ICMPV6, SCTP = 1, 2, 4, 6, 17, 47, 50, 51, 58, 132
ALL_NODES, ALL_ROUTERS = "ff02::1", "ff02::2"
BROADCAST = "ff:ff:ff:ff:ff:ff"
TAG = 4747  # the source port, or the id of an echo, of what must not arrive
MARKER = 4748  # that of what is sent afterwards and must be seen
TAGGED = f"(port {TAG} or port {MARKER} or (icmp and icmp[4:2] == {TAG}))"

_SEND_FRAMES = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
    wire.bind((sys.argv[1], 0))
    for line in sys.stdin:
        wire.send(bytes.fromhex(line))
"""
_SEND_PACKETS = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
    for line in sys.stdin:
        packet = bytes.fromhex(line)
        raw.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
"""


def send(machine: str, frames: Iterable[bytes], interface: str = "eth0") -> None:
    """Put Ethernet frames on a machine's wire."""
    _run(machine, _SEND_FRAMES, frames, interface)


def send_packets(machine: str, packets: Iterable[bytes]) -> None:
    """Let a machine's kernel route IPv4 packets, whatever their source says."""
    _run(machine, _SEND_PACKETS, packets)


def _run(machine: str, script: str, data: Iterable[bytes], *arguments: str) -> None:
    name = f"home-{machine}" if machine in home.MACHINES else machine
    done = subprocess.run(
        ("docker", "exec", "-i", name, "python3", "-c", script, *arguments),
        input="".join(item.hex() + "\n" for item in data),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def send_marker(device: str) -> None:
    """Send a datagram from a device to the internet, from the marker's port."""
    script = (
        "import socket, sys\n"
        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "u.bind(('', int(sys.argv[1])))\n"
        "u.sendto(b'marker', ('198.51.100.80', 9))\n"
    )
    home.run(device, "python3", "-c", script, str(MARKER))


def mac_of(machine: str, interface: str = "eth0") -> str:
    """Return the MAC address of a machine's leg."""
    return home.run(machine, "cat", f"/sys/class/net/{interface}/address")


def link_local(mac: str) -> str:
    """Return the IPv6 link-local address that the kernel makes of a MAC address (RFC 4291)."""
    raw = _mac(mac)
    host = bytes((raw[0] ^ 2,)) + raw[1:3] + b"\xff\xfe" + raw[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + host))


def ether(target: str, source: str, kind: int, payload: bytes) -> bytes:
    """Return an Ethernet frame, padded to the least length."""
    return (_mac(target) + _mac(source) + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def arp_request(mac: str, address: str, target: str) -> bytes:
    """Return the frame "who has `target`? tell `address`"."""
    body = struct.pack("!HHBBH", 1, IPV4, 6, 4, 1) + _mac(mac) + _ip(address)
    return ether(BROADCAST, mac, ARP, body + bytes(6) + _ip(target))


def ipv4(source: str, target: str, protocol: int, payload: bytes) -> bytes:
    """Return an IPv4 packet."""
    total = 20 + len(payload)
    header = struct.pack("!BBHHHBBH", 0x45, 0, total, 0, 0, 64, protocol, 0)
    addresses = _ip(source) + _ip(target)
    return header[:10] + _checksum(header + addresses) + addresses + payload


def with_hops(packet: bytes, hops: int) -> bytes:
    """Return an IPv4 packet with another time to live."""
    header = packet[:8] + bytes((hops,)) + packet[9:10] + bytes(2) + packet[12:20]
    return header[:10] + _checksum(header) + header[12:] + packet[20:]


def fragment(source: str, target: str, protocol: int, data: bytes, at: int, *, more: bool) -> bytes:
    """Return a fragment of the IPv4 packet number TAG: `data` from byte `at` of it on."""
    packet = ipv4(source, target, protocol, data)
    numbers = struct.pack("!HH", TAG, more << 13 | at // 8)
    header = packet[:4] + numbers + packet[8:10] + bytes(2) + packet[12:20]
    return header[:10] + _checksum(header) + header[12:] + data


def udp(source: str, target: str, port: int, data: bytes = b"x", sender: int = TAG) -> bytes:
    """Return an IPv4 packet with a datagram."""
    return ipv4(source, target, UDP, struct.pack("!HHHH", sender, port, 8 + len(data), 0) + data)


def syn(source: str, target: str, port: int, sender: int = TAG) -> bytes:
    """Return an IPv4 packet that asks for a TCP connection."""
    pseudo = _ip(source) + _ip(target) + struct.pack("!BBH", 0, TCP, 20)
    return ipv4(source, target, TCP, _syn(pseudo, port, sender))


def icmp(source: str, target: str, kind: int, body: bytes = bytes(16)) -> bytes:
    """Return an IPv4 packet with an ICMP message; `body` follows type, code and checksum."""
    rest = struct.pack("!H", TAG) + body
    checksum = _checksum(struct.pack("!BBH", kind, 0, 0) + rest)
    return ipv4(source, target, ICMP, struct.pack("!BB", kind, 0) + checksum + rest)


def ipv6(source: str, target: str, following: int, payload: bytes, hops: int = 255) -> bytes:
    """Return an IPv6 packet."""
    header = struct.pack("!IHBB", 6 << 28, len(payload), following, hops)
    return header + _ip(source) + _ip(target) + payload


def icmpv6(source: str, target: str, kind: int, body: bytes) -> bytes:
    """Return an IPv6 packet with an ICMPv6 message; `body` follows type, code and checksum."""
    pseudo = _pseudo6(source, target, ICMPV6, 4 + len(body))
    checksum = _checksum(pseudo + struct.pack("!BBH", kind, 0, 0) + body)
    return ipv6(source, target, ICMPV6, struct.pack("!BB", kind, 0) + checksum + body)


def syn6(source: str, target: str, port: int) -> bytes:
    """Return an IPv6 packet that asks for a TCP connection."""
    return ipv6(source, target, TCP, _syn(_pseudo6(source, target, TCP, 20), port, TAG))


def _syn(pseudo: bytes, port: int, sender: int) -> bytes:
    header = struct.pack("!HHIIBBHHH", sender, port, 1, 0, 5 << 4, 0x02, 64000, 0, 0)
    return header[:16] + _checksum(pseudo + header) + header[18:]


def _pseudo6(source: str, target: str, following: int, length: int) -> bytes:
    return _ip(source) + _ip(target) + struct.pack("!II", length, following)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _ip(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def _checksum(data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
