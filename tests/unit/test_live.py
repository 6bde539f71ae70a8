"""The history of the live page: what it keeps, and for how many."""

from __future__ import annotations

import pytest

from orchestrator.live import KEPT, Samples, Totals


class _House:
    """A clock and counters that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.totals: Totals | None = Totals()
        self.samples = Samples(self.now)
        self.sample()

    def sample(self) -> None:
        self.samples.add(self.totals, self.now)

    def flow(self, **bytes_down: int) -> None:
        """Let a second pass in which devices receive this much."""
        totals = self.totals or Totals()
        devices = dict(totals.devices)
        for name, count in bytes_down.items():
            down, up = devices.get((name, 1), (0, 0))
            devices[name, 1] = (down + count, up)
        self.totals = Totals(devices, {"direct": (sum(d for d, _ in devices.values()), 0)})
        self.now += 1
        self.sample()

    def down(self, name: str) -> list[float]:
        return [speed["down"] for speed in self.samples.history()["devices"][name]]


@pytest.fixture
def house() -> _House:
    return _House()


def test_two_minutes_are_kept_and_the_newest_is_the_last(house: _House) -> None:
    for number in range(KEPT + 10):
        house.flow(tv=number)
    assert house.down("tv") == list(range(10, KEPT + 10))


def test_who_begins_later_was_silent_before(house: _House) -> None:
    house.flow(tv=5)
    house.flow(tv=6, phone=7)
    assert (house.down("tv"), house.down("phone")) == ([5, 6], [0, 7])


def test_who_was_silent_for_two_minutes_is_forgotten(house: _House) -> None:
    house.flow(tv=5)
    for _ in range(KEPT - 1):
        house.flow(phone=1)
    assert house.down("tv") == [5] + [0] * (KEPT - 1)
    house.flow(phone=1)
    assert house.samples.history()["devices"].keys() == {"phone"}
    assert house.samples.live("")["devices"] == {"phone": {"down": 1, "up": 0}}
    assert house.samples.live("")["destinations"] == {"direct": {"down": 1, "up": 0}}


def test_a_crowd_is_measured_but_no_longer_drawn(house: _House) -> None:
    house.flow(**{f"d{number}": 10 for number in range(300)})
    assert len(house.samples.live("")["devices"]) == 300
    assert len(house.samples.history()["devices"]) == 250


def test_without_counters_there_is_silence_and_no_leap_afterwards(house: _House) -> None:
    house.flow(tv=5)
    kept, house.totals = house.totals, None
    house.sample()
    house.totals = kept
    house.sample()
    house.flow(tv=6)
    assert house.down("tv") == [5, 0, 0, 6]
