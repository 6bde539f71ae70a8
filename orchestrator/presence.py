"""Whether a device is here: judged by when it was heard, and by how long it is asked in vain.

A lease lasts for half a day and says nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

ANSWER_S = 4.0  # the kernel asks three times, a second apart
RECENT_S = 120.0
SLEEP_S = 300.0  # phones and the like switch their radio off for minutes


@dataclass(frozen=True, slots=True)
class Sign:
    """When a device was last heard, and since when it is asked and does not answer.

    In seconds of CLOCK_BOOTTIME; None: never, and not at all.
    """

    heard: float | None = None
    asked: float | None = None


def is_here(sign: Sign | None, now: float, *, sleeps: bool = False) -> bool:
    """Say whether a device that has an address is here; without a sign of it that must do.

    `sleeps`: it is of a kind that does not hear every question.
    """
    if sign is None or sign == Sign():
        return True
    if sign.asked is None:
        return _heard_within(RECENT_S, sign, now)
    if now - sign.asked <= ANSWER_S:
        return True  # as long as the answer may still come
    return sleeps and _heard_within(SLEEP_S, sign, now)


def _heard_within(seconds: float, sign: Sign, now: float) -> bool:
    return sign.heard is not None and now - sign.heard <= seconds
