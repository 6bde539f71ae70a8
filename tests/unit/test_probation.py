"""A change that could cut the home off stays only when somebody shows that it did not."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from orchestrator import probation
from orchestrator.api import make_app
from orchestrator.client.control import FROM
from orchestrator.model import Config
from orchestrator.reconcile import BadConfiguration
from orchestrator.service import Service
from tests.unit.orchestra import ROUTER_YAML, Orchestra

MOVED = ROUTER_YAML.replace("192.168.77.1/24", "192.168.99.1/24")
MOVED_AGAIN = ROUTER_YAML.replace("192.168.77.1/24", "10.9.9.1/24")
OLD, NEW = IPv4Address("192.168.77.1"), IPv4Address("192.168.99.1")
A_BROWSER = "192.168.99.120:40000"
TV = "02:00:00:00:00:01"


@pytest.fixture
def running(tmp_path: Path) -> Orchestra:
    orchestra = Orchestra(tmp_path)
    assert orchestra.service.up().errors == ()
    assert orchestra.service.probation() is None, "the first configuration replaces none"
    return orchestra


@pytest.fixture
def moved(running: Orchestra, monkeypatch: pytest.MonkeyPatch) -> Orchestra:
    """A home whose LAN has just moved. Its services are all well, as far as the router knows."""
    monkeypatch.setattr(Service, "_broken", lambda *_: "")
    running.configure(MOVED)
    assert running.service.up().errors == ()
    assert _address(running) == NEW
    return running


def _address(o: Orchestra) -> IPv4Address:
    """Where the router is: by the configuration in force, which is also the one applied."""
    assert o.reconciler.config is not None
    address = o.reconciler.config.lan.address.ip
    assert f",{address}\n" in (o.volume.read("rendered/dhcp/dnsmasq.conf") or "")
    return address


def _state(o: Orchestra) -> str:
    now = o.service.probation()
    return now["state"] if now else "none"


def _kinds(o: Orchestra) -> list[str]:
    return [event["kind"] for event in o.activity.page(None, 50)[0]]


@contextmanager
def _a_full_disk(o: Orchestra) -> Iterator[None]:
    """Nothing new can be written into the state's folder, even by root."""
    folder = o.folder / "state"
    blocked = [folder / ".last-good.json.new", folder / ".probation.json.new"]
    for path in blocked:
        path.mkdir()
    yield
    for path in blocked:
        path.rmdir()


def test_what_endangers_nobody_is_not_on_probation(running: Orchestra) -> None:
    running.configure(ROUTER_YAML.replace("work: {", "nl: {type: direct}\n  work: {"))
    assert running.service.up().errors == ()
    assert running.service.probation() is None
    running.later(3600)
    assert running.reconciler.config is not None
    assert running.reconciler.config.destination("nl")


def test_without_a_sign_from_home_it_goes_back_by_itself(moved: Orchestra) -> None:
    now = moved.service.probation()
    assert now is not None
    assert (now["state"], now["seconds_left"]) == ("waiting", 60)
    assert now["reasons"] == [
        "lan.address from 192.168.77.1/24 to 192.168.99.1/24",
        "lan.dhcp_range from 192.168.77.100-192.168.77.199 to 192.168.99.100-192.168.99.199",
    ]
    moved.later(59)
    assert (_address(moved), _state(moved)) == (NEW, "waiting")
    moved.later(1)
    assert (_address(moved), _state(moved)) == (OLD, "taken back")
    report = moved.service.status()
    assert report["state"] == "degraded"
    assert "nobody at home could open the page" in report["problems"][0]
    assert "192.168.99.1/24" in report["problems"][0]
    assert _kinds(moved)[0] == "change_taken_back"


def test_confirmed_it_stays(moved: Orchestra) -> None:
    assert moved.service.confirm("anna") is True
    assert _kinds(moved)[0] == "change_kept"
    moved.later(3600)
    assert moved.service.confirm() is False
    moved.reboot()
    assert (_address(moved), _state(moved)) == (NEW, "none")


def test_with_keep_it_is_not_on_probation(running: Orchestra) -> None:
    running.configure(MOVED)
    running.service.up(keep=True)
    running.later(3600)
    assert (_address(running), _state(running)) == (NEW, "none")


@pytest.mark.parametrize(
    ("mac", "state"), [(TV, "none"), (None, "waiting"), ("02:a1:b2:03:00:00", "waiting")]
)
def test_only_a_device_at_home_that_opens_the_page_keeps_it(
    moved: Orchestra, monkeypatch: pytest.MonkeyPatch, mac: str | None, state: str
) -> None:
    monkeypatch.setattr(moved.service._visitors, "device", lambda *_: mac)
    client = make_app(moved.service).test_client()
    assert client.get("/api/v1/status").status_code == 200, "the command line is no visit"
    assert _state(moved) == "waiting"
    assert client.get("/api/v1/access", headers={FROM: A_BROWSER}).status_code == 200
    assert _state(moved) == state


