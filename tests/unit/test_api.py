"""The control API: every answer is JSON, every failure a sentence for a person."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from orchestrator.runtime.engine import EngineFailed
from tests.unit.orchestra import Orchestra


def test_status_and_devices_agree(api: FlaskClient) -> None:
    status = api.get("/api/v1/status").get_json()
    assert status["devices"] == api.get("/api/v1/devices").get_json()["devices"]
    assert [d["name"] for d in status["destinations"]] == ["direct", "work"]


def test_no_destination_is_the_default_while_new_devices_are_refused(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    assert api.get("/api/v1/status").get_json()["default_destination"] == "direct"
    path = orchestra.config_folder / "router.yaml"
    path.write_text(f"{path.read_text()}new_devices: refuse\n")
    assert api.post("/api/v1/up").status_code == 200
    assert api.get("/api/v1/status").get_json()["default_destination"] == ""


def test_a_switch_answers_with_its_receipt(api: FlaskClient) -> None:
    receipt = api.post("/api/v1/devices/tv/assign", json={"destination": "direct"}).get_json()
    assert (receipt["old"], receipt["new"], receipt["connections_cut"]) == ("work", "direct", 0)


def test_a_paused_destination_is_not_trouble_but_said_everywhere(api: FlaskClient) -> None:
    receipt = api.post("/api/v1/destinations/work/pause").get_json()
    assert (receipt["paused"], receipt["changed"], receipt["devices"]) == (True, True, 1)
    assert api.post("/api/v1/destinations/work/pause").get_json()["changed"] is False
    status = api.get("/api/v1/status").get_json()
    assert {d["name"]: d["state"] for d in status["destinations"]}["work"] == "paused"
    tv = status["devices"][0]
    said = ("work", "rejected", "its destination is paused")
    assert (tv["destination"], tv["state"], tv["message"]) == said
    moved = api.post("/api/v1/devices/tv/assign", json={"destination": "work"}).get_json()
    assert moved["note"] == "work is paused"
    assert api.post("/api/v1/destinations/work/resume").get_json()["paused"] is False
    assert api.get("/api/v1/devices").get_json()["devices"][0]["state"] != "rejected"


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/api/v1/devices/tvv/assign", {"destination": "work"}, 404, "did you mean 'tv'?"),
        ("/api/v1/devices/tv/assign", {"destination": "wrk"}, 404, "did you mean 'work'?"),
        ("/api/v1/devices/tv/rename", {"name": "a\u202eb"}, 409, "type it again by hand"),
        ("/api/v1/devices/tv/rename", {"name": "router"}, 409, "choose another one"),
        ("/api/v1/destinations/wrk/pause", {}, 404, "did you mean 'work'?"),
        ("/api/v1/destinations/wrk/resume", {}, 404, "did you mean 'work'?"),
        ("/api/v1/nothing", {}, 404, ""),
    ],
)
def test_what_cannot_be_met_says_what_would_be_right(
    api: FlaskClient, path: str, body: object, status: int, said: str
) -> None:
    answer = api.post(path, json=body)
    assert answer.status_code == status
    assert answer.get_json()["error"]
    assert said in answer.get_json()["hint"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"destinations": ["wrk"]}, 404, "did you mean 'work'?"),
        ({"destinations": "work"}, 400, "openapi"),
        ({"destinations": [1]}, 400, "openapi"),
    ],
)
def test_a_leak_test_of_nothing(api: FlaskClient, body: object, status: int, said: str) -> None:
    answer = api.post("/api/v1/leaktest", json=body)
    assert answer.status_code == status
    assert said in answer.get_json()["hint"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "the request lacks 'destination'"),
        (["work"], "the request's body is no JSON object"),
        ({"destination": 1}, "'destination': input should be a valid string"),
        ({"destination": "work", "now": True}, "nothing here is called 'now'"),
    ],
)
def test_a_request_that_is_not_understood(api: FlaskClient, body: object, said: str) -> None:
    answer = api.post("/api/v1/devices/tv/assign", json=body)
    assert answer.status_code == 400
    assert answer.get_json()["error"] == said


def test_a_leak_test_of_a_router_that_was_taken_down(api: FlaskClient) -> None:
    api.post("/api/v1/down")
    answer = api.post("/api/v1/leaktest", json={})
    assert answer.status_code == 409
    assert "orchestrator up" in answer.get_json()["hint"]


def test_a_leak_test_that_fails_says_so_and_leaves_nothing(
    api: FlaskClient, orchestra: Orchestra
) -> None:
    before = orchestra.switchboard.state.devices
    for _ in range(2):  # the first is over when it has said so: a second may begin
        answer = api.post("/api/v1/leaktest", json={"destinations": ["work"]})
        assert answer.status_code == 200
        lines = [json.loads(line) for line in answer.data.splitlines() if line]
        assert [list(line) for line in lines] == [["failed"]]
        assert "the probe ended at once" in lines[0]["failed"]
        assert "manyways-leaktest" not in orchestra.engine.there
        assert orchestra.switchboard.state.devices == before


def test_a_leak_test_ends_whatever_its_cleaning_up_meets(
    api: FlaskClient, orchestra: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removing(_name: str, _grace: int) -> bool:
        raise IndexError("nobody has thought of it")

    before = orchestra.switchboard.state.devices
    with monkeypatch.context() as patched:
        patched.setattr(orchestra.engine, "end", removing)
        for _ in range(2):
            answer = api.post("/api/v1/leaktest", json={"destinations": ["work"]})
            assert [list(json.loads(line)) for line in answer.data.splitlines()] == [["failed"]]
    orchestra.service.examiner.tidy()
    assert orchestra.switchboard.state.devices == before


@pytest.mark.parametrize(
    ("verb", "body"), [("assign", {"destination": "direct"}), ("rename", {"name": "mine"})]
)
def test_nobody_else_moves_or_renames_the_probe(
    api: FlaskClient, orchestra: Orchestra, verb: str, body: dict[str, str]
) -> None:
    mac = orchestra.switchboard.admit_probe("work")
    before = orchestra.switchboard.state
    for reference in ("leaktest", mac):
        answer = api.post(f"/api/v1/devices/{reference}/{verb}", json=body)
        assert answer.status_code == 409
        assert "is the device of a leak test" in answer.get_json()["error"]
    assert orchestra.switchboard.state == before


def test_what_a_killed_leak_test_left_is_removed(orchestra: Orchestra) -> None:
    before = orchestra.switchboard.state.devices
    orchestra.switchboard.admit_probe("work")
    orchestra.engine.silent = True
    with pytest.raises(EngineFailed):
        orchestra.service.examiner.tidy()
    assert orchestra.switchboard.state.devices != before
    orchestra.engine.silent = False
    orchestra.service.examiner.tidy()
    assert orchestra.switchboard.state.devices == before


def test_a_body_that_is_no_json_is_refused(api: FlaskClient) -> None:
    path, kind = "/api/v1/devices/tv/assign", "application/json"
    answer = api.post(path, data=b"{", content_type=kind)
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "the request's body is no JSON object"
    answer = api.post(path, data=b'{"destination": "work"}', content_type="text/plain")
    assert answer.status_code == 415
    assert "application/json" in answer.get_json()["error"]


def test_a_body_that_is_too_large_is_refused(api: FlaskClient) -> None:
    answer = api.post("/api/v1/devices/tv/assign", json={"destination": "x" * 600_000})
    assert answer.status_code == 413
    assert api.post("/api/v1/devices/tv/assign", json={"destination": "x" * 65}).status_code == 400


def test_mistakes_are_listed_one_by_one(api: FlaskClient, orchestra: Orchestra) -> None:
    orchestra.configure("lan: {interfaces: [eth9], domian: x}\n")
    answer = api.post("/api/v1/up")
    assert answer.status_code == 409
    assert len(answer.get_json()["errors"]) >= 2


def test_a_silent_engine_is_an_answer(api: FlaskClient, orchestra: Orchestra) -> None:
    orchestra.engine.silent = True
    answer = api.get("/api/v1/logs/router")
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "the Docker engine does not answer"


def test_as_many_lines_of_a_log_as_wanted(api: FlaskClient) -> None:
    for query, asked in (("", 100), ("?lines=5", 5)):
        answer = api.get(f"/api/v1/logs/work{query}").get_json()
        assert answer["lines"] == [f"manyways-egress-work {asked}"]
    for wrong in ("0", "-3", "zz", "10001"):
        assert api.get(f"/api/v1/logs/work?lines={wrong}").status_code == 400


def test_an_unknown_log_names_the_nearest(api: FlaskClient) -> None:
    answer = api.get("/api/v1/logs/rooter")
    assert answer.status_code == 404
    assert answer.get_json()["hint"] == "did you mean 'router'?"
