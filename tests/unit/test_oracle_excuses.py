"""Who may be without service: a pause is found, an event's own pause is forgiven, no longer."""

from __future__ import annotations

from collections import deque

from tests.leaks.excuses import PAUSE_S, Excuses


def served(since: int, until: int) -> deque[float]:
    """An answer each second."""
    return deque(float(second) for second in range(since, until + 1))


def test_steady_answers_are_no_pause() -> None:
    excuses = Excuses()
    answers = served(0, 10)
    assert excuses.pauses("tv", answers, 10.5) == []
    assert not answers
    assert excuses.worst == 1.0


def test_a_pause_that_is_over_is_found() -> None:
    excuses = Excuses()
    assert len(excuses.pauses("tv", deque([1.0, 2.0, 2.1 + PAUSE_S]), 5)) == 1


def test_silence_adds_up_over_many_looks() -> None:
    excuses = Excuses()
    assert excuses.pauses("tv", served(0, 10), 10) == []
    looks = [excuses.pauses("tv", deque(), 10 + tenth / 10) for tenth in range(1, 40)]
    assert looks[int(PAUSE_S * 10) - 2] == []
    assert looks[-1]


def test_an_event_excuses_its_device_alone_and_until_its_end() -> None:
    excuses = Excuses()
    for device in ("tv", "laptop"):
        excuses.pauses(device, served(0, 10), 10)
    excuses.begin(["tv"], 10)
    assert excuses.pauses("tv", deque(), 30) == []
    assert excuses.pauses("laptop", deque(), 30)
    excuses.end("tv", 40)
    assert excuses.pauses("tv", deque([40.5]), 40.6) == []
    assert excuses.pauses("tv", deque(), 40.5 + PAUSE_S + 0.1)


def test_an_ended_excuse_does_not_forgive_what_follows_it() -> None:
    excuses = Excuses()
    excuses.pauses("tv", served(0, 10), 10)
    excuses.begin(["tv"], 10)
    excuses.end("tv", 12)
    assert excuses.pauses("tv", deque(), 12 + PAUSE_S + 0.1)
