"""The hub that tells every open page what flows, with real threads and a clock of the test's."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from orchestrator.client import ControlError, Live, Unreachable
from webui import events
from webui.events import (
    BACKLOG,
    STREAMS,
    STREAMS_EACH,
    STREAMS_UNKNOWN,
    Hub,
    Stream,
    TooMany,
    message,
)

pytestmark = pytest.mark.unit
BOUND_S = 5.0


class Pace:
    """A clock that goes on when the test says so, and shows when the hub waits for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._go = threading.Semaphore(0)
        self._waits = threading.Semaphore(0)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._waits.release()
        assert self._go.acquire(timeout=BOUND_S)
        self.now += seconds

    def until_it_waits(self) -> None:
        assert self._waits.acquire(timeout=BOUND_S), "the hub does not come to rest"

    def second(self) -> None:
        """Let one second pass, and everything that belongs to it happen."""
        self._go.release()
        self.until_it_waits()

    def last(self) -> None:
        """Let the hub wake up without waiting that it sleeps again."""
        self._go.release()


class Daemon:
    def __init__(self) -> None:
        self.revision = "1"
        self.policy = "everybody"
        self.asked = 0
        self.trouble: Exception | None = None
        self.takes = 0.0
        self.pace = Pace()

    def live(self) -> Live:
        self.asked += 1
        self.pace.now += self.takes
        if self.trouble:
            raise self.trouble
        return {"at": 0.0, "revision": self.revision, "devices": {}, "destinations": {}}

    def rights(self) -> object:
        return {"policy": self.policy}


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def hub(daemon: Daemon) -> Iterator[Hub]:
    made = Hub(
        daemon.live, daemon.rights, frozenset({"router"}), daemon.pace.clock, daemon.pace.sleep
    )
    yield made
    for stream in list(made._streams):
        made.leave(stream)
    daemon.pace.last()
    assert _ended()


def _names(reader: Iterator[str], count: int) -> list[str]:
    return [next(reader).split("\n")[0].removeprefix("event: ") for _ in range(count)]


def _reader(stream: Stream) -> Iterator[str]:
    reader = stream.read()
    assert next(reader) == events.RETRY
    return reader


def _ended() -> bool:
    loops = [t for t in threading.enumerate() if t.name == "events"]
    for loop in loops:
        loop.join(BOUND_S)
    return not any(loop.is_alive() for loop in loops)


def test_nothing_is_asked_while_no_page_is_open(hub: Hub, daemon: Daemon) -> None:
    stream = hub.join("a")
    daemon.pace.until_it_waits()
    hub.leave(stream)
    daemon.pace.last()
    assert _ended()
    assert (daemon.asked, hub.listeners()) == (1, 0)


def test_one_question_a_second_serves_all_pages(hub: Hub, daemon: Daemon) -> None:
    first, second = _reader(hub.join("a")), _reader(hub.join("b"))
    daemon.pace.until_it_waits()
    daemon.pace.second()
    daemon.pace.second()
    assert daemon.asked == 3
    assert _names(first, 3)[1:] == _names(second, 3)[1:] == ["live", "live"]


def test_who_comes_later_gets_the_last_news_at_once(hub: Hub, daemon: Daemon) -> None:
    hub.join("a")
    daemon.pace.until_it_waits()
    assert _names(_reader(hub.join("b")), 1) == ["live"]
    assert daemon.asked == 1


def test_a_change_is_told_to_everybody(hub: Hub, daemon: Daemon) -> None:
    first, second = _reader(hub.join("a")), _reader(hub.join("b"))
    daemon.pace.until_it_waits()
    _names(first, 1), _names(second, 1)
    daemon.revision = "2"
    daemon.pace.second()
    assert _names(first, 2) == ["changed", "live"]
    assert "changed" in _names(second, 2)


