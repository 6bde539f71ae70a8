"""The kill switch in a leak test: a destination that is down, by itself or because we took it down.

Everything that the probe sends then must be refused at once, and be seen on no wire. Taking a
destination down is a killed process or an interrupted uplink, so it is back after some seconds,
and how long its devices were without it is part of what the test says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise

from orchestrator.addressing import egress_container
from orchestrator.leaktest import judge
from orchestrator.leaktest.fieldwork import Fieldwork, House
from orchestrator.leaktest.words import Attempt, Judgement, Outcome, Result, Token, Verdict
from orchestrator.model import Destination, Kind
from orchestrator.runtime import takedown
from orchestrator.store import probe_mac

_NOTICED_S = 5.0  # until the egress says that it is down
_BACK_S = 90.0
_TIMES = 2  # a tunnel may be back before it was looked at

Health = Callable[[], Mapping[str, tuple[str, str]]]


class Outages:
    """Judges the kill switch of destinations."""

    def __init__(self, house: House, field: Fieldwork, health: Health) -> None:
        self._house, self._field, self._health = house, field, health

    def as_it_is(self, destination: Destination) -> Judgement:
        """Judge a destination that is down already. Disturbs nobody."""
        tries = self._field.refusable()
        made = self._field.try_all({"down": tries}, None)["down"]
        return judge.killed(self._field.view(destination), made)

    def take_down(self, destination: Destination) -> Judgement:
        """Take a destination down, judge, and wait until it is back."""
        judgement = Judgement(Verdict.UNCHECKED, "it could not be taken down")
        for _ in range(_TIMES):
            judgement, gap = self._once(destination)
            if gap is None or judgement.verdict is not Verdict.UNCHECKED:
                break
        return judgement

    def _once(self, destination: Destination) -> tuple[Judgement, float | None]:
        """Return what was seen, and after how many seconds the destination was back, if it was."""
        with self._field.streaming() as token:
            # Of the outage there has to be a last packet before and a first one behind.
            self._field.wait_for_sightings([token], self._field.view(destination).exit)
            if not self._interrupt(destination):
                return Judgement(Verdict.UNCHECKED, "it could not be taken down"), None
            judgement = self.as_it_is(destination)
            gap = self._wait_until_back(destination, token)
        silent = Outcome(Result.SILENT, 0)
        stream = Attempt("what was sent meanwhile", silent, self._field.watch.sightings(token))
        judgement = judge.strayed(self._field.view(destination), stream) or judgement
        if gap is None:
            text = f"{judgement.evidence}; not back within {_BACK_S:.0f} s"
            leak = judgement.verdict is Verdict.LEAK
            return Judgement(Verdict.LEAK if leak else Verdict.FAILED, text), None
        text = f"{judgement.evidence}; {self._who(destination)} without service for {gap:.1f} s"
        return Judgement(judgement.verdict, text), gap

    def _who(self, destination: Destination) -> str:
        """The devices of a destination in words, besides the probe."""
        state, names = self._house.switchboard.state, self._house.switchboard.names()
        mine = probe_mac(state)
        hit = [
            names[d.mac] for d in state.devices if d.active == destination.name and d.mac != mine
        ]
        return ", ".join(hit) if hit else "no device but the probe"

    def _interrupt(self, destination: Destination) -> bool:
        """Take the way out away and wait until the egress has noticed; False if it does not."""
        container = egress_container(destination.name)
        if destination.kind is Kind.DIRECT:
            interface = self._field.uplinks.get(destination.name)
            if interface is None:
                return False
            takedown.interrupt_uplink(self._house.engine, container, interface)
        else:
            pid = self._house.engine.process(container)
            if pid is None or not takedown.kill_tunnel(pid):
                return False
        deadline = time.monotonic() + _NOTICED_S
        while self._open(destination) and time.monotonic() < deadline:
            self._field.pause(0.02)
        return not self._open(destination)

    def _open(self, destination: Destination) -> bool:
        status = self._field.status(destination.name)
        if status is None:
            return False
        if destination.kind is Kind.DIRECT:
            return status.uplink.state == "up"
        return status.tunnel is not None and status.tunnel.state == "up"

    def _is_well(self, destination: Destination) -> bool:
        state, _ = self._health().get(destination.name, ("gone", ""))
        return state == "ok"

    def _wait_until_back(self, destination: Destination, stream: Token) -> float | None:
        """Return how long (s) nothing of the stream left by the exit; None: it is not back."""
        wire, checked_at = self._field.view(destination).exit, time.monotonic()
        while time.monotonic() < checked_at + _BACK_S:
            self._field.pause(0.1)
            times = self._field.watch.times(stream, wire)
            if times and times[-1] > checked_at and self._is_well(destination):
                return max(after - before for before, after in pairwise(times))
        return None
