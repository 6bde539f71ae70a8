"""The loop's decisions: what is retried, what a bad configuration leaves alone, what is kept."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from orchestrator.model import Action, Verb
from orchestrator.reconcile import BadConfiguration
from tests.unit.orchestra import ROUTER_YAML, Orchestra

TV, STRANGER = "02:00:00:00:00:01", "02:00:00:00:00:09"
SERVICES = {"manyways-router", "manyways-dhcp", "manyways-webui"}
EGRESSES = {"manyways-egress-direct", "manyways-egress-work"}


@pytest.fixture
def orchestra(tmp_path: Path) -> Orchestra:
    return Orchestra(tmp_path)


@pytest.fixture
def running(orchestra: Orchestra) -> Orchestra:
    assert orchestra.service.up().errors == ()
    return orchestra


def test_up_makes_everything_and_a_second_time_nothing(running: Orchestra) -> None:
    assert set(running.engine.there) == SERVICES | EGRESSES
    assert running.ports == ["eth1"]
    assert running.service.up().actions == ()
    assert running.service.plan() == ()


def test_a_start_recreates_nothing(running: Orchestra) -> None:
    running.start()
    assert running.reconciler.reload() == ()
    assert running.reconciler.converge().actions == ()


def test_a_bad_configuration_changes_nothing_and_says_why(running: Orchestra) -> None:
    running.configure(ROUTER_YAML.replace("{type: direct}", "{type: drect}"))
    with pytest.raises(BadConfiguration) as bad:
        running.service.up()
    assert "destinations.direct.type" in bad.value.errors[0]
    assert running.reconciler.converge().actions == ()
    report = running.service.status()
    assert report["config"]["errors"] == list(bad.value.errors)
    assert report["state"] == "degraded"


def test_readings_at_once_do_not_disturb_each_other(running: Orchestra) -> None:
    """As a start does while a person says `up`: both keep the configuration on disk."""
    with ThreadPoolExecutor(4) as pool:
        for minutes in range(10, 40):
            running.configure(ROUTER_YAML.replace("lan:\n", f"lan:\n  lease_time: {minutes}m\n"))
            readings = [pool.submit(running.reconciler.reload) for _ in range(4)]
            assert [reading.result() for reading in readings] == [()] * 4
    assert running.reconciler.config is not None
    assert running.reconciler.config.lan.lease_time == 39 * 60


def test_the_last_good_configuration_survives_a_start(running: Orchestra) -> None:
    running.configure("lan: [")
    running.start()
    assert running.reconciler.reload() != ()
    assert running.reconciler.converge().actions == ()
    assert set(running.engine.there) == SERVICES | EGRESSES


def test_what_holds_keys_is_for_root_alone(running: Orchestra) -> None:
    for name in ("last-good.json", "state.json", "rendered/egress-work/egress.json"):
        mode = (running.folder / "state" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600, name


def test_one_failing_step_keeps_no_other_away(orchestra: Orchestra) -> None:
    def refuse_work(action: Action) -> bool:
        return action.target == "manyways-egress-work"

    orchestra.engine.refuses = refuse_work
    outcome = orchestra.service.up()
    assert outcome.errors == ("create container manyways-egress-work: not today",)
    assert set(orchestra.engine.there) == SERVICES | {"manyways-egress-direct"}
    assert orchestra.service.status()["problems"] == list(outcome.errors)
    orchestra.engine.refuses = lambda _: False
    assert [a.target for a in orchestra.reconciler.converge().actions] == ["manyways-egress-work"]
    assert orchestra.service.status()["problems"] == []


def test_a_restart_that_failed_is_made_up_for(running: Orchestra) -> None:
    """The file is written by then, so only what the container was told shows that it is owed."""
    running.configure(
        ROUTER_YAML.replace("work: {type: direct}", "work: {type: direct, dns: [9.9.9.9]}")
    )
    running.engine.refuses = lambda action: action.verb is Verb.RESTART_CONTAINER
    assert running.service.up().errors != ()
    running.engine.refuses = lambda _: False
    again = running.reconciler.converge()
    assert [(a.verb, a.target) for a in again.actions] == [
        (Verb.RESTART_CONTAINER, "manyways-egress-work")
    ]
    assert running.reconciler.converge().actions == ()


def test_an_engine_that_is_silent_is_a_problem_and_no_end(running: Orchestra) -> None:
    running.engine.silent = True
    assert running.reconciler.converge().errors == ("the Docker engine does not answer",)
    assert running.service.status()["state"] == "degraded"
    running.engine.silent = False
    assert running.reconciler.converge().errors == ()


def test_plan_only_looks(running: Orchestra) -> None:
    before = running.switchboard.state
    running.configure(
        ROUTER_YAML.replace("work:", "office:")
        .replace("tv, ", "tv, ")
        .replace("destination: work", "destination: office")
    )
    assert {a.target for a in running.service.plan()} >= {
        "manyways-egress-office",
        "manyways-egress-work",
    }
    assert running.switchboard.state == before
    assert set(running.engine.there) == SERVICES | EGRESSES


def test_down_keeps_what_is_remembered_until_up(running: Orchestra) -> None:
    running.service.household.assign("tv", "direct")
    assert running.service.down().errors == ()
    assert running.engine.there == {}
    running.start()
    running.reconciler.reload()
    assert running.reconciler.converge().actions == ()  # stopped stays stopped
    assert running.service.status()["stopped"] is True
    running.service.up()
    assert set(running.engine.there) == SERVICES | EGRESSES
    assert running.service.device(TV)["destination"] == "direct"


def test_new_images_are_taken_at_up_only(running: Orchestra) -> None:
    running.engine.built = "2"
    assert running.reconciler.converge().actions == ()
    assert {a.target for a in running.service.up().actions} == SERVICES | EGRESSES


def test_a_lease_makes_a_device_and_its_name(running: Orchestra) -> None:
    running.lease(f"{STRANGER} 192.168.77.120 Pad")
    outcome = running.reconciler.converge()
    assert [a.target for a in outcome.actions] == ["rendered/names/hosts"]
    device = running.service.device(STRANGER)
    assert (device["name"], device["destination"]) == ("pad", "direct")
    assert "192.168.77.120 pad.lan pad" in (running.volume.read("rendered/names/hosts") or "")


def test_a_device_without_a_lease_has_its_name_as_well(running: Orchestra) -> None:
    mac, at = "02:00:00:00:00:07", IPv4Address("192.168.77.50")
    assert running.switchboard.meet({mac: at})
    running.reconciler.converge()
    assert "192.168.77.50 device-000007.lan" in (running.volume.read("rendered/names/hosts") or "")
    assert running.reconciler.preview().actions == ()
    running.lease(f"{mac} 192.168.77.50 camera")
    running.reconciler.converge()
    assert "192.168.77.50 camera.lan" in (running.volume.read("rendered/names/hosts") or "")


def test_a_deleted_destination_rejects_its_device(running: Orchestra) -> None:
    running.service.household.assign("tv", "work")
    text = ROUTER_YAML.replace("  work: {type: direct}\n", "").replace(", destination: work", "")
    running.configure(text)
    running.service.up()
    device = running.service.device(TV)
    assert device["state"] == "rejected"
    assert "'work' no longer exists" in device["message"]


def test_a_switch_to_where_it_is_leaves_the_last_receipt(running: Orchestra) -> None:
    first = running.service.household.assign("tv", "direct")
    running.service.household.assign("tv", "direct")
    assert running.service.device(TV)["receipt"] == first
