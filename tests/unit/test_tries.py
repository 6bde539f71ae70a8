"""How often a password may be guessed."""

from __future__ import annotations

import pytest

from orchestrator.tries import (
    FORGOTTEN_AFTER_S,
    FREE_TRIES,
    FREE_TRIES_OF_ALL,
    LONGEST_WAIT_OF_ALL_S,
    LONGEST_WAIT_S,
    VISITORS_AT_MOST,
    Tries,
)


def _fail(tries: Tries, visitor: str, count: int, now: float = 0.0) -> None:
    for _ in range(count):
        tries.begin(visitor, now)


def test_a_few_tries_are_free_and_then_each_doubles_the_wait() -> None:
    tries = Tries()
    waits = []
    for _ in range(FREE_TRIES + 3):
        waits.append(tries.wait("a", 0.0))
        tries.begin("a", 0.0)
    assert waits == [0.0] * FREE_TRIES + [5.0, 10.0, 20.0]
    assert tries.wait("a", 30.0) == 10.0
    assert tries.wait("b", 0.0) == 0.0


def test_no_wait_is_longer_than_the_longest() -> None:
    tries = Tries()
    _fail(tries, "a", 100)
    assert tries.wait("a", 0.0) == LONGEST_WAIT_S


def test_a_success_forgives() -> None:
    tries = Tries()
    _fail(tries, "a", FREE_TRIES)
    tries.succeeded("a")
    assert tries.wait("a", 0.0) == 0.0


def test_time_forgives() -> None:
    tries = Tries()
    _fail(tries, "a", 50)
    assert tries.wait("a", FORGOTTEN_AFTER_S + 1) == 0.0


def test_many_addresses_guess_no_faster_but_keep_nobody_out_for_long() -> None:
    tries = Tries()
    for number in range(FREE_TRIES_OF_ALL * 10):
        tries.begin(f"gadget {number}", 0.0)
    assert tries.wait("somebody else", 0.0) == pytest.approx(LONGEST_WAIT_OF_ALL_S)


def test_who_has_known_the_password_is_not_kept_out_by_others() -> None:
    tries = Tries()
    tries.begin("father", 0.0)
    tries.succeeded("father")
    for number in range(FREE_TRIES_OF_ALL * 10):
        tries.begin(f"gadget {number}", 0.0)
    assert tries.wait("father", 0.0) == 0.0
    _fail(tries, "father", FREE_TRIES)  # or whoever takes its address
    assert tries.wait("father", 0.0) == 5.0


def test_what_is_remembered_is_bounded() -> None:
    tries = Tries()
    for number in range(VISITORS_AT_MOST * 3):
        tries.begin(str(number), 0.0)
    assert len(tries._visitors) == VISITORS_AT_MOST
    for number in range(VISITORS_AT_MOST * 3):
        tries.succeeded(str(number))
    assert len(tries._proven) == VISITORS_AT_MOST
