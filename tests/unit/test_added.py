"""VPNs added to the running router: kept or not, tried before they are offered, removable."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from orchestrator.added import Shelf
from orchestrator.api import make_app
from orchestrator.model import Action, ObservedContainer
from orchestrator.runtime.clock import uptime
from orchestrator.runtime.neighbours import NeighbourWatch
from orchestrator.switch import Refused
from tests.unit.orchestra import ROUTER_YAML, Orchestra
from tests.unit.test_uploads import GOOD_ONE, PASSWORD, USER

TV = "02:00:00:00:00:01"
BODY = {"name": "nl", "profile": GOOD_ONE, "username": USER, "password": PASSWORD}
STATIC_YAML = """\
lan:
  interfaces: [eth1]
uplinks:
  home:
    interface: eth0
    address: 192.168.1.240-192.168.1.242/24
    gateway: 192.168.1.1
destinations:
  direct: {type: direct}
"""


def add(api: FlaskClient, **changes: str) -> Any:
    answer = api.post("/api/v1/destinations", json={**BODY, **changes})
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def destination(api: FlaskClient, name: str = "nl") -> Any:
    found = api.get("/api/v1/status").get_json()["destinations"]
    return next((d for d in found if d["name"] == name), None)


def report(orchestra: Orchestra, name: str = "nl", **changes: Any) -> None:
    """Write what an egress says; by default that it is well."""
    ok = {"state": "ok"}
    status = {
        "updated": uptime(),
        "uplink": {"state": "up", "address": "192.0.2.9/24"},
        "endpoint": ok,
        "tunnel": {"state": "up"},
        "dns": ok,
        "internet": ok,
        "latency_ms": 21.5,
        "public_address": "203.0.113.7",
    }
    orchestra.volume.write(f"run/egress-{name}/status.json", json.dumps({**status, **changes}))
    orchestra.service.judge_trials()


def refused(api: FlaskClient, path: str, body: object = None) -> tuple[int, str]:
    answer = api.post(f"/api/v1{path}", json=body or {})
    said = answer.get_json()
    return answer.status_code, f"{said['error']}; {said['hint']}"


def kept(orchestra: Orchestra) -> set[str]:
    return {path.name for path in (orchestra.folder / "state" / "added").glob("*")}


# --- added, tried, offered -----------------------------------------------------------------------


def test_an_added_vpn_runs_at_once_and_nothing_else_is_touched(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    before = dict(orchestra.engine.there)
    assert add(api) == {"name": "nl", "accepted": True, "problems": [], "notes": []}
    new = orchestra.engine.there
    assert "manyways-egress-nl" in new
    changed = {n for n in before if new[n] != before[n]}
    assert changed == {"manyways-router"}  # which got one more leg
    assert new["manyways-router"].spec == before["manyways-router"].spec
    assert orchestra.service.plan() == ()


def test_nobody_can_use_it_before_it_has_worked_once(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    add(api)
    found = destination(api)
    assert (found["added"], found["offered"], found["state"]) == (True, False, "starting")
    trying = (409, "nl is being tried: it has not worked yet; its state says how far it is; "
                   "devices can use it as soon as it has worked once")  # fmt: skip
    assert refused(api, "/devices/tv/assign", {"destination": "nl"}) == trying
    assert refused(api, "/destinations/nl/pause") == trying
    assert refused(api, "/leaktest", {"destinations": ["nl"]}) == trying
    wrong = {"state": "down", "advice": "the provider refuses the user name or the password"}
    report(orchestra, tunnel=wrong)
    found = destination(api)
    assert (found["offered"], found["state"], found["message"]) == (False, "down", wrong["advice"])
    assert refused(api, "/devices/tv/assign", {"destination": "nl"}) == trying


def test_it_is_offered_for_good_when_it_has_worked(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api)
    report(orchestra)
    found = destination(api)
    assert (found["offered"], found["public_address"], found["latency_ms"]) == (
        True, "203.0.113.7", 21.5
    )  # fmt: skip
    report(orchestra, tunnel={"state": "down"})
    assert destination(api)["offered"] is True
    orchestra.start()
    orchestra.reconciler.reload()
    assert orchestra.reconciler.converge().actions == ()
    assert orchestra.switchboard.assign("tv", "nl").new == "nl"


@pytest.mark.parametrize(
    ("said", "offered"),
    [
        ({"internet": {"state": "off"}}, True),
        ({"internet": {"state": "failing", "message": "nothing outside answers"}}, True),
        ({"internet": {"state": "unknown"}}, False),
        ({"dns": {"state": "failing"}}, False),
        ({"dns": {"state": "unknown"}}, False),
        ({"tunnel": {"state": "starting"}}, False),
        ({"updated": 0.5}, False),
    ],
)
def test_working_means_a_tunnel_and_dns(
    orchestra: Orchestra, api: FlaskClient, said: dict[str, Any], offered: bool
) -> None:
    add(api)
    report(orchestra, **said)
    assert destination(api)["offered"] is offered


def test_what_an_earlier_trial_said_proves_nothing(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api)
    early = uptime()
    add(api, password="another")
    report(orchestra, updated=early)
    assert destination(api)["offered"] is False


def test_a_trial_that_fails_is_no_trouble_of_the_routers(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    for name in ("direct", "work"):
        report(orchestra, name, endpoint=None, tunnel=None)
    before = api.get("/api/v1/status").get_json()
    add(api)
    report(orchestra, tunnel={"state": "down", "advice": "no"})
    after = api.get("/api/v1/status").get_json()
    assert (after["state"], after["problems"]) == (before["state"], before["problems"])


# --- refused -------------------------------------------------------------------------------------


def test_of_a_bad_profile_every_mistake_is_said_and_nothing_kept(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    trial = add(api, name="uk 2", profile=GOOD_ONE + "up /x\nplugin /y\n", password="")
    assert trial["accepted"] is False
    assert [problem.split(":")[0] for problem in trial["problems"]] == [
        "name",
        "line 10",
        "line 11",
        "the password is missing; fill in both, user name and password",
    ]
    assert kept(orchestra) == set()
    assert destination(api) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("work", "name: 'work' is taken; take another one, such as work-2"),
        ("webui", "name: 'webui' is the name of a part of Manyways; choose another name, such as "
                  "webui-2"),
    ],
)  # fmt: skip
def test_a_name_that_is_taken(api: FlaskClient, name: str, said: str) -> None:
    assert add(api, name=name)["problems"] == [said]


def test_a_correction_replaces_it_until_it_works(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api, password="wrong-and-forgotten")
    assert add(api)["accepted"] is True
    state = orchestra.folder / "state"
    texts = [path.read_text() for path in state.rglob("*") if path.is_file()]
    assert not [text for text in texts if "wrong-and-forgotten" in text]
    report(orchestra)
    assert add(api)["problems"] == ["name: 'nl' was added before, and works; remove it first"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "'name'"),
        ({"name": "x" * 300}, "'name'"),
        ({"profile": ""}, "'profile'"),
        ({"profile": "x" * (256 * 1024 + 1)}, "'profile'"),
        ({"username": "x" * 256}, "'username'"),
        ({"password": "a\nb"}, "'password': holds characters that nobody can type"),
        ({"password": None}, "'password'"),
        ({"run": "it"}, "nothing here is called 'run'"),
    ],
)
def test_a_request_out_of_bounds_is_a_sentence(
    api: FlaskClient, change: dict[str, object], said: str
) -> None:
    answer = api.post("/api/v1/destinations", json={**BODY, **change})
    assert answer.status_code == 400
    assert said in answer.get_json()["error"]
    assert PASSWORD not in answer.text


def test_an_uplink_without_room_is_said_before_anything_is_kept(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "router.yaml").write_text(STATIC_YAML)
    orchestra = Orchestra(tmp_path)
    assert orchestra.service.up().errors == ()
    api = make_app(orchestra.service).test_client()
    assert add(api)["accepted"]
    assert add(api, name="se")["accepted"]
    (problem,) = add(api, name="fr")["problems"]
    assert problem.startswith("the uplink 'home' has 3 addresses, and none is left for 'fr'")
    assert kept(orchestra) == {"nl.json", "se.json"}


def test_an_address_stays_whoever_else_comes_or_goes(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "router.yaml").write_text(STATIC_YAML)
    orchestra = Orchestra(tmp_path)
    assert orchestra.service.up().errors == ()
    api = make_app(orchestra.service).test_client()
    for name in ("nl", "se"):
        add(api, name=name)
    read = lambda name: orchestra.volume.read(f"rendered/egress-{name}/egress.json")  # noqa: E731
    before = {name: read(name) for name in ("direct", "se")}
    assert api.post("/api/v1/destinations/nl/remove").status_code == 200
    assert {name: read(name) for name in before} == before
    add(api, name="fr")
    add(api, name="nl")
    assert {name: read(name) for name in before} == before


# --- removed -------------------------------------------------------------------------------------


def test_removing_leaves_nothing_behind(orchestra: Orchestra, api: FlaskClient) -> None:
    files = set((orchestra.folder / "state").rglob("*"))
    there, nets = set(orchestra.engine.there), set(orchestra.engine.nets)
    add(api)
    report(orchestra)
    assert api.post("/api/v1/destinations/nl/remove").get_json() == {"name": "nl"}
    assert (set(orchestra.engine.there), set(orchestra.engine.nets)) == (there, nets)
    left = set((orchestra.folder / "state").rglob("*")) - files
    # The status is the stand-in's for what is in the container's memory, and ends with it.
    kept = {path.name for path in left if path.is_file()}
    assert kept <= {"state.json.previous", "status.json"}
    assert PASSWORD not in "".join(
        p.read_text() for p in (orchestra.folder / "state").rglob("*") if p.is_file()
    )
    assert add(api)["accepted"] is True


def test_who_goes_by_it_is_named_before_it_is_removed(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    add(api)
    report(orchestra)
    api.post("/api/v1/devices/tv/assign", json={"destination": "nl"})
    said = (409, "tv goes by nl; choose another destination for them first")
    assert refused(api, "/destinations/nl/remove") == said
    assert destination(api) is not None
    api.post("/api/v1/devices/tv/assign", json={"destination": "work"})
    assert api.post("/api/v1/destinations/nl/remove").status_code == 200


def test_who_will_go_back_to_it_keeps_it(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api)
    report(orchestra)
    api.post("/api/v1/devices/tv/assign", json={"destination": "nl"})
    api.post("/api/v1/devices/tv/assign", json={"destination": "work", "minutes": 30})
    said = (409, "tv goes by nl; choose another destination for them first")
    assert refused(api, "/destinations/nl/remove") == said


def test_taking_a_switch_back_leads_to_nothing_that_is_only_tried(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    add(api)
    report(orchestra)
    for name in ("nl", "work"):
        api.post("/api/v1/devices/tv/assign", json={"destination": name})
    assert api.post("/api/v1/destinations/nl/remove").status_code == 200
    assert add(api)["accepted"] is True
    status, said = refused(api, "/devices/tv/undo")
    assert (status, said[:36]) == (409, "there is nothing to take back for 't")


def test_who_did_it_is_noted(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api)
    report(orchestra)
    add(api, name="se", profile="nothing")
    api.post("/api/v1/destinations/nl/remove")
    events = api.get("/api/v1/activity").get_json()["events"]
    assert [(e["kind"], e["destination"]) for e in events if "destination_" in e["kind"]] == [
        ("destination_removed", "nl"),
        ("destination_added", "nl"),
    ]
    assert PASSWORD not in str(events)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("work", 409, "work was not added on the page; who wants to be rid of it takes it out"),
        ("wrk", 404, "no destination is called 'wrk'; did you mean 'work'?"),
        ("..", 404, "no destination is called '..'"),
    ],
)
def test_only_what_was_added_can_be_removed(
    orchestra: Orchestra, api: FlaskClient, name: str, code: int, said: str
) -> None:
    if name != "..":
        status, text = refused(api, f"/destinations/{name}/remove")
        assert (status, text[: len(said)]) == (code, said)
    with pytest.raises(Refused) as error:
        orchestra.service.remove_destination(name)
    assert str(error.value) in said


# --- kept ----------------------------------------------------------------------------------------


def test_it_outlives_down_and_up_and_a_start(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api)
    report(orchestra)
    orchestra.service.down()
    status, said = refused(api, "/destinations", {**BODY, "name": "se"})
    assert (status, said) == (409, "the router does not run; start it with: orchestrator up")
    orchestra.start()
    orchestra.service.up()
    assert "manyways-egress-nl" in orchestra.engine.there
    assert orchestra.reconciler.config is not None
    nl = orchestra.reconciler.config.destination("nl")
    assert nl is not None
    assert nl.offered


def test_mistakes_in_the_files_do_not_concern_it(orchestra: Orchestra, api: FlaskClient) -> None:
    orchestra.configure("lan: [")
    orchestra.start()
    orchestra.reconciler.reload()
    orchestra.reconciler.converge()
    fresh = make_app(orchestra.service).test_client()
    assert add(fresh)["accepted"] is True
    assert fresh.post("/api/v1/destinations/nl/remove").status_code == 200


@pytest.mark.parametrize("previous", [True, False])
def test_what_cannot_be_read_is_set_aside_and_said(
    orchestra: Orchestra, api: FlaskClient, previous: bool
) -> None:
    add(api)
    report(orchestra)
    add(api, name="se")
    folder = orchestra.folder / "state" / "added"
    (folder / "nl.json").write_text('{"name": "nl", "profile": 3, "password": "swordfish"')
    if not previous:
        (folder / "nl.json.previous").unlink()
    orchestra.start()
    orchestra.reconciler.reload()
    orchestra.reconciler.converge()
    fresh = make_app(orchestra.service).test_client()
    problems = fresh.get("/api/v1/status").get_json()["problems"]
    assert problems[0] == (
        "what was kept of the added VPN 'nl' could not be read; it was set aside as "
        "added/nl.json.damaged"
    )
    assert "swordfish" not in str(problems)
    assert (problems[1:] == []) is previous
    assert (destination(fresh) is not None) is previous
    assert destination(fresh, "se") is not None
    assert fresh.post("/api/v1/destinations/nl/remove").status_code == 200
    assert fresh.get("/api/v1/status").get_json()["problems"] == []
    assert kept(orchestra) == {"se.json"}


def test_a_profile_that_is_no_longer_accepted_is_said(orchestra: Orchestra) -> None:
    folder = orchestra.folder / "state" / "added"
    folder.mkdir()
    document = {"name": "nl", "at": "2026-01-01T00:00:00+00:00", "profile": "up /x\n"}
    (folder / "nl.json").write_text(json.dumps(document))
    shelf = Shelf(folder)
    assert shelf.usable == ()
    assert shelf.problems[0].startswith(
        "the VPN 'nl', which was added on the page, can't be used any more: "
    )
    assert "nl" in shelf


def test_a_card_that_takes_no_more_keeps_nothing_and_adds_nothing(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    (orchestra.folder / "state" / "added").write_text("in the way")
    answer = api.post("/api/v1/destinations", json=BODY)
    assert answer.status_code == 503
    assert PASSWORD not in answer.text
    assert destination(api) is None


def test_only_root_can_read_what_was_added(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api)
    folder = orchestra.folder / "state" / "added"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_secrets_are_in_no_answer_and_no_log(
    orchestra: Orchestra, api: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = [api.post("/api/v1/destinations", json=BODY).text]
    report(orchestra)
    texts += [api.get(f"/api/v1/{path}").text for path in ("status", "plan", "devices")]
    texts += [api.post("/api/v1/destinations", json=BODY).text]
    orchestra.start()
    texts += [str(orchestra.reconciler.reload()), str(orchestra.reconciler.preview())]
    texts += [api.post("/api/v1/destinations/nl/remove").text, caplog.text]
    for text in texts:
        assert PASSWORD not in text
        assert USER not in text
        assert "TWFueXdheXM" not in text


# --- against the files ---------------------------------------------------------------------------


def test_a_file_takes_the_name_and_nobody_follows_by_himself(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    add(api)
    report(orchestra)
    api.post("/api/v1/devices/tv/assign", json={"destination": "nl"})
    orchestra.configure(ROUTER_YAML.replace("  work:", "  nl: {type: direct}\n  work:"))
    assert api.post("/api/v1/up").status_code == 200
    status = api.get("/api/v1/status").get_json()
    assert destination(api)["kind"] == "direct"
    assert destination(api)["added"] is False
    (note,) = status["config"]["notes"]
    assert note.startswith("'nl', which was added on the page, is not used: router.yaml or")
    tv = status["devices"][0]
    assert (tv["state"], tv["destination"]) == ("rejected", "nl (as added)")
    assert "no longer exists; choose another" in tv["message"]
    # Nor does taking the switch back lead there, nor the end of a time.
    assert refused(api, "/devices/tv/undo")[0] == 409
    # Who chooses the file's one gets it, and a later start takes it from nobody.
    assert orchestra.switchboard.assign("tv", "nl").new == "nl"
    orchestra.start()
    assert orchestra.reconciler.reload() == ()
    orchestra.reconciler.converge()
    assert orchestra.service.device(TV)["destination"] == "nl"
    # The added one can go while devices go by the file's.
    fresh = make_app(orchestra.service).test_client()
    assert fresh.post("/api/v1/destinations/nl/remove").status_code == 200
    assert fresh.get("/api/v1/status").get_json()["config"]["notes"] == []
    assert destination(fresh)["kind"] == "direct"


def test_the_added_one_is_back_when_the_file_gives_the_name_back(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    add(api)
    profiles = orchestra.config_folder / "profiles"
    profiles.mkdir()
    (profiles / "nl.ovpn").write_text(GOOD_ONE)
    (profiles / "nl.txt").write_text("somebody\nelse\n")
    assert api.post("/api/v1/up").status_code == 200
    assert destination(api)["added"] is False
    (profiles / "nl.ovpn").unlink()
    assert api.post("/api/v1/up").status_code == 200
    assert destination(api)["added"] is True


def test_router_yaml_cannot_lean_on_what_was_added(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api)
    orchestra.configure(ROUTER_YAML.replace("destination: work", "destination: nl"))
    answer = api.post("/api/v1/up")
    assert answer.status_code == 409
    assert "there is no destination 'nl'" in answer.get_json()["errors"][0]


def test_a_plan_says_what_the_next_up_does_with_it(orchestra: Orchestra, api: FlaskClient) -> None:
    add(api)
    orchestra.configure(ROUTER_YAML.replace("  work:", "  nl: {type: direct}\n  work:"))
    targets = {a.target for a in orchestra.service.plan()}
    assert "manyways-egress-nl" in targets
    assert "manyways-egress-work" not in targets
    assert destination(api)["added"] is True


# --- what it costs the others --------------------------------------------------------------------


def test_a_vpn_that_never_works_asks_no_device_and_looks_at_docker_once(
    orchestra: Orchestra, api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(api)
    monkeypatch.setattr(NeighbourWatch, "look", lambda *_: pytest.fail("a device was asked"))
    containers, looks = orchestra.engine.containers, []

    def look() -> tuple[ObservedContainer, ...]:
        looks.append(1)
        return containers()

    monkeypatch.setattr(orchestra.engine, "containers", look)
    for _ in range(3):
        report(orchestra, tunnel={"state": "connecting"})
    assert looks == [1]


def test_an_event_during_a_look_at_docker_asks_for_another_look(
    orchestra: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    containers, looks = orchestra.engine.containers, []

    def look() -> tuple[ObservedContainer, ...]:
        looks.append(1)
        found = containers()
        if len(looks) == 1:
            del orchestra.engine.there["manyways-egress-work"]
            orchestra.service.look_again()
        return found

    orchestra.service.look_again()
    monkeypatch.setattr(orchestra.engine, "containers", look)
    orchestra.service.destination_states()
    assert orchestra.service.destination_states()["work"][0] == "down"
    assert looks == [1, 1]


def test_whoever_comes_while_a_vpn_is_added_is_told_so_and_waits_for_nothing(
    orchestra: Orchestra, api: FlaskClient
) -> None:
    busy = "another VPN is being added or removed; try again in a moment"
    met: list[tuple[int, str]] = []

    def meanwhile(_: Action) -> bool:
        if not met:
            other = make_app(orchestra.service).test_client()
            met.append(refused(other, "/destinations", {**BODY, "name": "fr"}))
            met.append(refused(other, "/destinations/nl/remove"))
        return False

    orchestra.engine.refuses = meanwhile
    add(api)
    assert met == [(409, busy), (409, busy)]
    assert destination(api, "fr") is None
