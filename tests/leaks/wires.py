"""Every wire that leaves the router, watched from the host with one clock.

One tcpdump sees all interfaces of a namespace, those that are made later included, so nothing is
missed while a container is replaced. Which wire a packet was on follows from the interface, or,
where interfaces come and go, from the sender's link-layer address: the router's leg in the
transit network of slot N is 02:42 and then its IP address, which Docker is told.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import re
import signal
import subprocess
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.containers import home
from tests.leaks.oracle import Sighting, Wire, tag_in
from tests.leaks.pcap import Packet, Reader

# Every destination of kind "direct" that a test may configure: they share the uplink's address.
DIRECT = frozenset({"direct", "spare", "extra"})
PROVIDERS = {"uk": "10.81.0.", "de": "10.82.0."}
_PUBLIC = {
    "198.51.100.2": DIRECT,
    "198.51.100.10": frozenset({"uk"}),
    "198.51.100.20": frozenset({"de"}),
    "198.51.100.21": frozenset({"de"}),
}
_SERVERS = frozenset(f"198.51.100.{n}" for n in (53, 80, 81, 82, 88))
_LOGS = {
    "house": DIRECT,
    "isp": DIRECT,
    "public": frozenset[str](),  # nobody's resolver: a redirection failed
    "uk": frozenset({"uk"}),
    "de": frozenset({"de"}),
}
_LAN = ipaddress.ip_network("192.168.77.0/24")
_WATCHED = ("mwh-wan1", "mwh-inet1", "mwh-lan1", "mwh-lan0")
_SNAP = "300"  # bytes: the tag comes first in every payload
_FILTER = "ip or ip6"


def _container_pid(name: str) -> str:
    done = home.host("docker", "inspect", "-f", "{{.State.Pid}}", name)
    return done.stdout.strip() if done.returncode == 0 else "0"


class Capture:
    """tcpdump on all interfaces of the host's or a container's namespace."""

    def __init__(self, path: Path, pid: str | None = None) -> None:
        enter = ("nsenter", "--net", "--target", pid) if pid else ()
        self.path = path
        self.reader = Reader(path)
        self.said: list[str] = []
        self._process = subprocess.Popen(
            (
                *enter,
                *("tcpdump", "-n", "-U", "--immediate-mode", "-Z", "root", "-B", "16384"),
                *("-i", "any", "-y", "LINUX_SLL2", "-s", _SNAP, "-w", str(path), _FILTER),
            ),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line)
            if "listening on" in line:
                return
        raise AssertionError(f"tcpdump does not listen: {''.join(self.said)}")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> int:
        """End it; return how many packets the kernel dropped for want of room."""
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=20)
        found = re.search(r"(\d+) packets dropped by kernel", said)
        return int(found[1]) if found else 0


class Log:
    """A resolver's log, read as it grows, past the container's restarts."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._wire = Wire("log", _LOGS[place], f"the log of the resolver {place}")
        self._pid = ""
        self._offset = -1

    def _path(self) -> Path:
        return Path(f"/proc/{self._pid}/root/var/log/queries/{self.place}.log")

    def refresh(self) -> None:
        """Find the container's process again; costs a call of docker."""
        self._pid = _container_pid(f"home-{home.RESOLVERS[self.place]}")

    def new(self) -> Iterator[Sighting]:
        """Yield the tagged queries since the last time; the first call only finds the end."""
        with contextlib.suppress(OSError):  # not running: its log waits
            with self._path().open("rb") as stream:
                size = stream.seek(0, 2)
                if self._offset < 0:
                    self._offset = size
                stream.seek(self._offset)
                data = stream.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._offset += len(whole)
            for line in whole.splitlines():
                if b"query[" in line and (tag := tag_in(line)):
                    yield Sighting(_stamp(line), self._wire, tag, line.decode().strip())


def _stamp(line: bytes) -> float:
    """Return the moment of "Nov 21 02:27:16 dnsmasq…", of this year, in UTC."""
    year = datetime.datetime.now(datetime.UTC).year
    text = f"{year} {line[:15].decode()} +0000"
    return datetime.datetime.strptime(text, "%Y %b %d %H:%M:%S %z").timestamp()


