"""Whatever happens in whatever order: a device goes only where somebody chose for it to go.

The life of a home is made up: leases, switches, times, clocks that jump, restarts,
destinations that come, go and are paused, devices that take over from others. Beside it stands a
model that knows nothing but what was chosen, and until when.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import store
from orchestrator.refusal import Refused
from tests.homes import with_destinations
from tests.unit.household import House

DESTINATIONS = ["a", "b", "c"]
MACS = [f"02:00:00:00:00:{n:02x}" for n in range(1, 4)]
macs, destinations = st.sampled_from(MACS), st.sampled_from(DESTINATIONS)
minutes = st.sampled_from([1, 5, 30])
jumps = st.sampled_from([0, 0, 0, -90_000_000, -3000, -30, 30, 3000, 90_000_000])


@dataclass(frozen=True)
class Wish:
    """What somebody chose: for good, and perhaps for a time (destination, end, run, uptime)."""

    choice: str | None = None
    timed: str | None = None
    end: datetime | None = None
    run: str = ""
    uptime: float = 0.0


class HomeLife:
    """A home, and beside it what was chosen in it."""

    def __init__(self, folder: Path) -> None:
        self.there = list(DESTINATIONS)
        self.house = House(folder, with_destinations(*self.there))
        self.wishes: dict[str, Wish] = {}
        self.before: dict[str, tuple[Wish, float]] = {}
        self.lives: dict[int, tuple[str, int]] = {}
        self.changes: dict[str, int] = {}
        self.marks: dict[str, int] = {}

    # --- what people do ---------------------------------------------------------------------

    def lease(self, mac: str, hostname: str) -> None:
        self.house.lease(mac, hostname)
        self.wishes.setdefault(mac, Wish())

    def leave(self, mac: str) -> None:
        if mac in self.house.leases:
            self.house.leave(mac)

    def switch(self, chosen: list[str], destination: str, time: int | None) -> None:
        try:
            self.house.switch(destination, *chosen, minutes=time)
        except Refused:
            assert destination not in self.there or not set(chosen) <= set(self.wishes)
            return
        moment = self.house.moment
        for mac in chosen:
            old = self.wishes[mac]
            if time is None:
                new = Wish(destination)
            elif destination == (old.choice or self.there[0]):
                new = Wish(old.choice)  # it is there for good, so there is nothing to go back to
            else:
                span = timedelta(minutes=time)
                run, end = moment.boot, moment.uptime + time * 60
                new = Wish(old.choice, destination, moment.now + span, run, end)
            if new != old:
                self.before[mac] = (old, moment.uptime)
            self.wishes[mac] = new

    def undo(self, mac: str) -> None:
        try:
            self.house.board.undo(mac)
        except Refused:
            assert not self._can_undo(mac)
            return
        assert self._can_undo(mac)
        wish, _ = self.before.pop(mac)
        self.wishes[mac] = Wish(wish.choice) if self._over(wish) else wish

    def _can_undo(self, mac: str) -> bool:
        wish, when = self.before.get(mac, (Wish(), float("-inf")))
        target = wish.choice if wish.timed is None or self._over(wish) else wish.timed
        return self.house.moment.uptime - when <= 600 and target in (None, *self.there)

    def rename(self, mac: str, name: str) -> None:
        try:
            self.house.identities.rename(mac, name)
        except Refused:
            return

    def take_over(self, new: str, old: str, gone: bool) -> None:
        if gone:
            self.leave(old)
        try:
            self.house.identities.take_over(new, old, self.house.leases, {})
        except Refused:
            return
        assert old not in self.house.leases
        self.wishes[new] = self.wishes.pop(old)
        self.before.pop(new, None)
        self.before.pop(old, None)

    def forget(self, mac: str) -> None:
        self.leave(mac)
        try:
            self.house.identities.forget(mac, self.house.leases, {})
        except Refused:
            return
        del self.wishes[mac]
        self.before.pop(mac, None)

    def pause(self, name: str, pause: bool) -> None:
        if name in self.there:
            self.house.board.pause(name, pause=pause)

    def add_or_remove(self, name: str) -> None:
        if name not in self.there:
            self.there.append(name)
        elif len(self.there) > 1:
            self.there.remove(name)
        self.house.settle(with_destinations(*self.there))

    # --- time -------------------------------------------------------------------------------

    def pass_time(self, seconds: int, jump: int) -> None:
        self.house.later(seconds, clock=seconds + jump)
        self._look()

    def restart(self) -> None:
        self.house.start()
        self.before = {}

    def reboot(self, seconds: int) -> None:
        self.house.reboot(clock=seconds)
        self.before = {}
        self._look()

    def _look(self) -> None:
        for mac, wish in self.wishes.items():
            if self._over(wish):
                self.wishes[mac] = Wish(wish.choice)
                self.before.pop(mac, None)
        self.house.board.go_back()  # where one has ended, the ends of the others wait for this
        moment = self.house.moment
        for mac, wish in self.wishes.items():
            if wish.timed and wish.run == moment.boot and wish.end:
                end = moment.now + timedelta(seconds=wish.uptime - moment.uptime)
                if abs(end - wish.end) > timedelta(minutes=1):
                    self.wishes[mac] = replace(wish, end=end)

    def _over(self, wish: Wish) -> bool:
        moment = self.house.moment
        if wish.timed is None or wish.end is None:
            return False
        if wish.run == moment.boot:
            return moment.uptime >= wish.uptime
        return moment.now >= wish.end

    # --- what always holds ------------------------------------------------------------------

    def check(self) -> None:
        self.every_device_goes_where_it_was_wished()
        assert self.house.remembered() == self.house.board.state
        self.no_mark_lives_twice()

    def every_device_goes_where_it_was_wished(self) -> None:
        state = self.house.board.state
        assert {d.mac for d in state.devices} == set(self.wishes)
        for mac, wish in self.wishes.items():
            wanted = wish.timed or wish.choice or self.there[0]
            lost = wanted not in self.there or wanted in state.paused
            assert self.house.device(mac).active == (None if lost else wanted)

    def no_mark_lives_twice(self) -> None:
        marks = store.live_marks(self.house.board.state)
        for mac in MACS:
            changed = self.marks.get(mac) != marks.get(mac)
            self.changes[mac] = self.changes.get(mac, 0) + changed
        for mac, mark in marks.items():
            life = (mac, self.changes[mac])
            assert self.lives.setdefault(mark, life) == life
        self.marks = marks


Step = tuple[Callable[..., None], tuple[object, ...]]
_names = st.sampled_from(["One", "Two", "Three"])
_crowds = st.lists(macs, min_size=1, max_size=2, unique=True)
STEPS = (
    (9, HomeLife.switch, (_crowds, destinations, st.none() | minutes)),
    (6, HomeLife.pass_time, (st.sampled_from([1, 61, 299, 1800]), jumps)),
    (5, HomeLife.undo, (macs,)),
    (4, HomeLife.take_over, (macs, macs, st.booleans())),
    (1, HomeLife.leave, (macs,)),
    (4, HomeLife.lease, (macs, st.sampled_from(["", "phone"]))),
    (1, HomeLife.rename, (macs, _names)),
    (2, HomeLife.add_or_remove, (destinations,)),
    (1, HomeLife.pause, (destinations, st.booleans())),
    (1, HomeLife.forget, (macs,)),
    (1, HomeLife.restart, ()),
    (1, HomeLife.reboot, (jumps,)),
)
_step = st.sampled_from([step for step in STEPS for _ in range(step[0])]).flatmap(
    lambda step: st.tuples(st.just(step[1]), st.tuples(*step[2]))
)


@pytest.mark.timeout(120)
@settings(max_examples=50, deadline=None)
@given(st.lists(_step, min_size=20, max_size=40))
def test_a_device_goes_only_where_somebody_chose(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # thousands of flushes
        life = HomeLife(Path(folder))
        for mac in MACS:
            life.lease(mac, "phone")
        for act, words in steps:
            act(life, *words)
            life.check()