def test_a_visit_before_it_is_applied_shows_nothing(
    running: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.service._visitors, "device", lambda *_: TV)
    running.configure(MOVED)
    assert running.reconciler.reload(asked=True) == ()
    make_app(running.service).test_client().get("/api/v1/access", headers={FROM: A_BROWSER})
    assert _state(running) == "applying"


def test_a_visit_with_a_full_disk_is_answered_and_does_not_count(
    moved: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moved.service._visitors, "device", lambda *_: TV)
    client = make_app(moved.service).test_client()
    with _a_full_disk(moved):
        assert client.get("/api/v1/access", headers={FROM: A_BROWSER}).status_code == 200
        assert client.post("/api/v1/confirm").status_code == 503
    assert _state(moved) == "waiting"
    assert client.post("/api/v1/confirm").json == {"kept": True}
    assert client.post("/api/v1/confirm").json == {"kept": False}


def test_up_tells_what_waits(running: Orchestra) -> None:
    client = make_app(running.service).test_client()
    assert client.post("/api/v1/up").get_json()["probation"] is None
    running.configure(MOVED)
    assert client.post("/api/v1/up").get_json()["probation"]["state"] == "waiting"
    assert client.post("/api/v1/up", json={"keep": True}).get_json()["probation"] is None
    running.later(3600)
    assert _address(running) == NEW


def test_a_visit_too_late_keeps_nothing(moved: Orchestra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moved.service._visitors, "device", lambda *_: TV)
    moved.later(59)
    moved.moment = replace(moved.moment, uptime=moved.moment.uptime + 1)
    make_app(moved.service).test_client().get("/api/v1/access", headers={FROM: A_BROWSER})
    moved.look()
    assert _state(moved) == "taken back"


def test_what_was_taken_back_waits_for_a_person(moved: Orchestra) -> None:
    moved.later(60)
    moved.start()
    assert moved.reconciler.reload() == ()
    moved.later(5)
    assert (_address(moved), _state(moved)) == (OLD, "taken back")
    moved.reboot()
    assert (_address(moved), _state(moved)) == (OLD, "taken back")
    moved.service.up()
    assert (_address(moved), _state(moved)) == (NEW, "waiting")


def test_another_change_is_tried_without_asking(moved: Orchestra) -> None:
    moved.later(60)
    moved.configure(MOVED_AGAIN)
    moved.reboot()
    assert (str(_address(moved)), _state(moved)) == ("10.9.9.1", "waiting")
    moved.later(60)
    assert _address(moved) == OLD


def test_a_file_that_is_as_before_ends_the_complaint(moved: Orchestra) -> None:
    moved.later(60)
    moved.configure(ROUTER_YAML)
    moved.service.up()
    assert (_state(moved), moved.service.status()["problems"]) == ("none", [])


def test_a_change_of_a_change_goes_back_to_what_was_known_to_work(moved: Orchestra) -> None:
    moved.later(30)
    moved.configure(MOVED_AGAIN)
    moved.service.up()
    moved.later(59)
    assert str(_address(moved)) == "10.9.9.1", "it has its own minute"
    moved.later(1)
    assert _address(moved) == OLD


def test_addresses_that_stay_are_given_out_as_ever(running: Orchestra) -> None:
    before = running.volume.read("rendered/dhcp/dnsmasq.conf")
    running.configure(ROUTER_YAML + "transit: 10.214.0.0/16\n")
    running.service.up()
    assert _state(running) == "waiting"
    assert running.volume.read("rendered/dhcp/dnsmasq.conf") == before


@pytest.mark.parametrize(
    ("lease", "brief", "kept"), [("12h", "120", "43200"), ("2m", "120", "120")]
)
def test_addresses_are_given_out_briefly_until_it_is_kept(
    running: Orchestra, lease: str, brief: str, kept: str
) -> None:
    def lease_time() -> str:
        text = running.volume.read("rendered/dhcp/dnsmasq.conf") or ""
        return next(line for line in text.split("\n") if "dhcp-range=" in line).rpartition(",")[2]

    running.configure(MOVED.replace("lan:\n", f"lan:\n  lease_time: {lease}\n"))
    running.service.up()
    assert lease_time() == brief
    running.start()
    running.reconciler.reload()
    running.look()
    assert lease_time() == brief
    running.service.confirm()
    assert running.reconciler.wanted.is_set()
    running.look()
    assert lease_time() == kept
    running.configure(ROUTER_YAML)
    running.service.up()
    assert lease_time() == brief
    running.later(60)
    assert lease_time() == kept, "what it goes back to is no trial"


