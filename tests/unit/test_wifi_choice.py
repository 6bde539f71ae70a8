"""Who joins a Wi-Fi network goes where it leads, unless somebody chose; never elsewhere first."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from orchestrator import health, store
from orchestrator.model import Config
from orchestrator.roaming import RoamingWatch
from orchestrator.stations import STATUS_FILE, where_stations_are
from orchestrator.store import KnownDevice, State
from tests.homes import LAPTOP, NEW, PHONE, TV, WIFI, WIRELESS, without
from tests.unit.household import House
from tests.unit.orchestra import Orchestra

UK, HOME_SSID = "Home-UK", "Home"
REFUSING = replace(WIRELESS, refuse_new_devices=True)


def _settled(
    stations: Mapping[str, str] | None,
    state: State = NEW,
    home: Config = WIRELESS,
    mac: str = PHONE,
) -> State:
    return store.settle(home, state, {mac: ""}, stations)


def _active(state: State, mac: str = PHONE) -> str | None:
    device = state.device(mac)
    assert device is not None
    return device.active


@pytest.mark.parametrize(
    ("stations", "destination"),
    [({PHONE: UK}, "uk"), ({PHONE: HOME_SSID}, "direct"), ({}, "direct"), (None, None)],
)
def test_a_new_device_begins_where_its_network_leads(
    stations: Mapping[str, str] | None, destination: str | None
) -> None:
    state = _settled(stations)
    assert _active(state) == destination
    device = state.device(PHONE)
    assert device is not None
    assert device.generation == (0 if destination is None else 1), "it had no mark before"


def test_one_of_which_nothing_is_known_waits_until_it_is() -> None:
    waiting = _settled(None)
    assert _active(_settled({PHONE: UK}, waiting)) == "uk"
    assert _active(_settled({}, waiting)) == "direct"
    indifferent = replace(WIRELESS.wifi, networks=WIRELESS.wifi.networks[:1])  # type: ignore[union-attr,type-var]
    home = replace(WIRELESS, wifi=indifferent)
    assert _active(_settled(None, home=home)) == "direct", "no network leads elsewhere"


def test_who_moves_to_another_network_goes_by_that_one_with_a_new_mark() -> None:
    before = _settled({PHONE: HOME_SSID})
    after = _settled({PHONE: UK}, before)
    assert _active(after) == "uk"
    assert store.live_marks(after)[PHONE] != store.live_marks(before)[PHONE]
    assert _active(_settled({PHONE: HOME_SSID}, after)) == "direct"


@pytest.mark.parametrize("stations", [{}, None])
def test_who_is_not_seen_any_more_keeps_what_it_had(stations: Mapping[str, str] | None) -> None:
    joined = _settled({PHONE: UK})
    assert _settled(stations, joined) == joined


def test_what_somebody_chose_comes_first() -> None:
    state = _settled({PHONE: UK})
    phone = state.device(PHONE)
    assert phone is not None
    chosen = state.with_device(replace(phone, choice="work"))
    assert _active(_settled({PHONE: UK}, chosen)) == "work"
    assert _active(_settled({TV: HOME_SSID}, mac=TV), TV) == "uk", "router.yaml names it"


def test_a_network_that_leads_somewhere_is_a_choice_where_new_devices_are_refused() -> None:
    assert _active(_settled({PHONE: UK}, home=REFUSING)) == "uk"
    assert _active(_settled({PHONE: HOME_SSID}, home=REFUSING)) is None


def test_lost_choices_are_replaced_by_no_network() -> None:
    lost = store.without_choices(_settled({PHONE: UK}))
    assert _active(_settled({PHONE: UK}, lost)) is None


def _message(home: Config, state: State) -> str:
    reports = health.device_reports(
        health.Seen(home, state, {}, {}, (), {}, 0.0, router_loaded=True), {}
    )
    (report,) = (r for r in reports if r.mac == PHONE)
    assert report.state == "rejected"
    return report.message


def test_a_network_that_leads_nowhere_leads_to_no_other_destination() -> None:
    gone = without(WIRELESS, "uk")
    state = _settled({PHONE: UK}, home=gone)
    assert _active(state) is None
    assert _message(gone, state) == (
        "'uk', where its Wi-Fi network 'Home-UK' leads, no longer exists; choose another"
    )


def test_a_network_does_not_lead_to_what_has_not_worked_yet() -> None:
    ways = tuple(replace(d, offered=d.name != "uk") for d in WIRELESS.destinations)
    trying = replace(WIRELESS, destinations=ways)
    state = _settled({PHONE: UK}, home=trying)
    assert _active(state) is None
    assert "has not worked yet" in _message(trying, state)
    assert _active(_settled({PHONE: UK}, state)) == "uk", "it has worked"


def test_who_waits_to_be_found_is_told_why() -> None:
    assert "on which Wi-Fi network" in _message(WIRELESS, _settled(None))


def test_what_an_older_version_remembered_stays_as_it_was() -> None:
    old = {
        "install": "a1b2",
        "devices": [
            {"mac": PHONE, "number": 1, "active": "direct", "generation": 3},
            {"mac": LAPTOP, "number": 2, "choice": "work", "active": "work", "generation": 1},
        ],
        "slots": {"direct": 1, "uk": 2, "work": 3},
    }
    state = TypeAdapter(State).validate_python(old)
    assert store.live_marks(_settled(None, state)).items() >= store.live_marks(state).items()
    assert _active(_settled({PHONE: UK}, state)) == "uk", "it follows the default, now that of UK"


# --- the switchboard -----------------------------------------------------------------------------


def _write(house: House, **on: str) -> None:
    networks = [
        {"ssid": ssid, "stations": [{"mac": mac, "since": 1.0}]} for ssid, mac in on.items()
    ]
    status = {"updated": 5.0, "state": "on", "networks": networks}
    (house.folder / STATUS_FILE).parent.mkdir(parents=True, exist_ok=True)
    (house.folder / STATUS_FILE).write_text(json.dumps(status))


def test_the_switchboard_looks_when_a_lease_comes(tmp_path: Path) -> None:
    house = House(tmp_path, WIRELESS)
    _write(house, **{UK: PHONE.upper()})
    house.lease(PHONE)
    assert house.device(PHONE).active == "uk"
    assert [e["kind"] for e in house.events] == ["new_device"]
    assert house.events[0]["new"] == "uk"
    _write(house, Home=PHONE)
    house.settle()
    assert house.device(PHONE).active == "direct"
    assert house.events[-1] == {
        "kind": "joined", "mac": PHONE, "device": "Device 00:03",
        "message": "Home", "old": "uk", "new": "direct",
    }  # fmt: skip


def test_a_device_with_a_typed_in_address_goes_where_its_network_leads(tmp_path: Path) -> None:
    house = House(tmp_path, WIRELESS)
    _write(house, **{UK: PHONE})
    house.board.meet({PHONE: IPv4Address("192.168.77.50")})
    assert house.device(PHONE).active == "uk"


def test_a_status_that_cannot_be_read_lets_new_devices_wait(tmp_path: Path) -> None:
    house = House(tmp_path, WIRELESS)
    (tmp_path / STATUS_FILE).parent.mkdir(parents=True)
    (tmp_path / STATUS_FILE).write_text("{")
    house.lease(PHONE)
    assert house.device(PHONE).active is None
    _write(house, Home=LAPTOP)
    house.settle()
    assert house.device(PHONE).active == "direct"


def test_a_switch_and_its_undo_leave_a_follower_a_follower(tmp_path: Path) -> None:
    house = House(tmp_path, WIRELESS)
    _write(house, **{UK: PHONE})
    house.lease(PHONE)
    house.switch("work", PHONE)
    _write(house, Home=PHONE)
    house.settle()
    assert house.device(PHONE).active == "work", "somebody chose"
    house.board.undo(PHONE)
    assert house.device(PHONE).active == "direct", "nobody chose; it is on Home now"


def test_where_stations_are() -> None:
    assert where_stations_are(None) == {}, "hostapd never ran"
    assert where_stations_are("nonsense") is None
    networks = [
        {"ssid": "Home", "stations": [{"mac": PHONE, "since": 10.0}]},
        {"ssid": UK, "stations": [{"mac": PHONE, "since": 20.0}]},
    ]
    for order in (networks, networks[::-1]):
        text = json.dumps({"updated": 30.0, "state": "on", "networks": order})
        assert where_stations_are(text) == {PHONE: UK}, "where it came last"


def test_a_known_device_is_what_the_default_says() -> None:
    assert KnownDevice(PHONE, 1).ssid == ""


def test_who_moves_is_followed_without_a_lease_that_changes(orchestra: Orchestra) -> None:
    ways = (WIFI.networks[0], replace(WIFI.networks[1], destination="work"))
    orchestra.wireless(replace(WIFI, networks=ways))
    orchestra.lease(f"{PHONE} 192.168.77.120 phone")
    orchestra.stations({"Home": {PHONE: -50}, "Home-UK": {}})
    orchestra.reconciler.take_in_leases()
    assert _active(orchestra.switchboard.state) == "direct"
    watch = RoamingWatch(orchestra.reconciler)
    watch.start()
    try:
        orchestra.stations({"Home": {}, "Home-UK": {PHONE: -50}})
        deadline = time.monotonic() + 10
        while _active(orchestra.switchboard.state) != "work":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        watch.end()
