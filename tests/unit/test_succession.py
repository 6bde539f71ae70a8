"""New MAC addresses of old devices, and devices that are gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from orchestrator import store, succession
from orchestrator.model import ConfiguredDevice
from orchestrator.portraits import Candidate, portraits
from orchestrator.refusal import Refused
from tests.homes import HOME, LAPTOP, PHONE, TV
from tests.unit.household import House

NEW_PHONE, FIXED = "9e:00:00:00:00:11", "f0:18:98:00:00:01"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A phone that somebody named has gone; one with another address is here."""
    made = House(tmp_path)
    made.lease(PHONE, "Annas-Phone")
    made.identities.rename(PHONE, "Kitchen phone")
    made.leave(PHONE)
    made.lease(NEW_PHONE, "annas-phone")
    made.events.clear()
    return made


def _candidates(house: House, mac: str = NEW_PHONE) -> list[str]:
    state, here = house.board.state, house.leases
    return [d.mac for d in succession.candidates(house.home, state, house.device(mac), here)]


def _take_over(house: House, new: str = NEW_PHONE, old: str = PHONE) -> None:
    house.identities.take_over(new, old, house.leases, {}, "anna")


def _forget(house: House, mac: str, leases: dict[str, int] | None = None) -> None:
    house.identities.forget(mac, house.leases, leases or {}, "anna")


def test_a_phone_with_the_same_host_name_may_be_the_one_that_has_gone(house: House) -> None:
    assert _candidates(house) == [PHONE]
    known = portraits(
        HOME, house.board.state, lambda _mac: "Apple", present=house.leases, undoable=()
    )
    assert known[NEW_PHONE].maybe == (Candidate(PHONE, "Kitchen phone"),)
    assert known[PHONE].maybe == known[TV].maybe == ()
    assert [known[mac].new for mac in (TV, PHONE, NEW_PHONE)] == [False, False, True]
    assert (known[NEW_PHONE].private, known[NEW_PHONE].maker) == (True, "")
    assert known[PHONE].kind == known[NEW_PHONE].kind == "phone"


@pytest.mark.parametrize(
    "change",
    ["old is here", "old has no name", "new has a name", "another host name", "router.yaml"],
)
def test_otherwise_nobody_is_proposed(house: House, change: str) -> None:
    if change == "old is here":
        house.lease(PHONE, "Annas-Phone")
    elif change == "old has no name":
        house.board.commit(house.board.state.with_device(replace(house.device(PHONE), name=None)))
    elif change == "new has a name":
        house.identities.rename(NEW_PHONE, "Mine")
    elif change == "another host name":
        house.lease(NEW_PHONE, "pixel")
    else:
        house.settle(replace(HOME, devices=(ConfiguredDevice(PHONE, "phone"),)))
    assert _candidates(house) == []


def test_only_made_up_addresses_are_compared(house: House) -> None:
    house.lease(FIXED, "annas-phone")
    assert _candidates(house, FIXED) == []
    house.identities.rename(FIXED, "Tablet")
    house.leave(FIXED)
    assert _candidates(house) == [PHONE]


def test_three_are_proposed_at_most(house: House) -> None:
    for number in range(4):
        mac = f"02:00:00:00:01:{number:02x}"
        house.lease(mac, "Annas-Phone")
        house.identities.rename(mac, f"Phone {number}")
        house.leave(mac)
    assert len(_candidates(house)) == 3


def test_without_host_names_it_must_be_the_only_one(house: House) -> None:
    silent = [f"02:00:00:00:01:{number:02x}" for number in range(3)]
    for mac in silent:
        house.lease(mac)
        house.identities.rename(mac, f"Silent {mac[-1]}")
    house.lease("9e:00:00:00:00:12")
    house.leave(silent[0])
    assert _candidates(house, "9e:00:00:00:00:12") == [silent[0]]
    house.leave(silent[1])
    assert _candidates(house, "9e:00:00:00:00:12") == []


def test_none_of_these_is_remembered(house: House) -> None:
    house.identities.dismiss(NEW_PHONE)
    house.start()
    assert _candidates(house) == []