def test_saying_up_again_is_no_confirmation(moved: Orchestra) -> None:
    moved.later(59)
    moved.service.up()
    moved.later(1)
    assert _address(moved) == OLD


def test_mended_within_the_minute_nothing_waits(moved: Orchestra) -> None:
    moved.configure(ROUTER_YAML)
    moved.service.up()
    assert (_address(moved), _state(moved)) == (OLD, "none")


def test_a_restart_of_the_machine_goes_back(moved: Orchestra) -> None:
    moved.later(10)
    moved.reboot()
    assert (_address(moved), _state(moved)) == (OLD, "taken back")
    assert "restarted" in moved.service.status()["problems"][0]


def test_so_does_one_before_it_was_applied(running: Orchestra) -> None:
    running.configure(MOVED)
    assert running.reconciler.reload(asked=True) == ()
    running.reboot()
    assert (_address(running), _state(running)) == (OLD, "taken back")


def test_a_restart_of_the_daemon_alone_changes_nothing(moved: Orchestra) -> None:
    moved.later(40)
    moved.start()
    moved.reconciler.reload()
    moved.later(19)
    assert (_address(moved), _state(moved)) == (NEW, "waiting")
    moved.later(1)
    assert _address(moved) == OLD


def test_a_start_with_a_changed_file_tries_it(running: Orchestra) -> None:
    running.configure(MOVED)
    running.reboot()
    assert (_address(running), _state(running)) == (NEW, "waiting")
    running.later(60)
    assert _address(running) == OLD


def test_while_stopped_no_time_passes(moved: Orchestra) -> None:
    moved.service.down()
    moved.later(3600)
    moved.reboot()
    assert _state(moved) == "applying"
    moved.service.up()
    assert (_address(moved), _state(moved)) == (NEW, "waiting")
    moved.later(60)
    assert _address(moved) == OLD


def test_time_begins_also_when_it_can_not_be_applied(running: Orchestra) -> None:
    running.configure(MOVED)
    running.engine.refuses = lambda action: action.target == "manyways-lan"
    assert running.service.up().errors != ()
    running.later(60)
    assert _state(running) == "taken back"


def test_a_full_disk_changes_nothing_and_locks_nobody_out(running: Orchestra) -> None:
    running.configure(MOVED)
    with _a_full_disk(running), pytest.raises(OSError):
        running.service.up()
    assert _address(running) == OLD
    running.service.up()
    assert _address(running) == NEW
    with _a_full_disk(running):
        running.later(60)
        assert (_address(running), _state(running)) == (OLD, "taken back")
    running.start()
    running.reconciler.reload()
    running.look()
    assert _address(running) == OLD


def test_a_configuration_with_mistakes_does_not_stop_the_clock(moved: Orchestra) -> None:
    moved.configure("lan: [")
    with pytest.raises(BadConfiguration):
        moved.service.up()
    moved.later(60)
    assert _address(moved) == OLD


def test_it_holds_keys_and_is_for_root_alone(moved: Orchestra) -> None:
    path = moved.folder / "state" / "probation.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_name("probation.json.previous").exists()


def test_what_can_not_be_read_leaves_everything_as_it_is(moved: Orchestra) -> None:
    (moved.folder / "state" / "probation.json").write_text('{"pending": {')
    moved.start()
    moved.reconciler.reload()
    moved.later(60)
    assert (_address(moved), _state(moved)) == (NEW, "none")


def test_the_same_files_are_the_same_change(running: Orchestra, tmp_path: Path) -> None:
    def read() -> Config:
        running.reconciler.reload()
        assert running.reconciler.config is not None
        return running.reconciler.config

    first = probation.digest(read())
    shutil.copy(running.config_folder / "router.yaml", tmp_path / "copy")
    running.configure((tmp_path / "copy").read_text() + "\n# a comment\n")
    assert probation.digest(read()) == first
    running.configure(MOVED)
    assert probation.digest(read()) != first


# --- what the router itself finds ----------------------------------------------------------------


def test_the_router_itself_finds_that_its_page_does_not_run(running: Orchestra) -> None:
    """Nothing really runs in this home, so the router's rules are not loaded."""
    running.configure(MOVED)
    running.service.up()
    running.later(29)
    running.later(0)
    assert _state(running) == "waiting", "a slow machine needs its time"
    running.later(1)
    assert _state(running) == "waiting", "one bad moment is none"
    running.later(3)
    assert (_address(running), _state(running)) == (OLD, "taken back")
    now = running.service.probation()
    assert now is not None
    assert now["why"] == "router: its rules are not loaded; nothing is forwarded"


def test_a_silent_engine_is_no_finding(running: Orchestra) -> None:
    running.configure(MOVED)
    running.service.up()
    running.engine.silent = True
    for _ in range(9):
        running.later(6)
        assert _state(running) == "waiting"
    running.later(6)
    assert _state(running) == "taken back"
