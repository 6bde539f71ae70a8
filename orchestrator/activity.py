"""What happened in the home, for people: who switched what, which VPN failed and why.

Kept across restarts and gentle to an SD card. New events stay in memory for some minutes and are
then appended with one write; a file that is full becomes the older one of two. A power cut may
therefore cost the last minutes of it. Nothing else depends on this log, so a full disk costs the
log and not the router. Nothing secret ever goes in.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from orchestrator.client.words import Event
from orchestrator.documents import make_directory, sync_directory

log = logging.getLogger(__name__)

KEPT = 2000
WRITE_EVERY_S = 600.0
WRITE_AT = 100  # so many that are not written yet
_LONGEST = 300  # characters of a text
_NOTHING: dict[str, Any] = {
    "id": 0, "at": "", "kind": "", "mac": "", "device": "", "destination": "", "old": "",
    "new": "", "by": "", "count": 0, "message": "",
}  # fmt: skip


class Activity:
    """The last events, newest last, in memory and in two files of a directory."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` (s) says when it is time to write."""
        self._path = directory / "activity.jsonl"
        self._older = directory / "activity.1.jsonl"
        self._clock = clock
        self._lock = threading.Lock()  # a switch takes it, so no disk is waited for in it
        self._writing = threading.Lock()
        older, newer = _read(self._older), _read(self._path)
        self._events: deque[Event] = deque(_in_order((*older, *newer)), KEPT)
        self._in_file = len(newer)
        # Events that were shown and never written may have had the next numbers.
        self._next = self._events[-1]["id"] + KEPT if self._events else 1
        self._unwritten: deque[Event] = deque(maxlen=KEPT)
        self._due = 0.0
        self._failing = False

    def happened(self, kind: str, **fields: str | int | None) -> None:
        """Note an event of `kind`; `fields` are others of client.words.Event. Never waits."""
        given = {key: _bounded(value) for key, value in fields.items() if value is not None}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._lock:
            event = {**_NOTHING, **given, "id": self._next, "at": now, "kind": kind}
            self._next += 1
            if not self._unwritten:
                self._due = self._clock() + WRITE_EVERY_S
            self._events.append(cast(Event, event))
            self._unwritten.append(cast(Event, event))

    def page(
        self, before: int | None, limit: int, wanted: Callable[[Event], bool] = lambda _: True
    ) -> tuple[list[Event], int | None]:
        """Return `limit` events older than the number `before`, newest first, and where the next
        page begins; None: there is none.
        """
        with self._lock:
            events = tuple(reversed(self._events))
        found = [e for e in events if (before is None or e["id"] < before) and wanted(e)]
        return found[:limit], found[limit - 1]["id"] if len(found) > limit else None

    def last(self, kinds: Iterable[str]) -> dict[str, Event]:
        """Return the last event of one of these kinds for each destination."""
        asked = frozenset(kinds)
        with self._lock:
            return {e["destination"]: e for e in self._events if e["kind"] in asked}

    def write_due(self) -> None:
        """Write what has waited long enough, or is much."""
        with self._lock:
            much = len(self._unwritten) >= WRITE_AT and not self._failing
            due = self._unwritten and self._clock() >= self._due
        if much or due:
            self.write()

    def write(self) -> None:
        """Write what is not written yet."""
        with self._writing:
            with self._lock:
                events = tuple(self._unwritten)
            if events:
                self._write(events)

    def _write(self, events: tuple[Event, ...]) -> None:
        try:
            self._append("".join(json.dumps(event) + "\n" for event in events))
        except OSError as error:
            self._due = self._clock() + WRITE_EVERY_S
            if not self._failing:
                log.error("the activity can't be written, and stays in memory only: %s", error)
            self._failing = True
            return
        self._failing = False
        self._in_file += len(events)
        with self._lock:
            while self._unwritten and self._unwritten[0]["id"] <= events[-1]["id"]:
                self._unwritten.popleft()
            self._due = self._clock() + WRITE_EVERY_S

    def _append(self, text: str) -> None:
        if self._in_file >= KEPT:
            os.replace(self._path, self._older)
            self._in_file = 0
        make_directory(self._path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            _append_whole(descriptor, text.encode())
        finally:
            os.close(descriptor)
        if self._in_file == 0:
            sync_directory(self._path.parent)


def _append_whole(descriptor: int, content: bytes) -> None:
    """Append all of `content` or nothing. Raises OSError."""
    size = os.fstat(descriptor).st_size
    # A power cut may have left half a line, which would spoil the next one.
    torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    content = b"\n" + content if torn else content
    try:
        if os.write(descriptor, content) < len(content):
            raise OSError("the disk is full")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _read(path: Path) -> list[Event]:
    """Return what is in a file; what can't be read is passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    return [event for line in lines if (event := _understood(line)) is not None]


def _understood(line: bytes) -> Event | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    event = {**_NOTHING, **{k: v for k, v in found.items() if k in _NOTHING}}
    whole = all(type(value) is type(_NOTHING[key]) for key, value in event.items())
    return cast(Event, event) if whole and event["id"] > 0 and event["kind"] else None


def _in_order(events: Iterable[Event]) -> Iterable[Event]:
    latest = 0
    for event in events:
        if event["id"] > latest:
            latest = event["id"]
            yield event


def _bounded(value: str | int) -> str | int:
    return value[:_LONGEST] if isinstance(value, str) else value
