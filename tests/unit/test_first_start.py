"""`docker compose up -d` without a router.yaml: the router chooses, once, and says so."""

from __future__ import annotations

import logging
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import cli
from orchestrator.doctor.machine import NotSeen, Port
from orchestrator.first_start import CHOSEN, FirstStart
from orchestrator.proposal import NO_AIR
from orchestrator.proposed_wifi import Air
from orchestrator.runtime import machine
from tests.machines import LAN_PORT, UPLINK, WLAN
from tests.unit.orchestra import ROUTER_YAML, Orchestra

PORTS = (UPLINK, LAN_PORT)


def begin(folder: Path, *ports: Port) -> Orchestra:
    """A router whose folder has no router.yaml, on a machine with these ports."""
    orchestra = Orchestra(folder)
    (orchestra.config_folder / "router.yaml").unlink()
    orchestra.seen = ports
    return orchestra


@pytest.fixture
def fresh(tmp_path: Path) -> Orchestra:
    return begin(tmp_path, *PORTS)


def chosen(orchestra: Orchestra) -> Path:
    return orchestra.folder / "state" / CHOSEN


def said(orchestra: Orchestra) -> str:
    found: str = orchestra.service.status()["config"]["chosen"]
    return found


def test_without_a_router_yaml_it_runs_with_what_it_chose(
    fresh: Orchestra, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert fresh.reconciler.reload() == ()
    assert fresh.reconciler.converge().errors == ()
    assert fresh.ports == ["eth1"]
    assert fresh.reconciler.config is not None
    assert fresh.reconciler.config.uplinks[0].interface == "eth0"
    for text in (caplog.text, said(fresh)):
        assert "there is no router.yaml" in text
        assert "eth0 leads to the house's router, eth1 to your devices" in text
        assert "`orchestrator init --yes`" in text


def test_the_choice_is_made_once_whatever_is_seen_later(fresh: Orchestra) -> None:
    fresh.reconciler.reload()
    before = chosen(fresh).read_text()
    assert stat.S_IMODE(chosen(fresh).stat().st_mode) == 0o600
    fresh.seen = (UPLINK, replace(LAN_PORT, name="eth2"), replace(LAN_PORT, name="eth0a"))
    fresh.start()
    assert fresh.reconciler.reload() == ()
    assert chosen(fresh).read_text() == before
    assert said(fresh).count("there is no router.yaml") == 1


def test_a_router_yaml_wins_and_the_choice_is_set_aside(fresh: Orchestra) -> None:
    fresh.reconciler.reload()
    fresh.configure(ROUTER_YAML)
    assert fresh.reconciler.reload() == ()
    assert said(fresh) == ""
    assert not chosen(fresh).exists()
    assert chosen(fresh).with_name("router.yaml.old").exists()
    (fresh.config_folder / "router.yaml").unlink()
    assert "is missing" in fresh.reconciler.reload()[0], "nothing is chosen beside a last good one"
    assert not chosen(fresh).exists()


@pytest.mark.parametrize("text", ["lan: [", "", "lan: {interfaces: [eth9]}\n"])
def test_a_broken_router_yaml_is_told_and_nothing_is_chosen(fresh: Orchestra, text: str) -> None:
    fresh.configure(text)
    assert fresh.reconciler.reload() != ()
    assert fresh.reconciler.config is None
    assert not chosen(fresh).exists()


def test_a_link_that_leads_nowhere_is_a_router_yaml(fresh: Orchestra) -> None:
    (fresh.config_folder / "router.yaml").symlink_to("/nowhere/router.yaml")
    assert fresh.reconciler.reload() != ()
    assert not chosen(fresh).exists()


@pytest.mark.parametrize(
    ("ports", "why"),
    [
        ((UPLINK,), "neither another wired port nor a radio is free"),
        ((replace(UPLINK, default_route=False), LAN_PORT), "no wired port leads to the internet"),
        ((UPLINK, replace(LAN_PORT, addresses=("10.1.1.5/24",))), "eth1 has an address"),
    ],
)
def test_what_only_a_person_can_decide_is_left_to_one(
    tmp_path: Path, ports: tuple[Port, ...], why: str
) -> None:
    orchestra = begin(tmp_path, *ports)
    missing, lack = orchestra.reconciler.reload()
    assert "router.yaml: is missing" in missing
    assert why in lack
    assert not chosen(orchestra).exists()
    orchestra.seen = PORTS
    assert orchestra.reconciler.reload() == (), "the cable is in now"


def test_what_cannot_be_seen_is_said(tmp_path: Path) -> None:
    def dark() -> tuple[tuple[Port, ...], tuple[()], Air]:
        raise NotSeen("it is dark in here")

    first = FirstStart(tmp_path, tmp_path / "state", dark)
    first.settle(fresh=True)
    assert (first.file(), "it is dark in here" in first.lack) == (None, True)


def test_a_choice_that_no_longer_fits_is_told_as_one(fresh: Orchestra) -> None:
    chosen(fresh).parent.mkdir(parents=True)
    chosen(fresh).write_text("lan: {interfaces: [eth7]}\n")
    (error,) = fresh.reconciler.reload()
    assert error.startswith("chosen router.yaml:1: lan.interfaces")


def test_init_begins_with_the_choice(
    fresh: Orchestra, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh.reconciler.reload()
    changed = chosen(fresh).read_text().replace("192.168.77.1/24", "10.9.8.1/24")
    chosen(fresh).write_text(changed)
    monkeypatch.setenv("MANYWAYS_CONFIG", str(fresh.config_folder))
    monkeypatch.setenv("MANYWAYS_STATE", str(fresh.folder / "state"))
    monkeypatch.setattr(machine, "look_around", lambda: (PORTS, (), NO_AIR))
    assert cli.main(["init", "--yes"]) == 0
    assert "  address: 10.9.8.1/24\n" in capsys.readouterr().out


def test_wifi_is_chosen_and_no_log_holds_its_passphrase(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    orchestra = begin(tmp_path, UPLINK, WLAN)
    orchestra.air = Air(("wlan0",), "GB", "k3mp-x7rd-92ha-vbtz")
    assert orchestra.reconciler.reload() == ()
    config = orchestra.reconciler.config
    assert config is not None
    assert config.wifi is not None
    assert config.wifi.networks[0].passphrase == "k3mp-x7rd-92ha-vbtz"
    assert 'Wi-Fi "Manyways"' in said(orchestra)
    assert 'Wi-Fi "Manyways"' in caplog.text
    for text in (caplog.text, str(orchestra.service.status()), repr(config)):
        assert "k3mp" not in text
    orchestra.air = Air(("wlan0",), "GB", "another-passphrase")
    orchestra.start()
    assert orchestra.reconciler.reload() == ()
    assert orchestra.reconciler.config == config


def test_without_a_country_there_is_no_wifi(tmp_path: Path) -> None:
    orchestra = begin(tmp_path, UPLINK, WLAN)
    orchestra.air = Air(("wlan0",), "", "k3mp-x7rd-92ha-vbtz")
    assert "country is not known" in orchestra.reconciler.reload()[1]
    assert not chosen(orchestra).exists()