class Wires:
    """All captures and logs; `destination_of` says whose transit a slot is."""

    def __init__(self, directory: Path, destination_of: Callable[[int], str]) -> None:
        self._directory = directory
        self._destination_of = destination_of
        self._index = {self._interface(n): n for n in _WATCHED}
        self._number = 0
        self._host = Capture(directory / "host.pcap")
        self._tunnels: dict[str, tuple[str, Capture]] = {}
        self._ended: list[Capture] = []
        self._logs = [Log(place) for place in _LOGS]
        self.delivered: dict[str, deque[float]] = {d: deque() for d in home.DEVICES}
        self.offered: Counter[str] = Counter()  # what devices sent, by kind
        self.dropped = 0
        self.seen_until = 0.0
        self.attach()
        for log in self._logs:
            list(log.new())

    @staticmethod
    def _interface(name: str) -> int:
        return int(Path(f"/sys/class/net/{name}/ifindex").read_text())

    def attach(self) -> None:
        """Find the providers' and resolvers' namespaces again, after one was started."""
        for place in PROVIDERS:
            pid = _container_pid(f"home-vpn-{place}")
            known = self._tunnels.get(place)
            if pid == "0" or (known and known[0] == pid and known[1].alive):
                continue
            if known:
                self._ended.append(known[1])
            self._number += 1
            path = self._directory / f"tunnel-{place}-{self._number}.pcap"
            self._tunnels[place] = (pid, Capture(path, pid))
        for log in self._logs:
            log.refresh()

    def new(self) -> Iterator[Sighting]:
        """Yield all tagged packets and queries since the last time."""
        assert self._host.alive, f"the capture has ended: {self._host.said}"
        for packet in self._host.reader.new():
            if wire := self._on_host(packet):
                yield from self._sighting(packet, wire)
        for place, (_, capture) in self._tunnels.items():
            for packet in capture.reader.new():
                if wire := _in_tunnel(packet, place):
                    yield from self._sighting(packet, wire)
        for log in self._logs:
            yield from log.new()

    def _sighting(self, packet: Packet, wire: Wire) -> Iterator[Sighting]:
        if packet.is_icmp_error and wire.kind != "transit":
            return  # it quotes a packet, for whoever sent that
        if tag := tag_in(packet.payload):
            if wire.kind == "leg" and tag.kind == "udp" and tag.device in self.delivered:
                self.delivered[tag.device].append(packet.at)
            yield Sighting(packet.at, wire, tag, str(packet))

    def _on_host(self, packet: Packet) -> Wire | None:
        self.seen_until = packet.at
        if packet.outgoing:
            return None  # seen at the other end of the pair as well
        name = self._index.get(packet.interface, "")
        if name == "mwh-wan1":
            return Wire("uplink", DIRECT, name)
        if name == "mwh-inet1" and packet.source not in _SERVERS:
            owners = _PUBLIC.get(packet.source, frozenset[str]())
            return Wire("internet", owners, f"{name} from {packet.source}")
        if name == "mwh-lan0" and (tag := tag_in(packet.payload)):
            self.offered[tag.kind] += 1
        if name == "mwh-lan1" and packet.source in _SERVERS:
            return Wire("leg", frozenset(), name)
        if packet.mac.startswith("02:42:0a:d5:") and packet.mac.endswith(":01"):
            return self._transit(packet)
        return None

    def _transit(self, packet: Packet) -> Wire | None:
        if ":" not in packet.source and ipaddress.ip_address(packet.source) not in _LAN:
            return None  # the router's own probes, and refusals towards the far end
        slot = int(packet.mac.split(":")[4], 16)
        return Wire("transit", frozenset({self._destination_of(slot)}), f"mw-transit{slot}")

    def sync(self, seconds: float = 5) -> None:
        """Wait until the capture has everything up to now; the traffic never stops."""
        asked = time.time()
        # tcpdump writes in order and at once, so the file's age is the newest packet's.
        written = self._host.path
        home.wait_for("the capture", lambda: written.stat().st_mtime > asked + 0.01, seconds)

    def end(self) -> None:
        """End all captures and count what they missed."""
        captures = [self._host, *(c for _, c in self._tunnels.values()), *self._ended]
        for capture in captures:
            self.dropped += capture.end()

    def packets(self) -> int:
        """Return how many packets were captured at all."""
        captures = [self._host, *(c for _, c in self._tunnels.values()), *self._ended]
        return sum(capture.reader.packets for capture in captures)


def _in_tunnel(packet: Packet, place: str) -> Wire | None:
    """What came out of the tunnel, before the provider puts its own address on it."""
    prefix = PROVIDERS[place]
    inside = packet.source.startswith(prefix) and packet.source != f"{prefix}1"
    if packet.outgoing or not inside:
        return None
    return Wire("tunnel", frozenset({place}), f"tun0 of the provider {place}")
