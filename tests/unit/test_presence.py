"""Who is here: by when it was heard, and by how long it is asked in vain."""

from __future__ import annotations

import pytest

from orchestrator.presence import Sign, is_here

NOW = 10_000.0


@pytest.mark.parametrize(
    ("sign", "here"),
    [
        (None, True),  # nobody has looked: its address has to do
        (Sign(), True),
        (Sign(NOW - 119), True),
        (Sign(NOW - 121), False),
        (Sign(NOW - 119, NOW - 3), True),
        (Sign(NOW - 3600, NOW - 3), True),  # the answer may still come
        (Sign(None, NOW - 3), True),
        (Sign(NOW - 30, NOW - 5), False),
        (Sign(None, NOW - 5), False),
    ],
)
def test_who_is_asked_and_does_not_answer_is_gone_within_seconds(sign: Sign, here: bool) -> None:
    assert is_here(sign, NOW) == here


@pytest.mark.parametrize(
    ("sign", "here"),
    [
        (Sign(NOW - 299, NOW - 200), True),
        (Sign(NOW - 301, NOW - 200), False),
        (Sign(None, NOW - 200), False),
    ],
)
def test_what_sleeps_is_given_minutes(sign: Sign, here: bool) -> None:
    assert is_here(sign, NOW, sleeps=True) == here
