"""Hands and eyes in the simulated home: run things there, watch its wires, read its resolvers.

Every wait has a bound and a name, every capture says when it listens, so that a test neither
sleeps nor looks too early.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "compose" / "home" / "demo"
IMAGE = "manyways/home:dev"
LABEL = "io.manyways.home=1"  # `demo down` removes whatever carries it
DEVICES = ("tv", "laptop", "phone")
MACHINES = ("house", "internet", "resolver", "vpn-uk", "vpn-de", *DEVICES, "forwarder")
# Which machine asks whom: place -> (machine, log), for queries().
RESOLVERS = {
    "house": "house",
    "isp": "resolver",
    "public": "resolver",
    "uk": "vpn-uk",
    "de": "vpn-de",
}
PUBLIC_ADDRESS = {"direct": "198.51.100.2", "uk": "198.51.100.10", "de": "198.51.100.20"}
WEB = "http://198.51.100.80"

T = TypeVar("T")
Done = subprocess.CompletedProcess[str]


def host(*command: str, timeout: float = 30.0) -> Done:
    """Run a program on the host; the outcome may be bad."""
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def docker(*arguments: str, timeout: float = 60.0) -> str:
    """Return what `docker ARGUMENTS` printed. Raises AssertionError with its error text."""
    done = host("docker", *arguments, timeout=timeout)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr.strip()}"
    return done.stdout


def attempt(machine: str, *command: str, timeout: float = 30.0) -> Done:
    """Run a command in home-MACHINE (or a container of that very name); it may fail."""
    return host("docker", "exec", _container(machine), *command, timeout=timeout)


def run(machine: str, *command: str, timeout: float = 30.0) -> str:
    """Run a command in home-MACHINE and return its output. Raises AssertionError if it fails."""
    done = attempt(machine, *command, timeout=timeout)
    assert done.returncode == 0, f"{machine}: {command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def _container(machine: str) -> str:
    return f"home-{machine}" if machine in MACHINES else machine


def wait_for(what: str, condition: Callable[[], T], seconds: float = 30.0) -> T:
    """Return the first true value of `condition()`.

    An AssertionError or a timeout inside counts as "not yet". Raises AssertionError, naming
    `what` and the last answer, when `seconds` have passed.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            if value := condition():
                return value
            last = value
        except (AssertionError, subprocess.TimeoutExpired) as error:
            last = error
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s; last: {last}"
        time.sleep(0.1)


def seen_as(machine: str) -> str:
    """Return the public address that a machine's web request comes from. AssertionError: none."""
    return run(machine, "curl", "--silent", "--show-error", "--max-time", "5", f"{WEB}/ip")


def address(machine: str) -> str:
    """Return the IPv4 address of a machine's only leg; "" if it has none."""
    listing = run(machine, "ip", "-4", "-oneline", "address", "show", "scope", "global")
    found = re.search(r"inet ([\d.]+)/", listing)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Query:
    """One line of a resolver's log."""

    kind: str  # A, AAAA, TXT…
    name: str
    client: str


def queries(place: str) -> list[Query]:
    """Return all that the resolver at `place` (see RESOLVERS) was asked since it started."""
    log = attempt(RESOLVERS[place], "cat", f"/var/log/queries/{place}.log").stdout
    return [Query(*found) for found in re.findall(r"query\[(\w+)\] (\S+) from (\S+)", log)]


def asked(name: str) -> dict[str, list[Query]]:
    """Return, for each place where `name` was asked for, the queries. Use with unique()."""
    found = {p: [q for q in queries(p) if q.name.lower() == name.lower()] for p in RESOLVERS}
    return {place: those for place, those in found.items() if those}


def unique(domain: str = "where.test") -> str:
    """Return a name that nobody asked for before; where.test answers differ per place."""
    return f"x{secrets.token_hex(4)}.{domain}"


class Capture:
    """tcpdump on an interface of the host ("any": all of them), from `with` on.

    With `pid` it watches the network namespace of that process instead; with `macs` each line
    begins with the link's own addresses.

    Packets appear in lines() in their order on the wire: send a marker after what must *not* be
    there, wait for the marker, and the absence means something.
    """

    def __init__(
        self, interface: str, expression: str, *, pid: str = "", macs: bool = False
    ) -> None:
        enter = ("nsenter", "--net", "--target", pid) if pid else ()
        # Without a length for a packet there is room for eight of them, and the rest is lost.
        room = ("-s", "2048", "-B", "8192")
        self._command = (*enter, "tcpdump", "-n", "-U", "--immediate-mode", "-Z", "root", *room)
        # Numbers of interfaces have names in their own namespace only, so it is read there, too.
        self._read = (*enter, "tcpdump", "-n", "-t", *(("-e",) if macs else ()))
        self._interface = interface
        self._expression = expression

    def __enter__(self) -> Capture:
        self._stack = contextlib.ExitStack()
        directory = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._file = f"{directory}/capture"
        self._process = subprocess.Popen(
            (*self._command, "-i", self._interface, "-w", self._file, self._expression),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "listening on" in line:
                return self
        self.__exit__()
        raise AssertionError(f"tcpdump does not listen on {self._interface}: {''.join(said)}")

    def __exit__(self, kind: object = None, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        said = self._process.communicate(timeout=10)[1]
        self._stack.close()
        lost = re.search(r"(\d+) packets? dropped by kernel", said)
        assert kind or not lost or lost[1] == "0", f"{self._interface}: {said}"

    def lines(self) -> list[str]:
        """Return one line per packet so far; with "any", it begins with the interface's name."""
        done = host(*self._read, "-r", self._file)
        return done.stdout.splitlines()


@contextlib.contextmanager
def guest(network: str, *options: str, command: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the name of a throw-away machine of the home's image on a Docker network.

    `options` go to `docker run`; without `command` it idles, for attempt() and run().
    """
    name = f"home-guest-{secrets.token_hex(3)}"
    entrypoint, *rest = command or ("sleep", "infinity")
    docker(
        *("run", "--detach", "--init", "--name", name, "--label", LABEL, "--network", network),
        *("--cap-drop=ALL", "--cap-add=NET_ADMIN", "--cap-add=NET_RAW", "--tmpfs=/run"),
        *("--cap-add=NET_BIND_SERVICE", "--dns=192.168.77.1", *options),
        *("--entrypoint", entrypoint, IMAGE, *rest),
    )
    try:
        yield name
    finally:
        host("docker", "rm", "--force", "--volumes", name)


def up() -> None:
    """Start the simulated home (without the router) unless it runs."""
    done = host(str(DEMO), "home-up", timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr


def down() -> None:
    """Remove the simulated home."""
    done = host(str(DEMO), "home-down", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Have the home running meanwhile; one that ran before, with a router or not, stays."""
    ran_before = "home-house" in docker("ps", "--format", "{{.Names}}").split()
    up()
    try:
        yield
    finally:
        if not ran_before:
            down()
