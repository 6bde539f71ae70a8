"""What goes into the activity by itself: seldom enough to be worth reading."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.noticing import (
    DAY_S,
    FIRST_S,
    HOUR_S,
    SETTLE_S,
    DestinationNotice,
    RefusalNotice,
)

TV = "02:00:00:00:00:01"


class Log:
    """What happened, and the clock."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.now = 1000.0

    def __call__(self, kind: str, **fields: Any) -> None:
        self.events.append((kind, fields))

    def clock(self) -> float:
        return self.now

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def notice(log: Log) -> DestinationNotice:
    """A minute after the start."""
    made = DestinationNotice(log, {}, log.clock)
    log.now += FIRST_S
    return made


def _for_long(log: Log, notice: DestinationNotice, state: str, message: str = "") -> None:
    notice.look({"uk": (state, message)})
    log.now += SETTLE_S
    notice.look({"uk": (state, message)})


def test_what_works_from_the_start_is_no_news(log: Log) -> None:
    notice = DestinationNotice(log, {}, log.clock)
    for state in ("down", "starting", "ok"):
        _for_long(log, notice, state)
    log.now += FIRST_S
    _for_long(log, notice, "ok")
    assert log.events == []
    assert not notice.waits


def test_what_does_not_begin_to_work_is_told_after_a_minute(log: Log) -> None:
    notice = DestinationNotice(log, {}, log.clock)
    _for_long(log, notice, "down", "wrong password")
    assert log.events == []
    assert notice.waits
    log.now += FIRST_S
    _for_long(log, notice, "down", "wrong password")
    assert log.events == [("fails", {"destination": "uk", "message": "wrong password"})]


def test_a_failure_is_told_once_with_its_latest_reason_and_so_is_its_end(
    log: Log, notice: DestinationNotice
) -> None:
    notice.look({"uk": ("down", "silent")})
    log.now += SETTLE_S
    notice.look({"uk": ("down", "wrong password")})
    _for_long(log, notice, "down", "something else")
    _for_long(log, notice, "starting")
    _for_long(log, notice, "ok")
    _for_long(log, notice, "degraded", "its resolver does not answer")
    assert log.events == [
        ("fails", {"destination": "uk", "message": "wrong password"}),
        ("works", {"destination": "uk", "message": ""}),
    ]


def test_what_lasts_for_a_moment_only_is_not_told(log: Log, notice: DestinationNotice) -> None:
    notice.look({"uk": ("down", "silent")})
    log.now += SETTLE_S - 1
    notice.look({"uk": ("ok", "")})
    assert not notice.waits
    log.now += 1
    notice.look({"uk": ("down", "silent")})
    assert log.events == []


@pytest.mark.parametrize("state", ["paused", "starting"])
def test_paused_and_starting_are_neither(log: Log, notice: DestinationNotice, state: str) -> None:
    _for_long(log, notice, "down", "silent")
    _for_long(log, notice, state)
    assert not notice.waits
    _for_long(log, notice, "down", "silent")
    assert log.kinds == ["fails"]


def test_what_failed_before_a_restart_is_told_when_it_works_again(log: Log) -> None:
    failed: Any = {"uk": {"kind": "fails", "destination": "uk"}}
    notice = DestinationNotice(log, failed, log.clock)
    _for_long(log, notice, "ok")
    assert log.kinds == ["works"]


def test_one_that_is_gone_is_forgotten_meanwhile(log: Log, notice: DestinationNotice) -> None:
    notice.look({"uk": ("down", "silent")})
    notice.look({})
    assert not notice.waits


def _look(notice: RefusalNotice, tls: int = 0, elsewhere: int = 0) -> None:
    notice.look({TV: {"dns_over_tls": tls, "dns_elsewhere": elsewhere}}, {TV: "tv"}.__getitem__)


def test_attempts_are_told_at_once_and_then_once_an_hour_with_their_number(log: Log) -> None:
    notice = RefusalNotice(log, log.clock)
    _look(notice)
    _look(notice, tls=3)
    for attempt in range(4, 20):
        log.now += 60
        _look(notice, tls=attempt)
    assert log.events == [("dns_over_tls", {"mac": TV, "device": "tv", "count": 3})]
    log.now += HOUR_S
    _look(notice, tls=20)
    assert [fields["count"] for _, fields in log.events] == [3, 17]


def test_both_kinds_are_counted_for_themselves(log: Log) -> None:
    notice = RefusalNotice(log, log.clock)
    _look(notice)
    _look(notice, tls=1, elsewhere=2)
    assert [(kind, f["count"]) for kind, f in log.events] == [
        ("dns_over_tls", 1),
        ("dns_elsewhere", 2),
    ]


def test_one_that_goes_on_all_day_is_named_less_and_less_often(log: Log) -> None:
    notice = RefusalNotice(log, log.clock)
    _look(notice)
    days = 10
    for minute in range(1, days * 24 * 60):
        log.now += 60
        _look(notice, elsewhere=minute)
    assert days <= len(log.events) <= days + 6
    told = sum(fields["count"] for _, fields in log.events)
    log.now += DAY_S
    _look(notice, elsewhere=days * 24 * 60)
    assert told + log.events[-1][1]["count"] == days * 24 * 60, "none is lost"


def test_what_was_there_before_the_start_is_not_told_again(log: Log) -> None:
    notice = RefusalNotice(log, log.clock)
    _look(notice, tls=100)
    assert log.events == []
    _look(notice, tls=101)
    assert log.events[0][1]["count"] == 1


def test_after_a_new_start_of_the_router_its_counts_begin_anew(log: Log) -> None:
    notice = RefusalNotice(log, log.clock)
    _look(notice, tls=100)
    _look(notice, tls=2)
    assert log.events[0][1]["count"] == 2
