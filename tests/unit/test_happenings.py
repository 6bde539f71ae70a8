"""What the service notes, and how the activity is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from orchestrator.activity import Activity
from orchestrator.api.route import Actor
from orchestrator.runtime.engine import EngineFailed
from tests.unit.orchestra import Orchestra

TV = "02:00:00:00:00:01"


def _events(api: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"/api/v1/activity{query}")
    assert answer.status_code == 200, answer.get_json()
    events: list[dict[str, Any]] = answer.get_json()["events"]
    return events


def test_who_switched_what_is_noted_and_what_changed_nothing_is_not(api: FlaskClient) -> None:
    for destination in ("direct", "direct"):
        api.post("/api/v1/devices/tv/assign", json={"destination": destination})
    (event,) = _events(api)
    assert (event["kind"], event["mac"], event["device"]) == ("switched", TV, "tv")
    assert (event["old"], event["new"], event["by"]) == ("work", "direct", "the command line")


def test_pause_rename_down_and_up_are_noted_once_each(api: FlaskClient) -> None:
    for _ in range(2):
        api.post("/api/v1/destinations/work/pause")
    for _ in range(2):
        api.post("/api/v1/destinations/work/resume")
    api.post("/api/v1/devices/tv/rename", json={"name": "telly"})
    for verb in ("down", "down", "up", "up"):
        api.post(f"/api/v1/{verb}")
    kinds = [event["kind"] for event in _events(api)]
    assert kinds == ["started", "stopped", "renamed", "resumed", "paused"]
    (renamed,) = _events(api, "?limit=1&before=4")
    assert (renamed["old"], renamed["new"], renamed["device"]) == ("tv", "telly", "telly")


def test_a_token_and_a_browser_are_named(api: FlaskClient) -> None:
    for headers in (
        {"X-Manyways-Token": "home%20assistant"},
        {"X-Manyways-From": "192.168.77.60:40000"},
        {"X-Manyways-From": "nonsense"},
        {},
    ):
        api.post("/api/v1/destinations/work/pause", headers=headers)
        api.post("/api/v1/destinations/work/resume", headers=headers)
    assert [event["by"] for event in reversed(_events(api))][::2] == [
        "the program home assistant",
        "a browser at 192.168.77.60",
        "a browser",
        "the command line",
    ]


def test_the_activity_comes_in_pages_and_of_one_device(api: FlaskClient) -> None:
    for destination in ("direct", "work", "direct"):
        api.post("/api/v1/devices/tv/assign", json={"destination": destination})
    api.post("/api/v1/destinations/work/pause")
    answer = api.get("/api/v1/activity?limit=3").get_json()
    assert ([event["id"] for event in answer["events"]], answer["before"]) == ([4, 3, 2], 2)
    answer = api.get("/api/v1/activity?limit=3&before=2").get_json()
    assert ([event["id"] for event in answer["events"]], answer["before"]) == ([1], None)
    assert len(_events(api, "?device=tv")) == 3
    assert len(_events(api, f"?device={TV.upper()}")) == 3
    assert _events(api, "?device=nobody") == []


def test_a_device_that_was_forgotten_keeps_its_past(orchestra: Orchestra, api: FlaskClient) -> None:
    orchestra.service.activity.happened("forgotten", mac="02:00:00:00:00:77", device="Old Phone")
    assert len(_events(api, "?device=old%20phone")) == 1
    assert len(_events(api, "?device=02:00:00:00:00:77")) == 1


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "before=0", "before=-1", "device=" + "x" * 65, "a=1"],
)
def test_a_page_that_there_can_not_be_is_refused(api: FlaskClient, query: str) -> None:
    answer = api.get(f"/api/v1/activity?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["error"]


@pytest.mark.parametrize("peer", ["", "nonsense", "192.168.77.20:40000", "192.168.77.1:40000"])
def test_who_can_not_be_known_is_nobody(api: FlaskClient, peer: str) -> None:
    answer = api.get("/api/v1/whoami", headers={"X-Manyways-From": peer})
    assert (answer.status_code, answer.get_json()) == (200, {"mac": "", "title": ""})


def test_whose_name_can_not_be_asked_for_is_a_browser_all_the_same(
    orchestra: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_name: str) -> int:
        raise EngineFailed("Docker does not answer")

    monkeypatch.setattr(orchestra.engine, "process", fails, raising=False)
    asker = Actor("192.168.77.20:40000")
    assert orchestra.service.who(asker) == "a browser at 192.168.77.20"


def test_what_destinations_do_is_seen_cheaply_and_not_while_nobody_knows(
    orchestra: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = orchestra.service.destination_states()
    assert states == {
        "direct": ("starting", "its container is starting"),
        "work": ("starting", "its container is starting"),
    }
    monkeypatch.setattr(orchestra.engine, "containers", lambda: 1 / 0)
    assert orchestra.service.destination_states() == states, "Docker was not asked again"

    def fails() -> None:
        raise EngineFailed("Docker does not answer")

    monkeypatch.setattr(orchestra.engine, "containers", fails)
    orchestra.service.look_again()
    assert orchestra.service.destination_states() == {}
    monkeypatch.undo()
    orchestra.service.down()
    assert orchestra.service.destination_states() == {}


def test_password_and_keys_are_noted_and_nothing_secret_is(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    api.post("/api/v1/password", json={"password": "correct horse"})
    api.post("/api/v1/password", json={"password": "battery staple", "old": "wrong horse"})
    made = api.post("/api/v1/tokens", json={"name": "home assistant"}).get_json()
    api.post(f"/api/v1/tokens/{made['id']}/revoke")
    api.post("/api/v1/password/remove")
    assert [(event["kind"], event["message"]) for event in reversed(_events(api))] == [
        ("password_changed", ""),
        ("token_made", "home assistant"),
        ("token_revoked", "home assistant"),
        ("password_changed", ""),
    ]
    orchestra.service.activity.write()
    written = (orchestra.folder / "state" / "activity.jsonl").read_text()
    for secret in ("horse", "staple", made["secret"]):
        assert secret not in written


def test_the_activity_outlasts_a_restart(orchestra: Orchestra, api: FlaskClient) -> None:
    api.post("/api/v1/destinations/work/pause")
    orchestra.service.activity.write()
    (event,), _ = Activity(orchestra.folder / "state").page(None, 10)
    assert event["kind"] == "paused"
