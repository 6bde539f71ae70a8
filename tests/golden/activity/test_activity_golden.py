"""The activity as a person reads it, letter by letter. MANYWAYS_GOLDEN=write writes it anew."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args, get_type_hints

import pytest

from orchestrator.client.words import Event
from orchestrator.happenings import activity_text
from orchestrator.tree import Style

HERE = Path(__file__).parent
EMPTY: dict[str, Any] = {
    "id": 0,
    "at": "",
    "kind": "",
    "mac": "",
    "device": "",
    "destination": "",
    "old": "",
    "new": "",
    "by": "",
    "count": 0,
    "message": "",
}
TV = {"mac": "02:00:00:00:00:01", "device": "tv"}
HAPPENED: list[dict[str, Any]] = [
    {"kind": "started", "message": "Manyways 0.1.0"},
    {"kind": "new_device", "mac": "02:00:00:00:00:09", "device": "private device 3"},
    {"kind": "new_device", "mac": "02:00:00:00:00:0a", "new": "direct"},
    {"kind": "switched", **TV, "old": "direct", "new": "uk", "by": "laptop"},
    {"kind": "switched", **TV, "old": "uk", "new": "de", "message": "2026-07-02T14:30:00+02:00"},
    {"kind": "undone", **TV, "old": "uk", "new": "direct", "by": "laptop"},
    {"kind": "switched_back", **TV, "old": "uk", "new": "direct"},
    {"kind": "joined", **TV, "old": "direct", "new": "uk", "message": "Home-UK"},
    {"kind": "renamed", **TV, "old": "tv", "new": "Fernseher", "by": "command line"},
    {"kind": "took_over", "mac": "02:00:00:00:00:09", "device": "Anna's phone", "by": "laptop"},
    {"kind": "forgotten", "device": "Old Phone", "by": "laptop"},
    {"kind": "paused", "destination": "uk", "by": "token home assistant"},
    {"kind": "resumed", "destination": "uk", "by": "token home assistant"},
    {"kind": "fails", "destination": "uk", "message": "wrong user name or password"},
    {"kind": "fails", "destination": "de"},
    {"kind": "works", "destination": "uk"},
    {"kind": "destination_added", "destination": "nl", "by": "laptop"},
    {"kind": "destination_removed", "destination": "nl", "by": "laptop"},
    {"kind": "dns_over_tls", **TV, "count": 1},
    {"kind": "dns_elsewhere", **TV, "count": 117},
    {"kind": "password_changed", "by": "laptop"},
    {"kind": "token_made", "message": "home assistant", "by": "laptop"},
    {"kind": "token_revoked", "message": "home assistant", "by": "laptop"},
    {"kind": "started", "by": "command line"},
    {"kind": "stopped", "by": "a browser at 192.168.77.60"},
    {"kind": "change_kept", "by": "laptop"},
    {"kind": "change_taken_back", "message": "nobody at home could open the page within a minute"},
    {"kind": "danced", "device": "of a later \x1b[31mversion", "at": "yesterday"},
]


def _events() -> list[Event]:
    """Newest first, one a minute."""
    made = (
        {**EMPTY, "id": number, "at": f"2026-07-01T23:{30 + number}:05+00:00", **event}
        for number, event in enumerate(HAPPENED)
    )
    return [cast(Event, event) for event in reversed(list(made))]


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_every_kind_of_event_is_shown() -> None:
    kinds = set(get_args(get_type_hints(Event)["kind"]))
    assert kinds <= {event["kind"] for event in HAPPENED}


@pytest.mark.parametrize(
    ("name", "style"),
    [("activity", Style()), ("activity-colour", Style(unicode=False, colour=True))],
)
def test_text(name: str, style: Style) -> None:
    path = HERE / f"{name}.txt"
    text = activity_text(_events(), style) + "\n"
    if os.environ.get("MANYWAYS_GOLDEN") == "write":
        path.write_text(text)
    assert path.read_text() == text


def test_at_first_nothing_has_happened() -> None:
    assert activity_text([], Style()) == "Nothing has happened yet."
