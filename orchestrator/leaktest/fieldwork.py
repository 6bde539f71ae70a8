"""The leak test's hands and eyes together: send something from the probe, see where it went.

Every attempt has a token of its own, so that attempts can run side by side and still be told
apart on the wires. Packets that need no answer go to addresses for documentation (RFC 5737),
which nobody has, and names are asked for below `.invalid` (RFC 6761): nobody is disturbed, and
nobody learns of the test.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from orchestrator import addressing, health, segment
from orchestrator.addressing import Side, egress_container, mac_address
from orchestrator.desired import ROUTER, router_address, status_file
from orchestrator.leaktest.words import (
    ICMP,
    TCP,
    TRANSIT,
    TUNNEL,
    UDP,
    UPLINK,
    Attempt,
    Outcome,
    Token,
    View,
    Wire,
)
from orchestrator.model import Config, Destination, Kind
from orchestrator.runtime import attempts
from orchestrator.runtime.engine import Engine
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.runtime.probe import FAR6, Offer, Probe
from orchestrator.runtime.volume import Volume
from orchestrator.runtime.watch import Leg, Watch
from orchestrator.switch import Switchboard

FAR, ANY_RESOLVER = IPv4Address("203.0.113.80"), IPv4Address("203.0.113.53")
_DNS_OVER_TLS, _FLOW_PORT = 853, 19_999
_ANSWER_S = 3.0  # a resolver that has to ask further
_REFUSAL_S = 1.5  # longer than "at once"
_STREAM_S = 0.02
_ONE_WAY_S = 0.3  # nobody will answer
_SEEN_WITHIN_S = 2.0
_STRAY_S = 0.15  # how much later a packet may be seen on a wire where it should not be
_AT_ONCE = 16
_LEAVING = ("packets", "DNS", "hard-coded DNS")  # groups of attempts that shall leave by the exit


@dataclass(frozen=True, slots=True)
class House:
    """What a leak test works with. `image` is that of an egress, by name."""

    config: Config
    engine: Engine
    volume: Volume
    switchboard: Switchboard
    image: str


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt to be made: what it is in words, how its packets are known, and the act."""

    what: str
    token: Token
    act: Callable[[], Outcome]


