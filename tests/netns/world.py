"""A router namespace between a home and two ways out, all of them real and of the test's own.

One process plays everybody: a socket stays in the namespace where it was made, so a thread for
each namespace makes sockets, and the test uses them as its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator import addressing, store
from orchestrator.addressing import Side, mac_address
from orchestrator.desired import Images, Inputs, desired_state
from orchestrator.documents import Document
from orchestrator.gates import Gates
from orchestrator.model import Config, ContainerSpec, DesiredState
from orchestrator.runtime.namespace import NamespaceThread
from orchestrator.runtime.router import RouterLink
from orchestrator.runtime.volume import Volume
from orchestrator.switch import Switchboard
from tests.homes import LAPTOP, NEW, TV, with_destinations

ROOT = Path(__file__).parents[2]
HOME = with_destinations("direct", "uk")
STRANGER = "02:00:00:00:00:99"
WEB, PUBLIC_DNS = "203.0.113.80", "8.8.8.8"  # on no wire of this machine, and on each egress
ROUTER_ADDRESS = str(HOME.lan.address.ip)
ECHO, SILENT = 7, 9
WAIT_S = 10.0
ROLES = ("router", "dhcp", "webui", "egress")
IMAGES = Images({role: f"manyways/{role}:dev" for role in ROLES}, dict.fromkeys(ROLES, "sha256:1"))
_IP_RECVERR, _MSG_ERRQUEUE = 11, 0x2000  # linux/in.h, linux/socket.h


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition` holds; fail after WAIT_S seconds, naming `what`."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {WAIT_S:.0f} s"
        time.sleep(0.005)


class Space:
    """A network namespace, a process that lives in it, and a thread for its sockets."""

    def __init__(self, name: str) -> None:
        self.name = f"mwt-{os.getpid()}-{name}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self._process = subprocess.Popen(["ip", "netns", "exec", self.name, "sleep", "infinity"])
        self.pid = self._process.pid
        inode = Path(f"/run/netns/{self.name}").stat().st_ino
        until(lambda: self._inode() == inode, f"a process in {self.name}")
        self._thread = NamespaceThread(self.pid)
        self.run("ip link set lo up")

    def _inode(self) -> int:
        return Path(f"/proc/{self.pid}/ns/net").stat().st_ino

    def close(self) -> None:
        self._thread.close()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def run(self, command: str, stdin: str = "") -> str:
        """Run a command line inside, without a shell, and return what it prints."""
        done = self._done(command, stdin)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def run_anyhow(self, command: str) -> str:
        """Return what a command prints that may, or shall, fail."""
        return self._done(command, "").stdout

    def _done(self, command: str, stdin: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *command.split()],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def socket6(self, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
        """Return an IPv6 socket of this namespace."""
        made = self._thread.run(socket.socket, socket.AF_INET6, kind, protocol)
        made.settimeout(WAIT_S)
        return made

    def packets(self, leg: str) -> socket.socket:
        """Return a socket that sends whole frames by a leg."""
        made = self._thread.run(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
        self._thread.run(made.bind, (leg, 0))
        return made

    def socket(self, kind: socket.SocketKind) -> socket.socket:
        """Return a socket of this namespace, with a time-out."""
        made = self._thread.run(socket.socket, socket.AF_INET, kind)
        made.settimeout(WAIT_S)
        return made


class Responder:
    """The internet behind one egress: answers, on any address, with the egress' name."""

    def __init__(self, space: Space, name: str, ports: tuple[int, ...]) -> None:
        self.name = name
        self.accepted: list[socket.socket] = []
        self.heard: list[tuple[bytes, str]] = []  # datagrams to SILENT, and who sent them
        self.space = space
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        for port in ports:
            self._serve(socket.SOCK_STREAM, port, self._accept)
            self._serve(socket.SOCK_DGRAM, port, self._answer)
        self._serve(socket.SOCK_DGRAM, SILENT, self._listen)

    def _serve(
        self, kind: socket.SocketKind, port: int, serve: Callable[[socket.socket], None]
    ) -> None:
        opened = self.space.socket(kind)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.settimeout(None)
        opened.bind(("0.0.0.0", port))
        if kind == socket.SOCK_STREAM:
            opened.listen(512)
        self._sockets.append(opened)
        thread = threading.Thread(target=self._until_closed, args=(serve, opened), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _until_closed(self, serve: Callable[[socket.socket], None], opened: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                serve(opened)

    def _accept(self, opened: socket.socket) -> None:
        connection, peer = opened.accept()
        connection.settimeout(WAIT_S)
        self.accepted.append(connection)
        with contextlib.suppress(ConnectionError):
            connection.sendall(f"{self.name} {peer[0]}\n".encode())

    def _answer(self, opened: socket.socket) -> None:
        # The answer comes from the address that was asked: IP_PKTINFO tells, and sets, it.
        opened.setsockopt(socket.IPPROTO_IP, 8, 1)
        _, control, _, peer = opened.recvmsg(2048, 128)
        _check_open(peer)
        answer = f"{self.name} {peer[0]}\n".encode()
        info = [(level, kind, bytes(4) + data[4:8] + bytes(4)) for level, kind, data in control]
        with contextlib.suppress(OSError):  # an ICMP error for an earlier answer
            opened.sendmsg([answer], info, 0, peer)

    def _listen(self, opened: socket.socket) -> None:
        data, peer = opened.recvfrom(2048)
        _check_open(peer)
        self.heard.append((data, peer[0]))

    def close(self) -> None:
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)  # wakes the thread
        for thread in self._threads:
            thread.join(WAIT_S)
        for opened in (*self._sockets, *self.accepted):
            opened.close()


def _check_open(peer: object) -> None:
    if peer is None:  # what a datagram socket says when it is shut down
        raise OSError(errno.ESHUTDOWN, "shut down")


@dataclass
class Device:
    """A device of the home, and what it can do."""

    space: Space
    address: str

    def tcp(self, port: int, host: str = WEB) -> socket.socket:
        """Return a TCP connection. Raises OSError."""
        made = self.space.socket(socket.SOCK_STREAM)
        try:
            made.connect((host, port))
        except OSError:
            made.close()
            raise
        return made

    def asks_tcp(self, port: int, host: str = WEB) -> str:
        """Return the first line that a TCP server says."""
        with self.tcp(port, host) as made, made.makefile() as stream:
            return stream.readline().strip()

    def udp(self, port: int, host: str = WEB) -> socket.socket:
        """Return a UDP socket that talks to `host` only."""
        made = self.space.socket(socket.SOCK_DGRAM)
        made.connect((host, port))
        return made

    def asks_udp(self, port: int, host: str = WEB) -> str:
        """Return what a UDP server answers. Raises OSError, also for ICMP errors."""
        with self.udp(port, host) as made:
            made.send(b"?")
            return made.recv(2048).decode().strip()

    def refusals(self, port: int, count: int, host: str = WEB) -> list[tuple[int, int]]:
        """Send `count` datagrams of as many flows and return the ICMP (type, code) of each."""
        sockets = [self.udp(port, host) for _ in range(count)]
        try:
            for made in sockets:
                made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
                made.send(b"?")
            return [_refusal(made) for made in sockets]
        finally:
            for made in sockets:
                made.close()


def _refusal(made: socket.socket) -> tuple[int, int]:
    found: list[tuple[int, int]] = []

    def arrived() -> bool:
        with contextlib.suppress(BlockingIOError):
            made.setblocking(False)
            _, control, _, _ = made.recvmsg(2048, 512, _MSG_ERRQUEUE)
            number, origin, kind, code = struct.unpack_from("IBBB", control[0][2])
            assert (number, origin) == (errno.EHOSTUNREACH, 2), "not by ICMP"
            found.append((kind, code))
        return bool(found)

    until(arrived, "an ICMP error")
    return found[0]


class World:
    """The home, the router and the egresses."""

    def __init__(self, files: Path, config: Config = HOME) -> None:
        self.config, self.files = config, files
        self.volume = Volume(files)
        self.document = Document(files / "state.json", store.State)
        self.router_pid: int | None = None
        self.link = RouterLink(lambda: self.router_pid)
        self.switchboard = Switchboard(self.document, NEW, self.volume, self.link)
        self.now = 1000.0  # what the boot clock shows
        self.gates = Gates(self.switchboard, self.volume, self.link, lambda: self.now)
        self._spaces: list[Space] = []
        self._stack = contextlib.ExitStack()
        self.egresses: dict[str, Responder] = {}
        self.egress_spaces: dict[str, Space] = {}

    def __enter__(self) -> World:
        with contextlib.ExitStack() as stack:
            stack.callback(self._clean_up)
            self._build()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _clean_up(self) -> None:
        if (handle := self.link.current()) is not None:
            handle.close()
        for responder in self.egresses.values():
            responder.close()
        for space in reversed(self._spaces):
            space.close()

    def _space(self, name: str) -> Space:
        space = Space(name)
        self._spaces.append(space)
        return space

    def _build(self) -> None:
        self.switchboard.settle(self.config, {TV: "tv", LAPTOP: "laptop"}, {})
        self._segment = self._space("seg")
        self._segment.run("ip link add br0 type bridge")
        self._segment.run("ip link set br0 up")
        self.router = self._space("router")
        self.router_pid = self.router.pid
        self._set_sysctls()
        self.render()
        state = self.switchboard.state
        self._plug(self.router, mac_address(state.install, Side.ROUTER_LAN), "192.168.77.1")
        for destination in self.config.destinations:
            self.attach(destination.name)
        self.tv = self._device("tv", TV, "192.168.77.101")
        self.laptop = self._device("laptop", LAPTOP, "192.168.77.102")
        self.stranger = self._device("stranger", STRANGER, "192.168.77.103")
        page = self._space("page")
        self._plug(page, mac_address(state.install, Side.WEBUI_LAN), str(self.config.lan.webui))
        names = self._space("names")
        self._plug(
            names, mac_address(state.install, Side.DHCP_LAN), str(self.config.lan.dhcp_server)
        )
        self.names = self.egresses["names"] = Responder(names, "names", (53,))
        self.page = self.egresses["page"] = Responder(page, "page", (80,))

    def _device(self, name: str, mac: str, address: str) -> Device:
        space = self._space(name)
        self._plug(space, mac, address)
        space.run(f"ip route add default via {ROUTER_ADDRESS}")
        return Device(space, address)

    def _plug(self, space: Space, mac: str, address: str) -> None:
        """Give a namespace a leg on the home's segment."""
        port = f"p{len(self._spaces)}"
        self._segment.run(
            f"ip link add {port} type veth peer name lan0 address {mac} netns {space.name}"
        )
        self._segment.run(f"ip link set {port} master br0 up")
        space.run(f"ip addr add {address}/24 dev lan0")
        space.run("ip link set lan0 up")

    def _set_sysctls(self) -> None:
        values = self.desired_container("router").sysctls
        self.router.run("sysctl -qw " + " ".join(f"{k}={v}" for k, v in values.items()))

    def desired_container(self, role: str) -> ContainerSpec:
        return next(c for c in self._desired().containers if c.role == role)

    def _desired(self) -> DesiredState:
        return desired_state(Inputs(self.config, self.switchboard.state, {}, IMAGES))

    def render(self) -> None:
        """Write the router's files as the reconciler would."""
        for file in self._desired().files:
            if file.path.startswith("rendered/router/"):
                self.volume.write(file.path, file.content)

    def slot(self, destination: str) -> int:
        return self.switchboard.state.slots[destination]

    def attach(self, destination: str) -> None:
        """Give the router its leg to an egress, which is made when it is not there."""
        slot, pool = self.slot(destination), self.config.transit_pool
        if destination not in self.egress_spaces:
            self.egress_spaces[destination] = self._space(f"egress-{destination}")
        space = self.egress_spaces[destination]
        mac = mac_address(self.switchboard.state.install, Side.EGRESS_TRANSIT, slot)
        self.router.run(
            f"ip link add transit{slot} type veth"
            f" peer name transit0 address {mac} netns {space.name}"
        )
        self.router.run(f"ip addr add {addressing.transit_router(pool, slot)}/29 dev transit{slot}")
        self.router.run(f"ip link set transit{slot} up")
        space.run(f"ip addr add {addressing.transit_egress(pool, slot)}/29 dev transit0")
        space.run("ip link set transit0 up")
        router = addressing.transit_router(pool, slot)
        space.run(f"ip route add {self.config.lan.network} via {router}")
        if destination not in self.egresses:
            for address in (WEB, PUBLIC_DNS):
                space.run(f"ip addr add {address}/32 dev lo")
            ports = (ECHO, 53, 853)
            self.egresses[destination] = Responder(space, destination, ports)

    def detach(self, destination: str) -> None:
        """Take the leg to an egress away."""
        self.router.run(f"ip link del transit{self.slot(destination)}")

    def reconfigure(self, *destinations: str) -> None:
        """Let the configuration have other destinations, as `up` would do it."""
        rest = tuple(d for d in HOME.destinations if d.name in destinations)
        self.config = replace(HOME, destinations=rest, default_destination=destinations[0])
        self.switchboard.settle(self.config, {}, {})
        self.render()
        self.apply()

    def apply(self, *words: str) -> str:
        """Run the router's own program; return what it says on standard error."""
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}/images/common:{ROOT}/images/router",
        }
        program = (
            "import sys, pathlib, router.apply as a;"
            "a.apply_rules.__defaults__ = a.apply_legs.__defaults__ = (pathlib.Path(sys.argv[1]),);"
            "a.LEG_WAIT_S = 1.0;"
            "sys.exit(a.main(sys.argv[2:]))"
        )
        command = [sys.executable, "-c", program, str(self.files / "rendered/router"), *words]
        done = subprocess.run(
            ["ip", "netns", "exec", self.router.name, *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=WAIT_S * 3,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def conntrack(self, device: str | None = None) -> list[str]:
        """Return the router's conntrack entries, or those that a device's address began."""
        listed = self.router.run("conntrack -L").splitlines()
        return [line for line in listed if device in (None, line.split("src=")[1].split()[0])]

    def marks_file(self) -> str:
        return self.volume.read("rendered/router/marks.nft") or ""


@contextlib.contextmanager
def world(files: Path) -> Iterator[World]:
    """Build a world with its rules loaded."""
    with World(files) as built:
        built.apply()
        yield built


def fails_with(error: int, action: Callable[[], object]) -> bool:
    """Say whether `action` raises OSError with the given errno."""
    try:
        action()
    except OSError as raised:
        return raised.errno == error
    return False
