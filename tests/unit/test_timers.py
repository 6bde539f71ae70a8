"""The end of a switch for a time, by clocks that stand, jump and change with the season."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.refusal import Refused
from orchestrator.timers import Moment, Timer, after_a_jump, is_over, wanted_timer

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
MOMENT = Moment(NOON, "this run", 1000.0)
BERLIN = ZoneInfo("Europe/Berlin")


def _later(seconds: float, clock: float | None = None) -> Moment:
    """`seconds` of uptime later, when the clock says so many seconds more."""
    shown = seconds if clock is None else clock
    return Moment(NOON + timedelta(seconds=shown), "this run", 1000.0 + seconds)


def _timer(minutes: int | None = None, until: str | None = None) -> Timer:
    timer = wanted_timer(MOMENT, BERLIN, minutes, until)
    assert timer is not None
    return timer


def test_without_a_time_a_switch_is_for_good() -> None:
    assert wanted_timer(MOMENT, BERLIN, None, None) is None


def test_some_minutes_are_measured_by_the_time_that_the_machine_runs() -> None:
    timer = _timer(30)
    assert timer.until == NOON + timedelta(minutes=30)
    for clock in (None, -10_000_000.0, 10_000_000.0):
        assert not is_over(timer, _later(1799, clock))
        assert is_over(timer, _later(1800, clock))


def test_after_a_restart_of_the_machine_the_clock_counts_and_one_that_is_behind_waits() -> None:
    timer = _timer(30)
    booted = Moment(datetime(1970, 1, 1, tzinfo=UTC), "the next run", 5000.0)
    assert not is_over(timer, booted)
    assert not is_over(timer, replace(booted, now=NOON + timedelta(minutes=29)))
    assert is_over(timer, replace(booted, now=NOON + timedelta(minutes=30)))


def test_when_the_clock_is_set_the_end_that_is_shown_moves_with_it() -> None:
    timer = _timer(30)
    assert after_a_jump(timer, _later(600)) == timer
    assert after_a_jump(timer, _later(600, 630)) == timer, "a clock that is a little off"
    moved = after_a_jump(timer, _later(600, 86_400))
    assert moved.until == NOON + timedelta(days=1, minutes=20)
    assert not is_over(moved, Moment(moved.until - timedelta(seconds=1), "the next run", 1.0))
    assert after_a_jump(moved, _later(700, 86_500)) == moved
    elsewhere = Moment(NOON, "the next run", 1.0)
    assert after_a_jump(timer, elsewhere) == timer
    midnight = _timer(until="midnight")
    assert after_a_jump(midnight, _later(600, 86_400)) == midnight


@pytest.mark.parametrize(
    ("now", "zone", "midnight"),
    [
        ("2026-03-28T12:00+00:00", "Europe/Berlin", "2026-03-28T23:00+00:00"),
        ("2026-03-28T23:30+00:00", "Europe/Berlin", "2026-03-29T22:00+00:00"),  # 23 hours
        ("2026-10-24T22:30+00:00", "Europe/Berlin", "2026-10-25T23:00+00:00"),  # 25 hours
        ("2026-03-28T12:00+00:00", "America/New_York", "2026-03-29T04:00+00:00"),
        ("2026-03-07T12:00+00:00", "America/Havana", "2026-03-08T05:00+00:00"),  # none that day
        ("2026-03-28T00:00+00:00", "UTC", "2026-03-29T00:00+00:00"),
    ],
)
def test_midnight_is_that_of_the_home(now: str, zone: str, midnight: str) -> None:
    moment = Moment(datetime.fromisoformat(now), "", 0.0)
    timer = wanted_timer(moment, ZoneInfo(zone), None, " Midnight ")
    assert timer is not None
    assert timer.until == datetime.fromisoformat(midnight)
    assert timer.until.utcoffset() == timedelta(0)


def test_a_time_is_taken_with_its_zone() -> None:
    assert _timer(until="2026-03-28T15:30:00+02:00").until == NOON + timedelta(minutes=90)
    assert _timer(until="2026-03-28T13:30:00Z").until == NOON + timedelta(minutes=90)


@pytest.mark.parametrize(
    ("minutes", "until", "said"),
    [
        (0, None, "0 minutes can't be"),
        (10081, None, "10081 minutes can't be"),
        (5, "midnight", "can't both be"),
        (None, "noon", "'noon' is no time"),
        (None, "", "'' is no time"),
        (None, "2026-03-28T15:30:00", "does not say in which time zone"),
        (None, "2026-03-28", "does not say in which time zone"),
        (None, "2026-03-28T12:00:00Z", "is past"),
        (None, "2026-04-04T12:00:01Z", "is too far ahead"),
        (None, "9999-12-31T23:59:59-23:59", "is no time"),
        (None, "0001-01-01T00:00:00+23:59", "is no time"),
    ],
)
def test_a_time_that_cannot_be(minutes: int | None, until: str | None, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        wanted_timer(MOMENT, BERLIN, minutes, until)
    assert refused.value.hint


@given(st.text(max_size=64))
def test_whatever_is_written_as_a_time_is_taken_or_refused(text: str) -> None:
    try:
        timer = wanted_timer(MOMENT, BERLIN, None, text)
    except Refused:
        return
    assert timer is not None
    assert NOON < timer.until <= NOON + timedelta(days=7)