class Fieldwork:
    """The probe in the home network, and the watch on all wires."""

    def __init__(self, house: House, probe: Probe, pause: Callable[[float], None]) -> None:
        """`pause` waits, and raises when the test shall end."""
        self._house = house
        self.probe = probe
        self.pause = pause
        self._prefix = f"mw{secrets.token_hex(4)}"
        self._numbers = itertools.count(1)
        self._router = router_address(house.config)
        self._blind: tuple[str, ...] = ()
        self._lost = 0
        self.uplinks: dict[str, str] = {}
        self.watch = Watch(self._prefix, (FAR, ANY_RESOLVER))
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="attempt")

    def close(self) -> None:
        """End the watch and leave the probe."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.watch.close()
        self.probe.close()

    def join(self) -> Offer:
        """Make the probe a device of the home. Raises ProbeFailed."""
        state = self._house.switchboard.state
        mac = mac_address(state.install, Side.LEAKTEST_LAN)
        self.probe.join(segment.carrier(self._house.config), mac)
        offer = self.probe.wait_for_lease(lambda: self.pause(0.0))
        self.probe.use(offer, mac_address(state.install, Side.ROUTER_LAN))
        return offer

    # --- eyes --------------------------------------------------------------------------------

    def look(self) -> None:
        """Watch everything that runs now, anew; forget what was seen. Raises EngineFailed."""
        blind = []
        for owner, pid in self._running():
            try:
                self.watch.attach(owner, pid, partial(self._wires, owner))
            except (NamespaceGone, OSError) as error:
                blind.append(f"{owner} could not be watched ({error})")
        self._blind = tuple(blind)
        self.watch.forget()
        self.watch.lost()
        self._lost = 0

    def _running(self) -> Iterator[tuple[str, int]]:
        """Yield who has wires, and its process. What does not run has none."""
        destinations = self._house.config.destinations
        containers = {"router": ROUTER} | {d.name: egress_container(d.name) for d in destinations}
        for owner, container in containers.items():
            pid = self._house.engine.process(container)
            if pid is not None:
                yield owner, pid

    def _unwatched(self) -> Iterator[str]:
        """Say what was not watched all the time since `look`."""
        yield from self._blind
        self._lost += self.watch.lost()
        if self._lost:
            yield f"{self._lost} packets could not be looked at"
        for owner, pid in self._running():
            if not self.watch.sees(owner, pid):
                yield f"{owner} was not watched all the time"

    def _wires(self, owner: str, legs: Sequence[Leg]) -> Mapping[str, Wire | None]:
        state, config = self._house.switchboard.state, self._house.config
        names: dict[str, Wire | None] = {"lo": None}
        if owner == "router":
            pool, lan_mac = config.transit_pool, mac_address(state.install, Side.ROUTER_LAN)
            transits = {addressing.transit_router(pool, n): d for d, n in state.slots.items()}
            for leg in legs:
                if leg.mac == lan_mac:
                    names[leg.name] = None
                for address in leg.addresses:
                    if address in transits:
                        names[leg.name] = Wire(transits[address], TRANSIT)
            return names
        slot = state.slots[owner]
        for leg in legs:
            if leg.mac == mac_address(state.install, Side.EGRESS_TRANSIT, slot):
                names[leg.name] = None  # the router's end of it is watched
            elif leg.mac == mac_address(state.install, Side.EGRESS_UPLINK, slot):
                names[leg.name] = Wire(owner, UPLINK)
                self.uplinks[owner] = leg.name
        destination = config.destination(owner)
        if destination is not None and destination.kind is not Kind.DIRECT:
            names[TUNNEL] = Wire(owner, TUNNEL)
        return names

    def view(self, destination: Destination) -> View:
        """Return from where attempts at a destination are judged, as of now."""
        status = self.status(destination.name)
        servers = status.dns.servers if status else ()
        return View(
            destination.name,
            Wire(destination.name, UPLINK if destination.kind is Kind.DIRECT else TUNNEL),
            self.watch.wires(),
            tuple(self._unwatched()),
            tuple(map(IPv4Address, servers)),
        )

    def status(self, destination: str) -> health.EgressStatus | None:
        """Return what an egress says of itself."""
        return health.parse_egress_status(self._house.volume.read(status_file(destination)))

    # --- hands -------------------------------------------------------------------------------

    def try_all(
        self, tries: Mapping[str, Sequence[Try]], exit_wire: Wire | None
    ) -> dict[str, list[Attempt]]:
        """Make all attempts side by side and return, by group, what came of them.

        With `exit_wire`, sightings there are waited for, but only for what can be seen there.
        """
        running = {
            group: [(one, self._pool.submit(one.act)) for one in ones]
            for group, ones in tries.items()
        }
        outcomes = {
            group: [(one, future.result()) for one, future in ones]
            for group, ones in running.items()
        }
        if exit_wire is not None:
            leaving = (one for group in _LEAVING for one in tries.get(group, ()))
            self.wait_for_sightings([one.token for one in leaving], exit_wire)
        self.pause(_STRAY_S)
        return {
            group: [
                Attempt(one.what, outcome, self.watch.sightings(one.token)) for one, outcome in ones
            ]
            for group, ones in outcomes.items()
        }

    def try_one(self, one: Try, exit_wire: Wire | None = None) -> Attempt:
        """Make one attempt and return what came of it."""
        (made,) = self.try_all({"packets": [one]}, exit_wire)["packets"]
        return made

    def wait_for_sightings(self, tokens: Sequence[Token], wire: Wire) -> None:
        """Wait until packets of all these attempts were seen on a wire; not for ever."""
        deadline = time.monotonic() + _SEEN_WITHIN_S
        missing = list(tokens)
        while missing and time.monotonic() < deadline:
            self.pause(0.02)
            missing = [t for t in missing if wire not in self._seen_on(t)]

    def _seen_on(self, token: Token) -> set[Wire]:
        return {sighting.wire for sighting in self.watch.sightings(token)}

    def token(
        self,
        protocol: int = 0,
        target: IPv4Address | IPv6Address | None = None,
        port: int = 0,
    ) -> Token:
        """Return a token that no attempt had before."""
        return Token(f"{self._prefix}{next(self._numbers):04x}", protocol, target, port)

    def packets(self, seconds: float = _ONE_WAY_S) -> list[Try]:
        """A datagram, the beginning of a TCP connection, and a ping, to where nobody is."""
        opener, port = self.probe.open, 20_000 + next(self._numbers)
        datagram, syn = self.token(UDP, FAR, port), self.token(TCP, FAR, port)
        echo, far = self.token(ICMP), str(FAR)
        return [
            Try(
                "UDP",
                datagram,
                lambda: attempts.udp(opener, far, port, _bytes(datagram), seconds),
            ),
            Try("TCP", syn, lambda: attempts.tcp(opener, far, port, seconds)),
            Try("ICMP", echo, lambda: attempts.ping(opener, FAR, _bytes(echo), seconds)),
        ]

    def on_flow(self, flow: socket.socket) -> Try:
        """A datagram of a socket that is kept: always between the same two ports."""
        token = self.token()
        return Try(
            "UDP",
            token,
            lambda: attempts.send(flow, str(FAR), _FLOW_PORT, _bytes(token), _ONE_WAY_S),
        )

    @contextlib.contextmanager
    def streaming(self) -> Iterator[Token]:
        """Have datagrams sent without a pause meanwhile; yields how they are known."""
        token, ended = self.token(), threading.Event()

        def stream() -> None:
            with self.probe.open(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                while not ended.wait(_STREAM_S):
                    with contextlib.suppress(OSError):  # a refusal of the one before
                        sender.sendto(_bytes(token), (str(FAR), _FLOW_PORT))

        running = self._pool.submit(stream)
        try:
            yield token
        finally:
            ended.set()
            running.result()

    def refusable(self) -> list[Try]:
        """What must be refused while a destination is down: packets, and a DNS query."""
        (query,) = self.questions()
        return [*self.packets(_REFUSAL_S), query]

    def questions(self) -> list[Try]:
        """A name asked at the router, as devices do."""
        return [self._question("the query", self._router, by_tcp=False)]

    def hard_coded(self) -> list[Try]:
        """A name asked at a server of the device's own choice."""
        return [
            self._question("the UDP query", ANY_RESOLVER, by_tcp=False),
            self._question("the TCP query", ANY_RESOLVER, by_tcp=True),
        ]

    def _question(self, what: str, server: IPv4Address, *, by_tcp: bool) -> Try:
        token = self.token()
        name = f"{token.text}.invalid"
        return Try(
            what,
            token,
            lambda: attempts.ask(self.probe.open, server, name, _ANSWER_S, by_tcp=by_tcp),
        )

    def over_tls(self) -> list[Try]:
        """DNS over TLS, and its kind over UDP, to a server of the device's own choice."""
        return self._refusals(ANY_RESOLVER, _DNS_OVER_TLS)

    def version6(self) -> list[Try]:
        """IPv6 sent to the router by a device that has made up an address."""
        port = 20_000 + next(self._numbers)
        return self._refusals(IPv6Address(FAR6) + port, port)

    def _refusals(self, far: IPv4Address | IPv6Address, port: int) -> list[Try]:
        """What has to be refused, by TCP and by UDP."""
        opener, address = self.probe.open, str(far)
        syn, datagram = self.token(TCP, far, port), self.token(UDP, far, port)
        return [
            Try("TCP", syn, lambda: attempts.tcp(opener, address, port, _REFUSAL_S)),
            Try(
                "UDP",
                datagram,
                lambda: attempts.udp(opener, address, port, _bytes(datagram), _REFUSAL_S),
            ),
        ]


def _bytes(token: Token) -> bytes:
    return token.text.encode()