def test_a_daemon_that_goes_is_said_once_and_its_return_is_a_change(
    hub: Hub, daemon: Daemon
) -> None:
    reader = _reader(hub.join("a"))
    daemon.pace.until_it_waits()
    daemon.trouble = Unreachable("nobody answers", "")
    daemon.pace.second()
    daemon.pace.second()
    daemon.trouble = None
    daemon.pace.second()
    assert _names(reader, 4) == ["live", "away", "changed", "live"]


def test_the_pages_that_open_while_the_daemon_is_away_hear_so(hub: Hub, daemon: Daemon) -> None:
    daemon.trouble = ControlError("busy", status=503)
    hub.join("a")
    daemon.pace.until_it_waits()
    assert _names(_reader(hub.join("b")), 1) == ["away"]


def test_who_does_not_read_is_dropped_and_the_others_stay(hub: Hub, daemon: Daemon) -> None:
    slow, quick = hub.join("a"), hub.join("b")
    reader = _reader(quick)
    daemon.pace.until_it_waits()
    for _ in range(BACKLOG):
        _names(reader, 1)
        daemon.pace.second()
    assert not slow.open
    assert quick.open
    assert hub.listeners() == 1


def test_who_was_let_in_by_other_rights_is_judged_again(hub: Hub, daemon: Daemon) -> None:
    stream = hub.join("a")
    daemon.pace.until_it_waits()
    daemon.revision = "2"
    daemon.pace.second()
    assert stream.open  # something else has changed
    daemon.policy, daemon.revision = "password", "3"
    daemon.pace.second()
    assert (stream.open, hub.listeners()) == (False, 0)
    again = hub.join("a")
    daemon.pace.second()
    assert again.open


def test_a_dropped_reader_comes_to_an_end(hub: Hub, daemon: Daemon) -> None:
    stream = hub.join("a")
    reader = _reader(stream)
    daemon.pace.until_it_waits()
    _names(reader, 1)
    hub.leave(stream)
    assert list(reader) == []


def test_the_number_of_streams_is_bounded_in_all_and_for_each_address(hub: Hub) -> None:
    for number in range(STREAMS):
        hub.join(f"device {number // STREAMS_EACH}")
    with pytest.raises(TooMany):
        hub.join("one more")


def test_one_address_can_not_take_all_streams(hub: Hub) -> None:
    kept = [hub.join("greedy") for _ in range(STREAMS_EACH)]
    with pytest.raises(TooMany):
        hub.join("greedy")
    hub.join("modest")
    hub.leave(kept[0])
    hub.join("greedy")


def test_behind_the_routers_own_address_stand_many_browsers(hub: Hub) -> None:
    for _ in range(STREAMS_UNKNOWN):
        hub.join("router")
    with pytest.raises(TooMany):
        hub.join("router")
    hub.join("somebody who is known")


def test_a_slow_daemon_is_asked_less_often_and_never_in_bursts(hub: Hub, daemon: Daemon) -> None:
    daemon.takes = 0.25
    hub.join("a")
    daemon.pace.until_it_waits()
    daemon.takes = 3.0
    daemon.pace.second()
    daemon.takes = 0.0
    daemon.pace.second()
    assert daemon.pace.slept == [0.75, 0.0, 1.0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unforeseen_answer_ends_the_streams_and_the_next_one_starts_anew(
    hub: Hub, daemon: Daemon
) -> None:
    stream = hub.join("a")
    daemon.pace.until_it_waits()
    daemon.trouble = KeyError("revision")
    daemon.pace.last()
    assert _ended()
    assert not stream.open
    daemon.trouble = None
    reader = _reader(hub.join("a"))
    assert _names(reader, 1) == ["live"]


def test_a_quiet_stream_shows_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)
    assert next(_reader(Stream("a"))) == events.HEARTBEAT


def test_a_message_has_the_form_that_browsers_read() -> None:
    assert message("changed") == "event: changed\ndata: null\n\n"
    assert message("live", {"a": [1, 2]}) == 'event: live\ndata: {"a":[1,2]}\n\n'
