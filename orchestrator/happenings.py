"""The activity as text for a person: one line for each event, in the time of this place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from orchestrator.client import Event
from orchestrator.tree import Style, clean, paint


def _device(event: Event) -> str:
    return event["device"] or event["mac"]


def _on(event: Event) -> str:
    return f", and goes by {event['new']}" if event["new"] else ""


def _times(event: Event) -> str:
    return "once" if event["count"] == 1 else f"{event['count']} times"


def _until(event: Event) -> str:
    return f", until {_local(event['message'])}" if event["message"] else ""


def _reason(event: Event) -> str:
    return f": {event['message']}" if event["message"] else ""


_SENTENCES: Mapping[str, Callable[[Event], str]] = {
    "switched": lambda e: f"{e['device']}: {e['old']} {{arrow}} {e['new']}{_until(e)}",
    "switched_back": lambda e: f"{e['device']}: back to {e['new']}, its time is over",
    "joined": lambda e: (
        f"{_device(e)} joined the Wi-Fi network {e['message']}:"
        f" {e['old'] or 'nowhere'} {{arrow}} {e['new'] or 'nowhere'}"
    ),
    "undone": lambda e: f"{e['device']}: back to {e['new']}, undone",
    "renamed": lambda e: f"{e['old']} is now called {e['new']}",
    "paused": lambda e: f"{e['destination']} is paused",
    "resumed": lambda e: f"{e['destination']} is resumed",
    "new_device": lambda e: f"{_device(e)} is new here{_on(e)}",
    "took_over": lambda e: f"{e['device']} has a new private address",
    "forgotten": lambda e: f"{e['device']} is forgotten",
    "destination_added": lambda e: f"{e['destination']} is added",
    "destination_removed": lambda e: f"{e['destination']} is removed",
    "works": lambda e: f"{e['destination']} works again",
    "fails": lambda e: f"{e['destination']} does not work{_reason(e)}",
    "dns_over_tls": lambda e: f"{_device(e)} tried to hide its DNS queries {_times(e)}; refused",
    "dns_elsewhere": lambda e: (
        f"{_device(e)} asked another DNS server {_times(e)}; its destination's answered"
    ),
    "password_changed": lambda _: "the page's password is changed",
    "token_made": lambda e: f"a token is made: {e['message']}",
    "token_revoked": lambda e: f"a token is revoked: {e['message']}",
    "started": lambda e: f"{e['message'] or 'the router'} is started",
    "stopped": lambda _: "the router is stopped",
    "change_kept": lambda _: "the change of router.yaml is kept",
    "change_taken_back": lambda e: f"the change of router.yaml is taken back{_reason(e)}",
}


def activity_text(events: Sequence[Event], style: Style) -> str:
    """The events, the newest last, as a log is read."""
    if not events:
        return "Nothing has happened yet."
    return "\n".join(_line(event, style) for event in reversed(events))


def _line(event: Event, style: Style) -> str:
    by = f" (by {clean(event['by'])})" if event["by"] else ""
    when = paint(_local(event["at"]), "dim", style)
    return f"{when}  {clean(_sentence(event).replace('{arrow}', style.arrow))}{by}"


def _sentence(event: Event) -> str:
    """What happened; of a kind that a later version has made up, what there is."""
    sentence = _SENTENCES.get(event["kind"])
    if sentence is not None:
        return sentence(event)
    known = (event[key] for key in ("device", "destination", "message"))
    return " ".join((event["kind"], *filter(None, known)))


def _local(at: str) -> str:
    try:
        return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return "at no known time"
