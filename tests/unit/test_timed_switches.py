"""Switches that end, that are taken back, and that are several at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from orchestrator import store
from orchestrator.documents import Document
from orchestrator.refusal import Refused
from orchestrator.timers import Timer
from tests.homes import HOME, LAPTOP, PHONE, TV, without
from tests.unit.household import START, House

HALF_AN_HOUR = 1800


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.lease(LAPTOP, "laptop")
    made.lease(PHONE, "phone")
    made.events.clear()
    return made


def _active(house: House, mac: str = LAPTOP) -> str | None:
    return house.device(mac).active


def test_a_switch_for_a_time_goes_back_to_no_choice_at_all(house: House) -> None:
    house.switch("uk", "laptop", minutes=30)
    receipt = house.board.receipts[LAPTOP]
    assert (receipt.new, receipt.until) == ("uk", "2026-03-28T12:30:00+00:00")
    house.later(HALF_AN_HOUR - 1)
    assert _active(house) == "uk"
    before = store.live_marks(house.board.state)
    house.later(1)
    assert (_active(house), house.device(LAPTOP).choice) == ("direct", None)
    assert store.live_marks(house.board.state)[LAPTOP] != before[LAPTOP]
    back = house.board.receipts[LAPTOP]
    assert (back.old, back.new, back.until, back.note) == ("uk", "direct", None, "")
    assert house.board.state == house.remembered()
    house.settle(replace(HOME, default_destination="work"))
    assert _active(house) == "work", "the default is what it is then"


def test_for_a_time_where_it_is_for_good_needs_no_end(house: House) -> None:
    house.switch("direct", "laptop", minutes=30)
    assert (house.device(LAPTOP).choice, house.device(LAPTOP).timer) == (None, None)
    house.switch("uk", "laptop")
    house.switch("uk", "laptop", minutes=30)
    assert (house.device(LAPTOP).choice, house.device(LAPTOP).timer) == ("uk", None)
    house.switch("work", "laptop", minutes=30)
    house.switch("uk", "laptop", minutes=60)
    assert (house.device(LAPTOP).choice, house.device(LAPTOP).timer) == ("uk", None)


def test_a_second_time_goes_back_to_what_was_before_the_first(house: House) -> None:
    house.switch("work", "laptop")
    house.switch("uk", "laptop", minutes=30)
    house.switch("direct", "laptop", minutes=60)
    house.later(2 * HALF_AN_HOUR - 1)
    assert _active(house) == "direct"
    house.later(1)
    assert (_active(house), house.device(LAPTOP).choice) == ("work", "work")


def test_a_switch_for_good_ends_the_timer(house: House) -> None:
    house.switch("uk", "laptop", minutes=30)
    house.switch("uk", "laptop")
    house.later(2 * HALF_AN_HOUR)
    assert (_active(house), house.device(LAPTOP).timer) == ("uk", None)


@pytest.mark.parametrize("trouble", ["paused", "vanished"])
def test_it_goes_back_even_to_where_nothing_gets_out(house: House, trouble: str) -> None:
    house.switch("work", "laptop")
    house.switch("uk", "laptop", minutes=30)
    if trouble == "paused":
        house.board.pause("work")
    else:
        house.settle(without(HOME, "work"))
    house.later(HALF_AN_HOUR)
    assert (_active(house), house.device(LAPTOP).choice) == (None, "work")
    note = "work is paused" if trouble == "paused" else "work no longer exists"
    assert house.board.receipts[LAPTOP].note == note
    assert LAPTOP not in store.live_marks(house.board.state)


def test_a_destination_that_vanishes_in_between_refuses_until_the_time_is_over(
    house: House,
) -> None:
    house.switch("uk", "laptop", minutes=30)
    house.settle(without(HOME, "uk"))
    assert _active(house) is None
    house.later(HALF_AN_HOUR)
    assert _active(house) == "direct"


def test_a_time_survives_a_restart_of_everything(house: House) -> None:
    house.switch("uk", "laptop", minutes=30)
    house.start()
    house.later(60)
    assert _active(house) == "uk"
    house.reboot(clock=-5_000_000)
    assert _active(house) == "uk", "the clock is years behind"
    house.later(10, clock=5_000_000 + 10)
    assert _active(house) == "uk"
    house.later(HALF_AN_HOUR)
    assert _active(house) == "direct"


def test_what_ended_while_nobody_was_there_is_ended_at_the_next_look(house: House) -> None:
    house.switch("uk", "laptop", minutes=30)
    house.reboot(clock=HALF_AN_HOUR)
    assert _active(house) == "direct"


def test_a_clock_that_is_set_neither_ends_nor_prolongs_some_minutes(house: House) -> None:
    house.switch("uk", "laptop", minutes=30)
    house.later(60, clock=1_000_000_000)
    shown = house.device(LAPTOP).timer
    assert _active(house) == "uk"
    assert shown is not None
    assert shown.until == house.moment.now + timedelta(minutes=29)
    house.reboot(clock=HALF_AN_HOUR - 61)
    assert _active(house) == "uk", "the end that was moved is on disk"
    house.later(1)
    assert _active(house) == "direct"


def test_damaged_choices_are_not_brought_back_by_a_timer(house: House) -> None:
    house.switch("work", "laptop")
    house.switch("uk", "laptop", minutes=30)
    doubtful = store.settle(HOME, store.without_choices(house.board.state), {})
    assert doubtful.device(LAPTOP) == replace(
        house.device(LAPTOP), choice=None, timer=None, active=None, generation=4
    )


def test_a_switch_back_that_fails_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    house.switch("uk", "laptop", minutes=30)
    with monkeypatch.context() as patch:
        patch.setattr(Document, "write", full)
        with pytest.raises(OSError, match="No space"):
            house.later(HALF_AN_HOUR)
    assert _active(house) == "uk"
    house.later(5)
    assert _active(house) == "direct"


# --- taking back ---------------------------------------------------------------------------------


def test_the_last_switch_is_taken_back_once(house: House) -> None:
    assert house.board.undoable == frozenset()
    house.switch("work", "laptop")
    house.switch("uk", "laptop")
    assert house.board.undoable == {LAPTOP}
    receipt = house.board.undo("laptop", "somebody")
    assert (receipt.old, receipt.new) == ("uk", "work")
    assert (_active(house), house.device(LAPTOP).choice) == ("work", "work")
    assert house.board.undoable == frozenset()
    with pytest.raises(Refused, match="nothing to take back for 'laptop'"):
        house.board.undo("laptop")


def test_a_first_choice_is_taken_back_to_none(house: House) -> None:
    house.switch("uk", "laptop")
    house.board.undo("laptop")
    assert (_active(house), house.device(LAPTOP).choice) == ("direct", None)


def test_taking_back_a_time_gives_the_time_before(house: House) -> None:
    house.switch("uk", "laptop", minutes=30)
    first = house.device(LAPTOP)
    house.switch("work", "laptop", minutes=60)
    house.board.undo("laptop")
    assert replace(house.device(LAPTOP), generation=first.generation) == first
    house.later(HALF_AN_HOUR)
    assert _active(house) == "direct"
    assert house.board.undoable == frozenset()


def test_a_time_that_is_over_meanwhile_is_not_given_back(house: House) -> None:
    house.switch("uk", "laptop", minutes=5)
    house.switch("work", "laptop")
    house.later(400)
    house.board.undo("laptop")
    assert (_active(house), house.device(LAPTOP).timer) == ("direct", None)


def test_ten_minutes_later_it_is_too_late(house: House) -> None:
    house.switch("uk", "laptop")
    house.later(600)
    assert house.board.undoable == {LAPTOP}
    house.later(1)
    assert house.board.undoable == frozenset()
    with pytest.raises(Refused, match="nothing to take back"):
        house.board.undo("laptop")


def test_a_switch_to_where_it_is_leaves_the_one_before_to_be_taken_back(house: House) -> None:
    house.switch("work", "laptop")
    house.switch("uk", "laptop")
    house.switch("uk", "laptop")
    assert house.board.undo("laptop").new == "work"


def test_nothing_is_taken_back_to_a_destination_that_has_gone(house: House) -> None:
    house.switch("work", "laptop")
    house.switch("uk", "laptop")
    house.settle(without(HOME, "work"))
    assert house.board.undoable == frozenset()
    with pytest.raises(Refused, match="nothing to take back"):
        house.board.undo("laptop")
    assert _active(house) == "uk"


# --- several at once -----------------------------------------------------------------------------


def test_several_are_switched_with_one_write_and_taken_back_one_by_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[store.State] = []
    write = Document.write

    def noted(document: Document[store.State], value: store.State) -> None:
        written.append(value)
        write(document, value)

    with monkeypatch.context() as patch:
        patch.setattr(Document, "write", noted)
        receipts = house.board.assign_many(["laptop", PHONE, "LAPTOP", "tv"], "work")
    assert len(written) == 1
    assert [(r.mac, r.old, r.new) for r in receipts] == [
        (LAPTOP, "direct", "work"),
        (PHONE, "direct", "work"),
        (TV, "uk", "work"),
    ]
    assert house.board.undoable == {LAPTOP, PHONE, TV}
    house.board.undo("phone")
    assert [_active(house, mac) for mac in (LAPTOP, PHONE, TV)] == ["work", "direct", "work"]


def test_one_that_is_unknown_leaves_all_where_they_are(house: House) -> None:
    before = house.board.state
    with pytest.raises(Refused, match="no device is called 'nobody'"):
        house.switch("uk", "laptop", "nobody")
    with pytest.raises(Refused, match="no destination is called 'ukk'"):
        house.switch("ukk", "laptop", "phone")
    assert house.board.state == before == house.remembered()
    assert house.board.undoable == frozenset()


def test_several_go_back_together(house: House) -> None:
    house.switch("work", "phone")
    house.switch("uk", "laptop", "phone", minutes=30)
    house.later(HALF_AN_HOUR)
    assert [_active(house, mac) for mac in (LAPTOP, PHONE)] == ["direct", "work"]


# --- what is told --------------------------------------------------------------------------------


def test_what_happened_is_told_once_with_names_and_who_it_was(house: House) -> None:
    for reference in ("laptop", "annas-mac"):
        house.identities.rename(reference, "Anna's Mac", "anna")
    house.switch("uk", LAPTOP, minutes=30)
    house.switch("uk", LAPTOP, minutes=30)  # nothing has changed
    house.switch("work", LAPTOP)
    house.board.undo(LAPTOP, "anna")
    house.later(HALF_AN_HOUR)
    house.lease("02:00:00:00:00:09", "stranger")
    told = [(e["kind"], e["device"], e.get("old"), e.get("new"), e.get("by")) for e in house.events]
    name = "Anna's Mac"
    assert told == [
        ("renamed", name, "laptop", name, "anna"),
        ("switched", name, "direct", "uk", "somebody"),
        ("switched", name, "uk", "work", "somebody"),
        ("undone", name, "work", "uk", "anna"),
        ("switched_back", name, "uk", "direct", ""),
        ("new_device", "stranger", None, "direct", None),
    ]


def test_the_probe_of_a_leak_test_is_not_told_of(house: House) -> None:
    mac = house.board.admit_probe("uk")
    house.board.assign(mac, "direct")
    house.board.forget_probe()
    assert house.events == []


def test_a_timer_in_a_state_on_disk_is_the_same_when_read(house: House) -> None:
    house.switch("uk", "laptop", minutes=30)
    remembered = house.remembered()
    assert remembered == house.board.state
    end = START.now.astimezone(UTC) + timedelta(minutes=30)
    assert house.device(LAPTOP).timer == Timer(end, None, "this run", 1000.0 + HALF_AN_HOUR)
