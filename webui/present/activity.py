"""What happened, as sentences grouped by day.

Pure. A time is said in UTC here, because the router knows no other; static/activity.js says
it in the browser's own zone, and then also puts each line below its own day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from orchestrator.client import Activity, Event, Status
from webui.present.common import as_sentence, moment
from webui.present.plain import plain
from webui.texts import texts

# Kind → picture and tone.
_LOOKS: dict[str, tuple[str, str]] = {
    "switched": ("destinations", "accent"),
    "switched_back": ("clock", "accent"),
    "joined": ("wifi", "accent"),
    "undone": ("undo", "accent"),
    "renamed": ("pencil", "dim"),
    "paused": ("pause", "warn"),
    "resumed": ("play", "good"),
    "new_device": ("plus", "accent"),
    "took_over": ("person", "dim"),
    "forgotten": ("trash", "dim"),
    "destination_added": ("plus", "accent"),
    "destination_removed": ("trash", "dim"),
    "works": ("check", "good"),
    "fails": ("cross", "bad"),
    "dns_over_tls": ("shield", "warn"),
    "dns_elsewhere": ("shield", "dim"),
    "password_changed": ("lock", "accent"),
    "token_made": ("key", "accent"),
    "token_revoked": ("key", "dim"),
    "started": ("play", "dim"),
    "stopped": ("pause", "warn"),
    "change_kept": ("check", "good"),
    "change_taken_back": ("cross", "bad"),
}


_TELL_MESSAGE = frozenset({"joined", "token_made", "token_revoked", "started_version"})
_SWITCHES = frozenset({"switched", "switched_back", "undone"})  # their message is a time


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    id: str
    at: str  # for the browser
    time: str  # for who has no script
    icon: str
    tone: str
    said: str
    until: str  # the end of a switch for a time, for the script ...
    until_pattern: str  # ... its sentence with "{time}" in it ...
    until_text: str  # ... and for who has no script
    by: str


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one day."""

    id: str
    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """A page of the activity."""

    days: tuple[Day, ...]
    device: str  # the MAC address that is looked for, or empty
    title: str  # its title
    older: int | None
    newest: bool  # not a page of older ones
    devices: tuple[tuple[str, str], ...]  # for the choice: MAC address and title


def page(
    activity: Activity, status: Status, now: datetime, *, device: str = "", newest: bool = True
) -> ActivityPage:
    """The view; `now` is an aware time."""
    titles = {d["name"]: d["title"] for d in status["destinations"]}
    lines = [(_moment(e), _line(e, titles)) for e in activity["events"] if e["kind"] in _LOOKS]
    days = groupby(lines, key=lambda line: line[0].date() if line[0] else None)
    today = now.astimezone(UTC).date()
    known = sorted(((d["mac"], d["title"]) for d in status["devices"]), key=lambda d: d[1].lower())
    return ActivityPage(
        days=tuple(
            Day(str(day), _day(day, today), tuple(line for _, line in of)) for day, of in days
        ),
        device=device,
        title=dict(known).get(device, device),
        older=activity["before"],
        newest=newest,
        devices=tuple(known),
    )


def said(event: Event, titles: Mapping[str, str]) -> str:
    """One event as a sentence; `titles` are the destinations' by their names."""
    values = {
        "device": event["device"] or event["mac"] or texts()("activity.some_device"),
        "destination": _title(event["destination"], titles),
        "old": _title(event["old"], titles),
        "new": _title(event["new"], titles),
        "count": event["count"],
    }
    key, message = str(event["kind"]), event["message"]
    if key == "switched" and not event["old"]:
        key = "switched_first"
    elif key == "switched" and event["old"] == event["new"]:
        key = "stays"
    elif key == "joined" and not (event["old"] and event["new"]):
        key = "joined_first" if event["new"] else "joined_nowhere"
    if key == "started" and message:
        key = "started_version"
    told = texts()(f"activity.kinds.{key}", **values, message=message)
    told_already = {key, event["kind"]} & (_TELL_MESSAGE | _SWITCHES)
    return told if told_already else f"{told} {as_sentence(plain(message))}".strip()


def _title(name: str, titles: Mapping[str, str]) -> str:
    return titles.get(name, name)


def _line(event: Event, titles: Mapping[str, str]) -> Line:
    icon, tone = _LOOKS[event["kind"]]
    at = _moment(event)
    end = moment(event["message"]) if event["kind"] in _SWITCHES else None
    pattern = texts()("activity.until", time="{time}") if end else ""
    return Line(
        id=f"event-{event['id']}",
        at=event["at"],
        time=_clock(at) if at else "",
        icon=icon,
        tone=tone,
        said=said(event, titles),
        until=event["message"] if end else "",
        until_pattern=pattern,
        until_text=pattern.replace("{time}", _clock(end)) if end else "",
        by=event["by"],
    )


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M} UTC"


def _moment(event: Event) -> datetime | None:
    found = moment(event["at"])
    return found.astimezone(UTC) if found else None


def _day(day: date | None, today: date) -> str:
    if day is None:
        return texts()("activity.unknown_day")
    if day == today:
        return texts()("activity.today")
    if day == today - timedelta(days=1):
        return texts()("activity.yesterday")
    said = f"{day:%A}, {day.day} {day:%B}"
    return said if day.year == today.year else f"{said} {day.year}"
