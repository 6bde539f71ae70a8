"""The activity: what it keeps, what it survives, and how seldom it writes."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest

from orchestrator.activity import KEPT, WRITE_AT, WRITE_EVERY_S, Activity


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _ids(log: Activity) -> list[int]:
    return [event["id"] for event in log.page(None, KEPT)[0]]


def _names(log: Activity) -> list[str]:
    return [event["destination"] for event in log.page(None, KEPT)[0]]


def _files(folder: Path) -> dict[str, int]:
    return {path.name: len(path.read_bytes().splitlines()) for path in sorted(folder.iterdir())}


def test_an_event_has_every_field_of_the_contract(tmp_path: Path) -> None:
    log = Activity(tmp_path)
    log.happened("switched", mac="02:00:00:00:00:01", device="tv", old="direct", new="uk", by=None)
    ((event,), before) = log.page(None, 10)
    assert before is None
    assert (event["id"], event["kind"], event["device"], event["by"]) == (1, "switched", "tv", "")
    assert event["at"].endswith("+00:00")
    assert event.keys() == {
        *("id", "at", "kind", "mac", "device", "destination", "old", "new", "by", "count"),
        "message",
    }


def test_pages_follow_each_other_without_gap_or_repetition(tmp_path: Path) -> None:
    log = Activity(tmp_path)
    for number in range(25):
        log.happened("works", destination=f"d{number}")
    seen, before = [], None
    while True:
        events, before = log.page(before, 10)
        seen += [event["id"] for event in events]
        if before is None:
            break
    assert seen == list(range(25, 0, -1))
    assert log.page(1, 10) == ([], None)


def test_nothing_is_written_before_it_is_due_and_then_all_of_it_at_once(
    tmp_path: Path, clock: Clock
) -> None:
    log = Activity(tmp_path, clock)
    log.happened("works", destination="uk")
    clock.now += WRITE_EVERY_S - 1
    log.happened("works", destination="de")
    log.write_due()
    assert _files(tmp_path) == {}
    clock.now += 1
    log.write_due()
    assert _files(tmp_path) == {"activity.jsonl": 2}
    log.write_due()
    log.write()
    assert _files(tmp_path) == {"activity.jsonl": 2}


def test_many_events_are_not_held_back(tmp_path: Path, clock: Clock) -> None:
    log = Activity(tmp_path, clock)
    for _ in range(WRITE_AT):
        assert _files(tmp_path) == {}
        log.happened("works", destination="uk")
        log.write_due()
    assert _files(tmp_path) == {"activity.jsonl": WRITE_AT}


def test_it_is_kept_across_an_orderly_restart_and_numbers_go_on(tmp_path: Path) -> None:
    log = Activity(tmp_path)
    log.happened("works", destination="uk")
    log.write()
    again = Activity(tmp_path)
    again.happened("fails", destination="uk", message="wrong password")
    assert _names(again) == ["uk", "uk"]
    assert again.page(None, 1)[0][0]["message"] == "wrong password"


def test_numbers_that_a_power_cut_took_are_not_given_twice(tmp_path: Path) -> None:
    log = Activity(tmp_path)
    log.happened("works", destination="uk")
    log.write()
    log.happened("works", destination="lost")
    shown = _ids(log)[0]
    again = Activity(tmp_path)
    again.happened("works", destination="de")
    assert _ids(again)[0] > shown
    assert _names(again) == ["de", "uk"]


def test_it_is_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    log = Activity(tmp_path)
    for number in range(2 * KEPT + 2 * WRITE_AT):
        log.happened("works", destination=str(number))
        log.write_due()
    assert len(_ids(log)) == KEPT
    assert _files(tmp_path) == {"activity.1.jsonl": KEPT, "activity.jsonl": 2 * WRITE_AT}
    assert _names(Activity(tmp_path)) == _names(log)
    assert log.page(None, 1)[0][0]["destination"] == str(2 * KEPT + 2 * WRITE_AT - 1)


def test_a_text_is_cut_short(tmp_path: Path) -> None:
    log = Activity(tmp_path)
    log.happened("fails", message="x" * 10_000)
    assert len(log.page(None, 1)[0][0]["message"]) == 300


@pytest.mark.parametrize(
    "damage",
    [
        b'{"id": 2, "kind": "wor',
        b"\x00\x00\xff\n",
        b"[]\n",
        b'{"id": "2", "kind": "works"}\n',
        b'{"id": true, "kind": "works"}\n',
        b'{"id": 0, "kind": "works"}\n',
        b'{"id": 7}\n',
        b"[" * 100_000 + b"\n",
        b"\n\n",
    ],
)
def test_a_damaged_or_torn_line_costs_itself_and_nothing_else(
    tmp_path: Path, damage: bytes
) -> None:
    log = Activity(tmp_path)
    log.happened("works", destination="before")
    log.write()
    with (tmp_path / "activity.jsonl").open("ab") as stream:
        stream.write(damage)
    again = Activity(tmp_path)
    again.happened("works", destination="after")
    again.write()
    assert _names(Activity(tmp_path)) == ["after", "before"]


def test_an_event_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    line = {"id": 5, "kind": "danced", "at": "2026-01-01T00:00:00+00:00", "partner": "tv"}
    (tmp_path / "activity.jsonl").write_text(json.dumps(line) + "\n")
    ((event,), _) = Activity(tmp_path).page(None, 1)
    assert (event["kind"], event["device"]) == ("danced", "")
    assert "partner" not in event


def test_a_disk_that_takes_nothing_costs_the_log_and_is_named_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    folder.write_text("no folder")
    log = Activity(folder, clock)
    with caplog.at_level(logging.ERROR):
        for _ in range(3 * WRITE_AT):
            log.happened("works", destination="uk")
            log.write_due()
        clock.now += WRITE_EVERY_S
        log.write_due()
        log.write()
    assert len(caplog.records) == 1
    assert len(_ids(log)) == 3 * WRITE_AT
    folder.unlink()
    clock.now += WRITE_EVERY_S
    log.write_due()
    assert _files(folder) == {"activity.jsonl": 3 * WRITE_AT}


def test_nobody_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, fsync = Activity(tmp_path), os.fsync
    log.happened("works", destination="uk")

    def slow(descriptor: int) -> None:
        log.happened("works", destination="meanwhile")  # would hang with the lock held
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    log.write()
    monkeypatch.undo()
    assert _names(Activity(tmp_path)) == ["uk"]
    log.write()
    assert set(_names(Activity(tmp_path))) == {"uk", "meanwhile"}


def test_half_a_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Activity(tmp_path)
    log.happened("works", destination="uk")
    log.write()
    whole, write = (tmp_path / "activity.jsonl").read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:20]))
    log.happened("works", destination="de")
    log.write()
    assert (tmp_path / "activity.jsonl").read_bytes() == whole
    monkeypatch.undo()
    log.write()
    assert _names(Activity(tmp_path)) == ["de", "uk"]


def test_the_last_event_of_each_destination_is_known_after_a_restart(tmp_path: Path) -> None:
    log = Activity(tmp_path)
    for kind, name in (("fails", "uk"), ("works", "uk"), ("fails", "de"), ("paused", "de")):
        log.happened(kind, destination=name)
    log.write()
    last = Activity(tmp_path).last(("works", "fails"))
    assert {name: event["kind"] for name, event in last.items()} == {"uk": "works", "de": "fails"}
