"""Devices, choices and the numbers they get: no device by the wrong way, no mark used twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from orchestrator import naming, store
from orchestrator.model import ConfiguredDevice, Uplink
from orchestrator.naming import names
from orchestrator.store import KnownDevice, State, StoreFull, live_marks, settle
from tests.homes import HOME, LAPTOP, NEW, PHONE, TV, with_destinations, without

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def _mac(number: int) -> str:
    return "02:99:" + number.to_bytes(4, "big").hex(":")


def _chosen(state: State, mac: str, destination: str) -> State:
    device = state.device(mac)
    assert device is not None
    return state.with_device(replace(device, choice=destination))


def _active(state: State, mac: str) -> str | None:
    device = state.device(mac)
    assert device is not None
    return device.active


# --- which destination ---------------------------------------------------------------------------


def test_a_new_device_gets_the_default_and_a_configured_one_its_own() -> None:
    state = settle(HOME, NEW, {LAPTOP: "laptop"})
    assert _active(state, LAPTOP) == "direct"
    assert _active(state, TV) == "uk"


def test_a_choice_comes_before_the_configuration() -> None:
    state = settle(HOME, _chosen(settle(HOME, NEW, {}), TV, "work"), {})
    assert _active(state, TV) == "work"


@pytest.mark.parametrize("chosen", [True, False])
def test_a_deleted_destination_rejects_and_never_falls_back(chosen: bool) -> None:
    state = settle(HOME, NEW, {})
    if chosen:
        state = settle(HOME, _chosen(state, TV, "uk"), {})
    deleted = settle(without(HOME, "uk"), state, {})
    assert _active(deleted, TV) is None
    assert TV not in live_marks(deleted)
    back = settle(HOME, deleted, {})
    assert _active(back, TV) == "uk"
    assert live_marks(back)[TV] != live_marks(state)[TV]


def test_another_default_moves_only_those_without_a_word_of_their_own() -> None:
    state = settle(HOME, NEW, {LAPTOP: "", PHONE: ""})
    state = settle(HOME, _chosen(state, PHONE, "direct"), {})
    moved = settle(replace(HOME, default_destination="work"), state, {})
    assert [_active(moved, mac) for mac in (TV, LAPTOP, PHONE)] == ["uk", "work", "direct"]


def test_lost_choices_reject_whoever_the_configuration_does_not_name() -> None:
    state = settle(HOME, replace(NEW, choices_lost=True), {LAPTOP: ""})
    assert _active(state, LAPTOP) is None
    assert _active(state, TV) == "uk"
    assert _active(settle(HOME, _chosen(state, LAPTOP, "direct"), {}), LAPTOP) == "direct"


# --- numbers -------------------------------------------------------------------------------------


def test_settling_twice_changes_nothing() -> None:
    once = settle(HOME, NEW, {LAPTOP: "laptop"})
    assert settle(HOME, once, {LAPTOP: "laptop"}) == once


def test_a_mark_is_generation_device_and_slot() -> None:
    state = replace(NEW, slots={"uk": 7}, devices=(KnownDevice(TV, 5, active="uk", generation=3),))
    assert live_marks(state) == {TV: 0x00300507}


def test_each_change_of_destination_is_a_new_generation_that_wraps_past_zero() -> None:
    state = settle(HOME, NEW, {})
    for wanted, generation in (("work", 2), ("uk", 3)):
        state = settle(HOME, _chosen(state, TV, wanted), {})
        assert state.device(TV) == KnownDevice(TV, 1, "", None, wanted, wanted, generation)
    last = state.with_device(KnownDevice(TV, 1, choice="work", active="uk", generation=0xFFF))
    wrapped = settle(HOME, last, {}).device(TV)
    assert wrapped is not None
    assert wrapped.generation == 1


def test_slots_and_uplinks_stay_while_others_come_and_go() -> None:
    state = settle(HOME, NEW, {})
    assert state.slots == {"direct": 1, "uk": 2, "work": 3}
    assert state.uplinks == {"home": 1, "office": 2}
    state = settle(without(HOME, "uk"), state, {})
    state = settle(with_destinations("new", "work"), state, {})
    assert state.slots == {"direct": 1, "uk": 2, "work": 3, "new": 4}
    assert settle(HOME, state, {}).slots["uk"] == 2


def test_names_of_old_destinations_are_forgotten_only_for_want_of_room() -> None:
    every = tuple(f"d{n}" for n in range(store.MAX_SLOTS))
    state = settle(with_destinations(*every), NEW, {})
    state = settle(with_destinations("other", *every[1:]), state, {})
    assert state.slots["other"] == 1
    assert state.slots["d5"] == 6
    assert "d0" not in state.slots


def test_too_many_destinations_or_uplinks_are_refused() -> None:
    with pytest.raises(StoreFull, match="239 slots"):
        settle(with_destinations(*(f"d{n}" for n in range(store.MAX_SLOTS + 1))), NEW, {})
    uplinks = tuple(Uplink(f"u{n}", f"eth{n}") for n in range(store.MAX_UPLINKS + 1))
    with pytest.raises(StoreFull, match="15 uplinks"):
        settle(replace(HOME, uplinks=uplinks), NEW, {})


def _full(*, name: str | None = None, choice: str | None = None) -> State:
    devices = (
        KnownDevice(_mac(n), n, name=name, choice=choice, active="direct", generation=9)
        for n in range(1, store.MAX_DEVICES + 1)
    )
    slots = {"direct": 1, "uk": 2, "work": 3}
    return replace(NEW, devices=tuple(devices), slots=slots, uplinks={"home": 1, "office": 2})


def test_the_oldest_stranger_makes_room_and_its_marks_are_not_used_again() -> None:
    full = _full()
    keep = full.device(_mac(1))
    assert keep is not None
    full = full.with_device(replace(keep, name="kept"))
    state = settle(replace(HOME, devices=()), full, {LAPTOP: "laptop", _mac(2): ""})
    assert state.device(_mac(1)) is not None
    assert state.device(_mac(2)) is not None, "it has a lease"
    assert state.device(_mac(3)) is None
    taken_over = state.device(LAPTOP)
    assert taken_over is not None
    assert (taken_over.number, taken_over.generation) == (3, 10)
    assert live_marks(state)[LAPTOP] not in live_marks(full).values()


def test_without_a_stranger_the_store_is_full() -> None:
    with pytest.raises(StoreFull, match="4095 device numbers"):
        settle(replace(HOME, devices=()), _full(choice="direct"), {LAPTOP: ""})


# --- the leak test's device ----------------------------------------------------------------------


def test_the_probe_comes_and_goes_and_never_gets_a_mark_twice() -> None:
    state, marks = settle(HOME, NEW, {LAPTOP: "leaktest"}), set()
    before = {d.mac: d.number for d in state.devices}
    probe = store.probe_mac(state)
    for destination in ("uk", "direct", "uk"):
        state = settle(HOME, store.with_probe(state, destination), {probe: "leaktest"})
        assert _active(state, probe) == destination
        assert names(HOME, state)[LAPTOP] == "leaktest", "no device's name changes because of it"
        mark = live_marks(state)[probe]
        assert mark not in marks
        marks.add(mark)
        state = store.without_probe(state)
        assert probe not in live_marks(state)
    assert {d.mac: d.number for d in state.devices} == before


def test_the_lease_of_a_probe_that_was_killed_makes_no_device() -> None:
    probe = store.probe_mac(NEW)
    state = settle(HOME, NEW, {probe: "leaktest"})
    assert state.device(probe) is None
    assert store.without_probe(state) == state


def test_the_probe_takes_nobodys_place() -> None:
    full = _full(choice="direct")
    home = replace(HOME, devices=())
    state = settle(home, store.with_probe(full, "uk"), {})
    assert {d.mac for d in full.devices} <= {d.mac for d in state.devices}
    with pytest.raises(StoreFull):
        settle(home, state, {LAPTOP: ""})


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("TV", "tv"),
        ("Anna's iPhone", "anna-s-iphone"),
        ("--x--", "x"),
        ("日本", ""),
        ("a.b_c", "a-b-c"),
        ("x" * 62 + "-y", "x" * 62),
        ("", ""),
    ],
)
def test_what_a_device_calls_itself_becomes_a_label(said: str, label: str) -> None:
    assert naming.as_label(said) == label


def test_equal_names_are_numbered_in_the_order_in_which_devices_became_known() -> None:
    state = settle(replace(HOME, devices=()), NEW, {TV: "Phone", LAPTOP: "phone", PHONE: ""})
    assert names(HOME, state) == {TV: "tv", LAPTOP: "phone", PHONE: "device-000003"}
    assert names(replace(HOME, devices=()), state)[LAPTOP] == "phone-2"


def test_a_persons_word_wins_over_the_file_and_the_file_over_the_device() -> None:
    state = settle(HOME, NEW, {LAPTOP: "tv", PHONE: ""})
    device = state.device(PHONE)
    assert device is not None
    named = state.with_device(replace(device, name="tv"))
    assert names(HOME, state) == {TV: "tv", LAPTOP: "tv-2", PHONE: "device-000003"}
    assert names(HOME, named) == {PHONE: "tv", TV: "tv-2", LAPTOP: "tv-3"}


@pytest.mark.parametrize("name", sorted(naming.RESERVED_NAMES))
def test_no_device_can_call_itself_by_a_name_of_consequence(name: str) -> None:
    state = settle(replace(HOME, devices=()), NEW, {LAPTOP: name.upper()})
    assert names(HOME, state)[LAPTOP] == f"{name}-2"


_words = st.sampled_from(["tv", "tv-2", "TV", "x" * 63, "x" * 61 + "-2", "router", "", "ü", "a b"])


@given(
    hostnames=st.lists(_words, max_size=12),
    given_names=st.dictionaries(st.integers(0, 11), st.sampled_from(["tv", "tv-2", "x" * 63])),
    configured=st.dictionaries(st.integers(0, 11), st.sampled_from(["tv", "tv-2", "pc"])),
)
def test_names_are_always_unique_labels(
    hostnames: list[str], given_names: dict[int, str], configured: dict[int, str]
) -> None:
    config = replace(
        HOME, devices=tuple(ConfiguredDevice(_mac(n), name) for n, name in configured.items())
    )
    state = settle(config, NEW, {_mac(n): text for n, text in enumerate(hostnames)})
    for number, name in given_names.items():
        device = state.device(_mac(number))
        if device is not None:
            state = state.with_device(replace(device, name=name))
    found = names(config, state)
    assert list(found) == [d.mac for d in state.devices]
    assert len(set(found.values())) == len(found)
    assert all(LABEL.fullmatch(name) for name in found.values())
    assert not set(found.values()) & naming.RESERVED_NAMES
    assert names(config, state) == found


# --- marks over a life ---------------------------------------------------------------------------

_DESTINATIONS = ["a", "b", "c", "d"]
_step = st.one_of(
    st.tuples(st.just("choose"), st.integers(0, 5), st.sampled_from(_DESTINATIONS)),
    st.tuples(st.just("lease"), st.integers(0, 5), st.sampled_from(["", "tv"])),
    st.tuples(st.just("default"), st.integers(0, 3), st.just("")),
    st.tuples(st.just("remove"), st.integers(0, 3), st.just("")),
)


def _after(state: State, step: tuple[str, int, str], there: list[str]) -> State:
    verb, number, word = step
    hostnames: Mapping[str, str] = {}
    if verb == "choose" and state.device(_mac(number)) is not None:
        state = _chosen(state, _mac(number), word)
    elif verb == "lease":
        hostnames = {_mac(number): word}
    elif verb == "default":
        there.sort(key=lambda name: name != _DESTINATIONS[number])
    elif verb == "remove":
        name = _DESTINATIONS[number]
        if name not in there:
            there.append(name)
        elif len(there) > 1:
            there.remove(name)
    return settle(with_destinations(*there), state, hostnames)


@given(st.lists(_step, max_size=60))
def test_a_mark_that_was_live_is_not_live_again_for_another_life(
    steps: list[tuple[str, int, str]],
) -> None:
    """With fewer changes than there are generations, every life has a mark of its own."""
    state, there = NEW, list(_DESTINATIONS)
    lives: dict[int, tuple[str, int]] = {}
    changes = dict.fromkeys((_mac(n) for n in range(6)), 0)
    before: dict[str, int] = {}
    for step in steps:
        state = _after(state, step, there)
        marks = live_marks(state)
        assert len(set(marks.values())) == len(marks)
        for mac in changes:
            changes[mac] += before.get(mac) != marks.get(mac)
        for mac, mark in marks.items():
            assert lives.setdefault(mark, (mac, changes[mac])) == (mac, changes[mac])
            assert mark & 0xFF == state.slots[_active(state, mac) or ""]
            assert 0 < mark <= 0xFFFFFFFF
        before = marks


@given(st.lists(st.integers(0, 0xFFFF), max_size=40))
def test_strangers_that_take_over_numbers_never_take_over_a_mark(macs: list[int]) -> None:
    config, state = with_destinations("a"), NEW
    seen: dict[int, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "MAX_DEVICES", 3)
        for number in macs:
            state = settle(config, state, {_mac(number): ""})
            for mac, mark in live_marks(state).items():
                assert seen.setdefault(mark, mac) == mac or len(macs) > store.MAX_GENERATION


def test_doubtful_choices_reject_but_names_stay() -> None:
    state = store.settle(HOME, NEW, {PHONE: "phone"})
    phone = state.device(PHONE)
    assert phone is not None
    chosen = state.with_device(replace(phone, choice="uk", name="pocket"))
    doubtful = store.settle(HOME, store.without_choices(chosen), {})
    assert PHONE not in store.live_marks(doubtful)
    assert naming.names(HOME, doubtful)[PHONE] == "pocket"


# --- new devices, and those without a lease ------------------------------------------------------

AT = IPv4Address("192.168.77.50")
REFUSING = replace(HOME, refuse_new_devices=True)


def test_a_new_device_waits_for_a_choice_where_that_is_wanted() -> None:
    state = settle(REFUSING, NEW, {LAPTOP: "laptop"})
    assert live_marks(state).keys() == {TV}, "router.yaml names the tv"
    laptop = state.device(LAPTOP)
    assert laptop is not None
    assert store.is_new(REFUSING, laptop)
    named = state.with_device(replace(laptop, name="study"))
    assert LAPTOP not in live_marks(settle(REFUSING, named, {})), "a name is no choice"
    assert LAPTOP in live_marks(settle(REFUSING, _chosen(state, LAPTOP, "work"), {}))
    assert LAPTOP in live_marks(settle(HOME, state, {}))


def test_a_device_in_router_yaml_without_a_destination_is_not_new() -> None:
    config = replace(REFUSING, devices=(ConfiguredDevice(LAPTOP, "laptop"),))
    assert live_marks(settle(config, NEW, {})).keys() == {LAPTOP}


def test_who_sends_without_a_lease_becomes_a_device_with_that_address() -> None:
    state = store.meet(HOME, NEW, {PHONE: AT}, ())
    assert live_marks(state).keys() == {TV, PHONE}
    assert store.typed_addresses(state) == {PHONE: AT}
    assert store.meet(HOME, state, {PHONE: AT}, ()) == state
    moved = store.meet(HOME, state, {PHONE: AT + 1}, ())
    assert store.typed_addresses(moved) == {PHONE: AT + 1}
    assert live_marks(moved) == live_marks(state)
    other = store.meet(HOME, state, {LAPTOP: AT}, ())
    assert store.typed_addresses(other) == {LAPTOP: AT}, "who was seen last has it"
    leased = settle(HOME, state, {PHONE: "phone"})
    assert store.typed_addresses(leased) == {}
    assert store.meet(HOME, leased, {PHONE: AT}, {PHONE}) == leased
    assert PHONE not in live_marks(store.meet(REFUSING, NEW, {PHONE: AT}, ()))


@pytest.mark.parametrize(
    ("mac", "address"),
    [
        ("02:a1:b2:03:00:00", AT),  # the page's
        ("01:00:5e:00:00:01", AT),
        ("ff:ff:ff:ff:ff:ff", AT),
        ("00:00:00:00:00:00", AT),
        (PHONE, HOME.lan.address.ip),
        (PHONE, HOME.lan.dhcp_server),
        (PHONE, HOME.lan.network.network_address),
        (PHONE, HOME.lan.network.broadcast_address),
        (PHONE, IPv4Address("192.168.78.50")),
    ],
)
def test_what_is_no_device_of_the_home_is_not_taken_in(mac: str, address: IPv4Address) -> None:
    assert store.meet(HOME, NEW, {mac: address}, ()) == settle(HOME, NEW, {})


def test_a_crowd_is_taken_in_bit_by_bit() -> None:
    crowd = {_mac(n): AT + n for n in range(30)}
    state, sizes = NEW, []
    for _ in range(4):
        state = store.meet(HOME, state, crowd, ())
        sizes.append(len(store.typed_addresses(state)))
    assert sizes == [12, 24, 30, 30]


def test_a_state_of_before_is_read_as_it_was() -> None:
    old = {"install": "a1b2", "devices": [{"mac": TV, "number": 1}], "slots": {}, "uplinks": {}}
    state = TypeAdapter(State).validate_python(old)
    assert (state.paused, state.devices[0].typed_address) == ((), None)
