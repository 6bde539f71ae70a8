"""Switches for a time: when one is over, by a clock that may be wrong.

A Pi's clock stands while it has no power, and may be years behind until somebody on the network
tells it the time. So a switch for some minutes is measured by the time since the machine's start
as long as the machine runs, whatever happens to its clock meanwhile. After a restart of the
machine, and for "until midnight" from the beginning, there is only the clock: while that is behind
the switch lasts, and when it jumps ahead to a time past the end the switch is over. Going back
early does no harm: it is what somebody chose before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo

from orchestrator.refusal import Refused

MOST_MINUTES = 7 * 24 * 60
_MOST = timedelta(minutes=MOST_MINUTES)
_DRIFT = timedelta(minutes=1)  # a clock that is set by more than that has jumped
_HINT = 'write "midnight", or for example 2030-12-31T23:30:00+01:00'


@dataclass(frozen=True, slots=True)
class Moment:
    """What the clock says (UTC), and how many seconds the machine runs since its start `boot`."""

    now: datetime
    boot: str
    uptime: float


@dataclass(frozen=True, slots=True)
class Timer:
    """When a switch is over, and the choice that then holds again (None: no choice at all).

    For some minutes: `ends_at` is the machine's uptime at the end, in its run `boot`. Else `boot`
    is empty.
    """

    until: datetime
    back_to: str | None = None
    boot: str = ""
    ends_at: float = 0.0


def wanted_timer(
    moment: Moment, zone: tzinfo, minutes: int | None, until: str | None
) -> Timer | None:
    """Return the timer of a request; None: for good. `zone` is where midnight is meant.

    Raises Refused.
    """
    if minutes is not None and until is not None:
        raise Refused("'minutes' and 'until' can't both be", "say one of them")
    if minutes is not None:
        return _for(moment, minutes)
    return None if until is None else Timer(_end(moment, zone, until.strip()))


def _for(moment: Moment, minutes: int) -> Timer:
    if not 1 <= minutes <= MOST_MINUTES:
        raise Refused(f"{minutes} minutes can't be", f"from 1 to {MOST_MINUTES}, which is a week")
    end = moment.now + timedelta(minutes=minutes)
    return Timer(end, None, moment.boot, moment.uptime + minutes * 60)


def _end(moment: Moment, zone: tzinfo, text: str) -> datetime:
    if text.lower() == "midnight":
        tomorrow = moment.now.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), zone).astimezone(UTC)
    try:
        named = datetime.fromisoformat(text)
        end = named.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f"'{text}' is no time", _HINT) from None
    if named.tzinfo is None:
        raise Refused(f"'{text}' does not say in which time zone", _HINT)
    if end <= moment.now:
        raise Refused(f"'{text}' is past", _HINT)
    if end > moment.now + _MOST:
        raise Refused(f"'{text}' is too far ahead", "a week at most")
    return end


def is_over(timer: Timer, moment: Moment) -> bool:
    """Say whether a switch has had its time."""
    if timer.boot == moment.boot:
        return moment.uptime >= timer.ends_at
    return moment.now >= timer.until


def after_a_jump(timer: Timer, moment: Moment) -> Timer:
    """Return `timer` with the end that the clock will show, when somebody has set the clock."""
    if timer.boot != moment.boot:
        return timer
    end = moment.now + timedelta(seconds=timer.ends_at - moment.uptime)
    return replace(timer, until=end) if abs(end - timer.until) > _DRIFT else timer
