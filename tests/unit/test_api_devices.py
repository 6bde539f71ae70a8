"""The devices in the control API: what is taken, what is refused, what is answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from flask.testing import FlaskClient

from orchestrator.api.devices import ROUTES
from orchestrator.api.route import Need
from orchestrator.client import words
from orchestrator.desired import LEASES_FILE
from orchestrator.identity import Identities
from orchestrator.kinds import guess
from orchestrator.presence import Sign
from orchestrator.runtime.clock import uptime
from tests.unit.orchestra import Orchestra

TV, OLD, NEW = "02:00:00:00:00:01", "02:00:00:00:00:02", "9e:00:00:00:00:03"


@pytest.fixture
def orchestra(tmp_path: Path) -> Orchestra:
    """The tv of router.yaml; a phone that somebody named has gone; one like it is new."""
    made = Orchestra(tmp_path)
    made.lease(f"{OLD} 192.168.77.101 Annas-Phone")
    made.service.up()
    made.switchboard.assign(OLD, "work")
    made.service.household.rename(OLD, "Anna's phone")
    made.lease(f"{NEW} 192.168.77.102 annas-phone")
    made.service.up()
    return made


def _device(api: FlaskClient, mac: str) -> words.Device:
    devices = api.get("/api/v1/devices").get_json()["devices"]
    found: words.Device = next(d for d in devices if d["mac"] == mac)
    return found


def test_a_device_has_every_field_that_the_description_names(api: FlaskClient) -> None:
    for mac in (TV, OLD, NEW):
        assert set(_device(api, mac)) == set(get_type_hints(words.Device))
    new = _device(api, NEW)
    assert (new["title"], new["name"], new["kind"]) == ("annas-phone", "annas-phone-2", "phone")
    assert (new["new"], new["private"], new["maker"]) == (True, True, "")
    assert new["maybe"] == [{"mac": OLD, "title": "Anna's phone"}]
    assert (_device(api, TV)["new"], _device(api, OLD)["new"]) == (False, False)


def test_every_guess_is_a_kind_of_the_description() -> None:
    known = set(get_args(get_type_hints(words.Device)["kind"]))
    names = ("watch", "tv", "xbox", "printer", "cam", "echo", "ipad", "pixel", "laptop", "lamp", "")
    assert {guess((name,), "") for name in names} == known


def test_a_switch_for_a_time_says_its_end_and_where_it_goes_back(api: FlaskClient) -> None:
    asked = datetime.now(UTC)
    receipt = api.post(
        "/api/v1/devices/tv/assign", json={"destination": "direct", "minutes": 30}
    ).get_json()
    end = datetime.fromisoformat(receipt["until"])
    assert timedelta(minutes=29) < end - asked < timedelta(minutes=31)
    tv = _device(api, TV)
    assert (tv["until"], tv["back_to"], tv["can_undo"]) == (receipt["until"], "work", True)
    back = api.post("/api/v1/devices/tv/undo").get_json()
    assert (back["old"], back["new"], back["until"]) == ("direct", "work", None)
    assert api.post("/api/v1/devices/tv/undo").status_code == 409


def test_several_at_once_are_all_or_none(api: FlaskClient) -> None:
    body = {"devices": [TV, "Anna's phone", NEW], "destination": "direct", "until": "midnight"}
    receipts = api.post("/api/v1/assign", json=body).get_json()["receipts"]
    assert [r["mac"] for r in receipts] == [TV, OLD, NEW]
    answer = api.post("/api/v1/assign", json={"devices": [TV, "tvv"], "destination": "work"})
    assert (answer.status_code, answer.get_json()["hint"]) == (404, "did you mean 'tv'?")
    assert _device(api, TV)["destination"] == "direct"


def test_taking_back_several_is_all_or_none(api: FlaskClient) -> None:
    api.post("/api/v1/assign", json={"devices": [TV, OLD], "destination": "direct"})
    answer = api.post("/api/v1/undo", json={"devices": [TV, NEW]})
    assert answer.status_code == 409, "nobody has switched the new one"
    assert _device(api, TV)["destination"] == "direct"
    receipts = api.post("/api/v1/undo", json={"devices": [TV, OLD, TV]}).get_json()["receipts"]
    assert [(r["mac"], r["new"]) for r in receipts] == [(TV, "work"), (OLD, "work")]
    assert api.post("/api/v1/undo", json={"devices": [TV]}).status_code == 409


def test_a_new_phone_takes_over_from_the_old_one_whose_lease_still_runs(
    api: FlaskClient, orchestra: Orchestra
) -> None:
    # It left without a word, so the DHCP server keeps its lease for hours.
    orchestra.lease(f"{OLD} 192.168.77.101 Annas-Phone", f"{NEW} 192.168.77.102 annas-phone")
    orchestra.service.up()
    here = {d["mac"] for d in orchestra.service.devices() if d["online"]}
    ends = {lease.mac: lease.expires for lease in orchestra.reconciler.leases()}
    Identities(orchestra.switchboard).take_over(NEW, "Anna's phone", here - {OLD}, ends)
    orchestra.service.up()
    new = _device(api, NEW)
    assert (new["title"], new["destination"]) == ("Anna's phone", "work")
    assert [d["mac"] for d in orchestra.service.devices()] == [TV, NEW]
    orchestra.volume.write(LEASES_FILE, f"2000000099 {OLD} 192.168.77.101 Annas-Phone *\n")
    orchestra.service.up()
    assert _device(api, OLD)["new"], "with a lease that it has renewed it is back"


@pytest.mark.parametrize(("kind", "here"), [("phone", True), ("tv", False)])
def test_what_sleeps_is_here_for_minutes_and_yet_may_have_become_another(
    orchestra: Orchestra, api: FlaskClient, kind: str, here: bool
) -> None:
    orchestra.lease(f"{OLD} 192.168.77.101 Annas-Phone", f"{NEW} 192.168.77.102 annas-phone")
    orchestra.service.up()
    api.post(f"/api/v1/devices/{OLD}/kind", json={"kind": kind})
    orchestra.neighbours.told = {OLD: Sign(uptime(), None), NEW: Sign(uptime(), None)}
    assert (_device(api, OLD)["online"], _device(api, NEW)["maybe"]) == (True, [])
    silent = uptime() - 130
    orchestra.neighbours.told[OLD] = Sign(heard=silent, asked=silent)
    assert _device(api, OLD)["online"] is here
    assert [one["mac"] for one in _device(api, NEW)["maybe"]] == [OLD]


def test_a_new_phone_takes_over_by_the_api(api: FlaskClient) -> None:
    answer = api.post(f"/api/v1/devices/{NEW}/take-over", json={"old": "Anna's phone"})
    assert (answer.status_code, answer.get_json()["title"]) == (200, "Anna's phone")


def test_none_of_these_and_forgetting(api: FlaskClient) -> None:
    assert api.post(f"/api/v1/devices/{NEW}/dismiss").get_json()["maybe"] == []
    assert api.post(f"/api/v1/devices/{OLD}/forget").get_json() == {}
    assert api.post(f"/api/v1/devices/{OLD}/forget").status_code == 404
    assert api.post("/api/v1/devices/tv/forget").status_code == 409


def test_a_kind_is_what_a_person_says(api: FlaskClient) -> None:
    assert api.post("/api/v1/devices/tv/kind", json={"kind": "camera"}).get_json()["kind"] == (
        "camera"
    )
    assert api.post("/api/v1/devices/tv/kind", json={"kind": "toaster"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("devices/tv/assign", {"destination": "direct", "minutes": 0}, 400),
        ("devices/tv/assign", {"destination": "direct", "minutes": 10081}, 400),
        ("devices/tv/assign", {"destination": "direct", "minutes": "30"}, 400),
        ("devices/tv/assign", {"destination": "direct", "minutes": True}, 400),
        ("devices/tv/assign", {"destination": "direct", "until": "noon"}, 409),
        ("devices/tv/assign", {"destination": "direct", "until": "x" * 65}, 400),
        ("devices/tv/assign", {"destination": "direct", "minutes": 5, "until": "midnight"}, 409),
        ("assign", {"destination": "direct", "devices": []}, 400),
        ("assign", {"destination": "direct", "devices": ["tv"] * 251}, 400),
        ("assign", {"destination": "direct", "devices": "tv"}, 400),
        ("devices/tv/rename", {"name": ""}, 409),
        ("devices/tv/rename", {"name": "x" * 41}, 409),
        ("devices/tv/take-over", {"old": NEW}, 409),
        ("devices/tv/take-over", {}, 400),
        ("devices/nobody/undo", {}, 404),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_and_changes_nothing(
    api: FlaskClient, orchestra: Orchestra, path: str, body: object, status: int
) -> None:
    before = orchestra.switchboard.state
    answer = api.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status
    assert answer.get_json()["error"]
    assert orchestra.switchboard.state == before


@pytest.mark.parametrize(
    ("verb", "body"),
    [("kind", {"kind": "tv"}), ("dismiss", {}), ("forget", {}), ("take-over", {"old": OLD})],
)
def test_nobody_touches_the_probe(
    api: FlaskClient, orchestra: Orchestra, verb: str, body: dict[str, str]
) -> None:
    orchestra.switchboard.admit_probe("work")
    answer = api.post(f"/api/v1/devices/leaktest/{verb}", json=body)
    assert "is the device of a leak test" in answer.get_json()["error"]


def test_ones_own_device_is_one_thing_and_those_of_others_another() -> None:
    needs = {route.path: route.need for route in ROUTES}
    assert {path for path, need in needs.items() if need is Need.CHANGE} == {
        *("/assign", "/undo", "/devices/{device}/take-over", "/devices/{device}/forget")
    }
    assert needs["/devices"] is Need.LOOK


@pytest.mark.parametrize(
    ("path", "body"),
    [(f"{TV}/rename", {"name": "Telly"}), (f"{NEW}/take-over", {"old": OLD})],
)
def test_a_new_name_waits_for_no_container_and_is_soon_known_to_the_resolvers(
    orchestra: Orchestra,
    api: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, str],
) -> None:
    orchestra.lease(f"{NEW} 192.168.77.102 annas-phone")
    orchestra.reconciler.wanted.clear()
    monkeypatch.setattr(
        orchestra.engine, "perform", lambda _: pytest.fail("it touched a container")
    )
    assert api.post(f"/api/v1/devices/{path}", json=body).status_code == 200
    assert orchestra.reconciler.wanted.is_set()


def test_a_status_does_not_wait_while_rules_are_being_loaded(orchestra: Orchestra) -> None:
    orchestra.switchboard.assign(TV, "direct")
    with ThreadPoolExecutor(1) as other, orchestra.switchboard.held():
        devices = other.submit(orchestra.service.devices).result(timeout=10)
    assert [d["mac"] for d in devices if d["can_undo"]] == [TV, OLD]