def test_the_new_one_gets_all_that_was_said_of_the_old_one_and_its_marks_die(
    house: House,
) -> None:
    house.identities.set_kind(PHONE, "tablet")
    house.switch("work", PHONE)
    house.switch("uk", PHONE, minutes=30)
    house.switch("direct", NEW_PHONE)
    house.events.clear()
    before, old = store.live_marks(house.board.state), house.device(PHONE)
    _take_over(house)
    assert house.board.state.device(PHONE) is None
    heir = house.device(NEW_PHONE)
    assert (heir.name, heir.kind, heir.choice, heir.timer) == (
        ("Kitchen phone", "tablet", "uk", old.timer)
    )
    marks = store.live_marks(house.board.state)
    assert heir.active == "uk"
    assert not {before[PHONE], before[NEW_PHONE]} & set(marks.values())
    assert house.board.state == house.remembered()
    assert house.board.undoable == frozenset()
    assert house.board.receipts == {}
    assert house.events == [
        {"kind": "took_over", "mac": NEW_PHONE, "device": "Kitchen phone", "old": PHONE,
         "new": NEW_PHONE, "by": "anna"},
    ]  # fmt: skip
    house.later(1800)
    assert house.device(NEW_PHONE).active == "work"


def test_without_a_choice_the_new_one_goes_by_the_default_again(house: House) -> None:
    house.switch("uk", NEW_PHONE)
    _take_over(house)
    assert (house.device(NEW_PHONE).choice, house.device(NEW_PHONE).active) == (None, "direct")


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        (NEW_PHONE, NEW_PHONE, "can't take over its own name"),
        (NEW_PHONE, LAPTOP, "is still here"),
        (NEW_PHONE, TV, "has its name from router.yaml"),
        (TV, PHONE, "has its name from router.yaml"),
        (NEW_PHONE, "nobody", "no device is called 'nobody'"),
    ],
)
def test_a_take_over_that_cannot_be_changes_nothing(
    house: House, new: str, old: str, said: str
) -> None:
    house.lease(LAPTOP, "laptop")
    before = house.board.state
    with pytest.raises(Refused, match=said):
        _take_over(house, new, old)
    assert house.board.state == before == house.remembered()


# --- forgetting ----------------------------------------------------------------------------------


def test_who_is_forgotten_leaves_a_number_whose_marks_are_not_used_again(house: House) -> None:
    house.switch("uk", PHONE)
    before, old = store.live_marks(house.board.state), house.device(PHONE)
    _forget(house, PHONE)
    assert house.board.state.device(PHONE) is None
    assert house.events[-1]["kind"] == "forgotten"
    assert house.events[-1]["device"] == "Kitchen phone"
    house.start()
    house.lease(LAPTOP, "laptop")
    heir = house.device(LAPTOP)
    assert heir.number == old.number
    assert heir.generation > old.generation
    assert store.live_marks(house.board.state)[LAPTOP] not in before.values()
    assert house.board.state.retired == {}


def test_who_is_forgotten_and_returns_is_new(house: House) -> None:
    _forget(house, PHONE)
    house.lease(PHONE, "Annas-Phone")
    assert succession.is_unnamed(HOME, house.device(PHONE))
    assert house.device(PHONE).active == "direct"


def test_only_who_is_gone_can_be_forgotten(house: House) -> None:
    for mac, said in ((NEW_PHONE, "is here now"), (TV, "router.yaml names this device")):
        with pytest.raises(Refused, match=said):
            _forget(house, mac)
    with pytest.raises(Refused, match="would come back by itself"):
        _forget(house, PHONE, {PHONE: 2_000_000_000})
    assert house.board.state == house.remembered()


def test_a_lease_that_was_left_behind_is_known_until_it_is_over(house: House) -> None:
    state = succession.leaving(house.board.state, PHONE, {PHONE: 5, LAPTOP: 6})
    assert state.left_leases == {PHONE: 5}
    assert succession.leaving(state, TV, {PHONE: 5, TV: 7}).left_leases == {PHONE: 5, TV: 7}
    assert succession.leaving(state, TV, {PHONE: 9}).left_leases == {}


def test_the_end_of_a_time_is_told_in_utc(house: House) -> None:
    house.switch("uk", PHONE, minutes=30)
    portrait = portraits(
        HOME, house.board.state, house.board.maker, present=(), undoable=house.board.undoable
    )[PHONE]
    end = house.moment.now.astimezone(UTC) + timedelta(minutes=30)
    assert (portrait.until, portrait.back_to) == (end.isoformat(), "direct")
    assert portrait.can_undo
