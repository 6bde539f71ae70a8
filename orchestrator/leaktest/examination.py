"""The course of one leak test: the probe goes from destination to destination and looks around.

What is tried and watched happens in `fieldwork`, what it means is judged in `judge`; here is
the order of it. At each destination everything that needs no other state is tried side by
side. The connections that a switch has to cut are opened last, just before the next switch.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from orchestrator.desired import router_address
from orchestrator.leaktest import judge
from orchestrator.leaktest.fieldwork import ANY_RESOLVER, Fieldwork, House
from orchestrator.leaktest.outage import Outages
from orchestrator.leaktest.words import Attempt, Finding, Judgement, Verdict, View
from orchestrator.model import Destination, Kind, Receipt
from orchestrator.runtime import attempts
from orchestrator.runtime.attempts import NoAnswer
from orchestrator.runtime.probe import Offer, speaks_version6

HOME = ""  # the destination of findings that concern the home network itself
NO_SERVICE = "no address service is configured (address_service in router.yaml)"
NO_VERSION_6 = "the kernel of this machine has none"
_SERVICE_S = 5.0
_TOLD_S = 2.0  # how long an idle connection may wait for its reset
_OFFER_S = 1.0  # RFC 4861 lets a router wait half a second with its answer
SKIPPED = ("packets", "address outside", "DNS", "hard-coded DNS", "DNS over TLS", "IPv6")

Health = Callable[[], Mapping[str, tuple[str, str]]]
Emit = Callable[[Finding], None]


@dataclass(slots=True)
class _OldOnes:
    """What was open at a destination when the probe left it. Without `connection`: `why` not."""

    view: View
    flow: socket.socket
    before: Attempt
    connection: socket.socket | None
    why: str

    def close(self) -> None:
        self.flow.close()
        if self.connection is not None:
            self.connection.close()


class Examination:
    """One run over some destinations. `health` returns {destination: (state, message)}."""

    def __init__(self, house: House, field: Fieldwork, health: Health, emit: Emit) -> None:
        self._house, self._field, self._health, self._emit = house, field, health, emit
        self._direct: dict[str, IPv4Address] = {}
        self._old: _OldOnes | None = None
        self._outages = Outages(house, field, health)

    def run(self, mac: str, wanted: tuple[str, ...], *, disruptive: bool) -> None:
        """Examine `wanted`; the probe is `mac`, admitted where `starting_point` says.

        Raises ProbeFailed, and what the engine and the switchboard raise.
        """
        self._lease(self._field.join())
        self._field.look()
        self._offered_version6()
        order = in_order(self._house.config.destinations, wanted)
        start = starting_point(self._house.config.destinations, wanted)
        if start.kind is Kind.DIRECT and start.name not in wanted:
            self._compare_with(start)
        at = start.name
        try:
            for destination in order:
                self._move(mac, at, destination)
                at = destination.name
                self._examine(destination, disruptive=disruptive)
            last = _another(self._house.config.destinations, at)
            if last is not None:
                self._leave(mac, at, last)
        finally:
            if self._old is not None:
                self._old.close()

    # --- the home network --------------------------------------------------------------------

    def _lease(self, offer: Offer) -> None:
        router = router_address(self._house.config)
        told = f"{offer.address.ip} after {offer.milliseconds:.0f} ms"
        named = {*offer.routers, *offer.dns}
        if named == {router}:
            text = f"{told}; router and DNS server are {router}"
            self._say(HOME, "lease", Judgement(Verdict.OK, text))
        else:
            others = ", ".join(sorted(map(str, named - {router})))
            text = f"{told}, but it names {others or 'no DNS server'} besides {router}"
            self._say(HOME, "lease", Judgement(Verdict.LEAK, text))

    def _offered_version6(self) -> None:
        if not speaks_version6():
            self._say(HOME, "IPv6 offered", Judgement(Verdict.OK, NO_VERSION_6))
            return
        try:
            offering = self._field.probe.solicit(_OFFER_S)
        except OSError as error:
            text = f"could not be asked for: {error.strerror}"
            self._say(HOME, "IPv6 offered", Judgement(Verdict.UNCHECKED, text))
            return
        if offering:
            text = f"{', '.join(offering)} offers it: devices may leave that way, past Manyways"
            self._say(HOME, "IPv6 offered", Judgement(Verdict.LEAK, text))
        else:
            text = "nobody answered a router solicitation"
            self._say(HOME, "IPv6 offered", Judgement(Verdict.OK, text))

    # --- from destination to destination -----------------------------------------------------

    def _move(self, mac: str, at: str, destination: Destination) -> None:
        if at == destination.name:
            text = "there is no other destination to come from"
            self._say(destination.name, "switch", Judgement(Verdict.UNCHECKED, text))
            self._field.look()
            return
        receipt = self._leave(mac, at, destination.name)
        text = f"from {at}; {judge.cut(receipt)}"
        self._say(destination.name, "switch", Judgement(Verdict.OK, text))

    def _leave(self, mac: str, at: str, to: str) -> Receipt:
        """Switch the probe, and look what became of the connections that it had."""
        receipt = self._house.switchboard.assign(mac, to)
        old, self._old = self._old, None
        if old is not None:
            with contextlib.closing(old):
                self._old_connection(old, at, to)
                self._old_flow(old, at, to)
        self._field.look()
        return receipt

    def _old_connection(self, old: _OldOnes, at: str, to: str) -> None:
        check = "old TCP connection"
        if old.connection is None:
            by_choice = old.why == NO_SERVICE
            self._say(at, check, Judgement(Verdict.UNCHECKED, old.why, by_choice))
            return
        token = self._field.token()
        outcome = attempts.still_open(old.connection, token.text.encode(), _TOLD_S)
        after = Attempt("TCP", outcome, self._field.watch.sightings(token))
        self._say(at, check, judge.old_connection(to, after))

    def _old_flow(self, old: _OldOnes, at: str, to: str) -> None:
        after = self._field.try_one(self._field.on_flow(old.flow))
        self._say(at, "old UDP flow", judge.old_flow(old.view, to, after, old.before))

    # --- one destination ---------------------------------------------------------------------

    def _examine(self, destination: Destination, *, disruptive: bool) -> None:
        name = destination.name
        state, message = self._health().get(name, ("gone", "it is no longer configured"))
        if state not in ("ok", "degraded"):
            brief = f"{name} is {state}"
            why = f"{brief}: {message}" if message else brief
            for check in SKIPPED:
                self._say(name, check, Judgement(Verdict.UNCHECKED, why))
                why = brief  # once is enough
            self._say(name, "kill switch", self._outages.as_it_is(destination))
            for check in ("old TCP connection", "old UDP flow"):
                self._say(name, check, Judgement(Verdict.UNCHECKED, why))
            return
        self._open_wires(destination)
        if disruptive:
            judgement = self._outages.take_down(destination)
        else:
            judgement = Judgement(Verdict.UNCHECKED, "needs --disruptive", by_choice=True)
        self._say(name, "kill switch", judgement)
        self._old = self._open_old_ones(destination)

    def _open_wires(self, destination: Destination) -> None:
        field, view = self._field, self._field.view(destination)
        tries = {
            "packets": field.packets(),
            "DNS": field.questions(),
            "hard-coded DNS": field.hard_coded(),
            "DNS over TLS": field.over_tls(),
            "IPv6": field.version6() if speaks_version6() else [],
        }
        made = field.try_all(tries, view.exit)
        view = field.view(destination)
        self._say(destination.name, "packets", judge.left_by_exit(view, made["packets"]))
        self._say(destination.name, "address outside", self._outside(destination))
        self._say(destination.name, "DNS", judge.asked_resolver(view, made["DNS"]))
        hard_coded = judge.asked_resolver(view, made["hard-coded DNS"])
        self._say(destination.name, "hard-coded DNS", hard_coded, f"to {ANY_RESOLVER}: ")
        self._say(destination.name, "DNS over TLS", judge.refused(view, made["DNS over TLS"]))
        without = Judgement(Verdict.OK, NO_VERSION_6)
        version6 = judge.version6(view, made["IPv6"]) if made["IPv6"] else without
        self._say(destination.name, "IPv6", version6)

    def _outside(self, destination: Destination) -> Judgement:
        if self._house.config.address_service is None:
            return Judgement(Verdict.UNCHECKED, NO_SERVICE, by_choice=True)
        try:
            answer = self._ask_service()
        except NoAnswer as error:
            return Judgement(Verdict.FAILED, str(error))
        tunnel = destination.kind is not Kind.DIRECT
        judgement = judge.outside_address(answer, self._direct, tunnel=tunnel)
        if not tunnel and judgement.verdict is Verdict.OK:
            self._direct[destination.name] = IPv4Address(answer.strip())
        return judgement

    def _compare_with(self, direct: Destination) -> None:
        """Learn the address of a direct destination that nobody asked about."""
        if self._house.config.address_service is not None:
            with contextlib.suppress(NoAnswer, ValueError):
                self._direct[direct.name] = IPv4Address(self._ask_service().strip())

    def _ask_service(self) -> str:
        with contextlib.closing(self._connect_service()) as connection:
            return attempts.fetch(connection, self._house.config.address_service or "", _SERVICE_S)

    def _connect_service(self) -> socket.socket:
        """Open a connection to the address service. Raises NoAnswer."""
        parts = urlsplit(self._house.config.address_service or "")
        opener, router = self._field.probe.open, router_address(self._house.config)
        address = attempts.resolve(opener, router, parts.hostname or "", _SERVICE_S)
        self._field.watch.also(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return attempts.connect(opener, address, port, _SERVICE_S)

    def _open_old_ones(self, destination: Destination) -> _OldOnes:
        view = self._field.view(destination)
        flow = self._field.probe.open(socket.AF_INET, socket.SOCK_DGRAM)
        before = self._field.try_one(self._field.on_flow(flow), view.exit)
        connection, why = None, ""
        if self._house.config.address_service is None:
            why = NO_SERVICE
        else:
            try:
                connection = self._connect_service()
            except NoAnswer as error:
                why = str(error)
        return _OldOnes(view, flow, before, connection, why)

    def _say(self, destination: str, check: str, judgement: Judgement, before: str = "") -> None:
        self._emit(
            Finding(
                destination,
                check,
                judgement.verdict,
                before + judgement.evidence,
                judgement.by_choice,
            )
        )


def in_order(every: tuple[Destination, ...], wanted: tuple[str, ...]) -> list[Destination]:
    """Return the wanted destinations, direct ones first: the others are compared with them."""
    chosen = [d for d in every if d.name in wanted]
    return sorted(chosen, key=lambda d: d.kind is not Kind.DIRECT)


def starting_point(every: tuple[Destination, ...], wanted: tuple[str, ...]) -> Destination:
    """Return where the probe is admitted: elsewhere, so that each destination has its switch.

    A direct one is best, because its address outside can be compared with.
    """
    first = in_order(every, wanted)[0]
    others = [d for d in every if d is not first]
    return min(others, key=lambda d: d.kind is not Kind.DIRECT, default=first)


def _another(every: tuple[Destination, ...], at: str) -> str | None:
    return next((d.name for d in every if d.name != at), None)
