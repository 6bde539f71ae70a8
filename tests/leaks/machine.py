"""The state machine that draws the events: hypothesis chooses which, to whom and in which order.

One run of the machine is a burst of events without rest in between, so that one meets the
half-repaired damage of another; its end mends everything, and then the router has to be right
again by itself. The world goes on from burst to burst.

Hypothesis draws, but does not shrink: an event takes a second, and the moment between two events
matters as much as their order, so a shrunk sequence would rarely fail again. For the same reason
a finding is kept instead of raised: hypothesis would replay it, and call it flaky. What makes it
useful is its evidence: captures, the history of assignments, and the events with their times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.containers import home
from tests.leaks.events import configuration, containers, outside, switching
from tests.leaks.ground import DESTINATIONS, VPNS, Ground

BURST = 10  # events

_DEVICE = st.sampled_from(home.DEVICES)
_DESTINATION = st.integers(0, 3)  # among those that there are at that moment
_KNOWN = st.sampled_from(DESTINATIONS)
_EXTRA = st.sampled_from(configuration.EXTRAS)


class Course(Protocol):
    """What a search does with each event; see search.py.

    `heavy`: events that take the machine half a minute may be drawn, too.
    """

    ground: Ground
    heavy: bool

    def happen(self, event: Callable[[], str | None]) -> None:
        """Let an event happen and judge the world after it, unless there was a finding."""

    def rest(self) -> None:
        """Mend everything and wait until all is well, unless there was a finding."""


class LeakSearch(RuleBasedStateMachine):
    """One burst. `course` is set by the search that runs it."""

    course: ClassVar[Course]

    def __init__(self) -> None:
        super().__init__()
        self._had: set[str] = set()

    def _happen(self, event: Callable[[], str | None]) -> None:
        self.course.happen(event)

    def _once(self, kind: str, event: Callable[[], str | None]) -> None:
        """Let what takes long, or is soon no news, happen once in a burst."""
        if kind not in self._had:
            self._had.add(kind)
            self.course.happen(event)

    def _pick(self, number: int) -> str:
        there = self.course.ground.destinations()
        return there[number % len(there)]

    def teardown(self) -> None:
        """Rest; hypothesis calls it after each burst."""
        self.course.rest()

    @rule(device=_DEVICE, number=_DESTINATION)
    def switch(self, device: str, number: int) -> None:
        ground = self.course.ground
        self._happen(lambda: switching.switch(ground, device, self._pick(number)))

    @rule(numbers=st.tuples(_DESTINATION, _DESTINATION, _DESTINATION))
    def switch_all(self, numbers: tuple[int, ...]) -> None:
        ground = self.course.ground
        for device, number in zip(home.DEVICES, numbers, strict=True):
            self._happen(
                lambda d=device, n=number: switching.switch(ground, d, self._pick(n))  # type: ignore[misc]
            )

    @rule(device=_DEVICE, order=st.permutations(DESTINATIONS))
    def back_and_forth(self, device: str, order: list[str]) -> None:
        ground = self.course.ground
        self._happen(lambda: switching.back_and_forth(ground, device, order))

    @rule(device=_DEVICE, number=_DESTINATION, after=st.floats(0, 0.03))
    def kill_in_a_switch(self, device: str, number: int, after: float) -> None:
        ground = self.course.ground
        self._happen(lambda: switching.kill_in_a_switch(ground, device, self._pick(number), after))

    @rule(device=_DEVICE)
    def flood(self, device: str) -> None:
        self._once("flood", lambda: switching.flood(self.course.ground, device, 10_000))

    @rule(destination=_KNOWN, how=st.sampled_from(containers.WAYS))
    def break_egress(self, destination: str, how: str) -> None:
        name = f"manyways-egress-{destination}"
        self._happen(lambda: containers.break_container(self.course.ground, name, how))

    @rule(name=st.sampled_from(containers.SERVICES), how=st.sampled_from(containers.WAYS))
    def break_container(self, name: str, how: str) -> None:
        self._happen(lambda: containers.break_container(self.course.ground, name, how))

    @rule(how=st.sampled_from(("crash", "pause", "crash", "pause", "restart")))
    def break_orchestrator(self, how: str) -> None:
        self._happen(lambda: containers.break_orchestrator(self.course.ground, how))

    @rule(order=st.integers(0, 10_000))
    def start_from_nothing(self, order: int) -> None:
        self._once("nothing", lambda: containers.start_from_nothing(self.course.ground, order))

    @precondition(lambda self: self.course.heavy)
    @rule()
    def restart_engine(self) -> None:
        self._once("engine", lambda: containers.restart_engine(self.course.ground))

    @precondition(lambda self: self.course.heavy)
    @rule(device=_DEVICE)
    def fill_connections(self, device: str) -> None:
        self._once("fill", lambda: switching.fill_connections(self.course.ground, device))

    @rule()
    def pull_uplink(self) -> None:
        self._happen(lambda: containers.pull_uplink(self.course.ground))

    @rule(place=st.sampled_from(VPNS), how=st.sampled_from(outside.WAYS))
    def break_provider(self, place: str, how: str) -> None:
        self._happen(lambda: outside.break_provider(self.course.ground, place, how))

    @rule(destination=_KNOWN)
    def renumber(self, destination: str) -> None:
        self._once("renumber", lambda: outside.renumber(self.course.ground, destination))

    @rule(extra=_EXTRA)
    def change_configuration(self, extra: str) -> None:
        self._happen(lambda: configuration.change(self.course.ground, extra))

    @rule(destination=_KNOWN)
    def pause(self, destination: str) -> None:
        self._happen(lambda: configuration.pause(self.course.ground, destination))

    @rule(destination=_KNOWN)
    def resume(self, destination: str) -> None:
        self._happen(lambda: configuration.resume(self.course.ground, destination))

    @rule()
    def load_mistakes(self) -> None:
        self._once("mistakes", lambda: configuration.load_mistakes(self.course.ground))

    @rule(extra=_EXTRA, after=st.floats(0, 0.5))
    def kill_in_an_apply(self, extra: str, after: float) -> None:
        self._once(
            "apply", lambda: configuration.kill_in_an_apply(self.course.ground, extra, after)
        )

    @rule(number=st.integers(0, 10))
    def mend_one(self, number: int) -> None:
        self._happen(lambda: mend_one(self.course.ground, number))


def mend_one(ground: Ground, number: int) -> str | None:
    """Undo one of the things that are broken, while the others still are."""
    names = sorted(name for name, broken in ground.broken.items() if broken.undo)
    if not names:
        return None
    name = names[number % len(names)]
    ground.mend(name)
    return f"mend {name}"
