"""The LAN as a bridge: what comes with several ports or Wi-Fi, and what stays as it was."""

from __future__ import annotations

import json
from dataclasses import replace

from orchestrator import segment, store
from orchestrator.desired import Images, Inputs, desired_state
from orchestrator.model import (
    Config,
    ContainerSpec,
    DesiredState,
    OnChange,
    Radio,
    Verb,
    Wifi,
    WifiNetwork,
)
from orchestrator.plan import digest, make_plan
from porter.words import parse_order
from tests.homes import HOME, LAN, NEW
from tests.unit.observed import all_of

ROLES = ("router", "dhcp", "webui", "egress", "hostapd")
IMAGES = Images({r: f"manyways/{r}:dev" for r in ROLES}, {r: f"sha256:{r}" for r in ROLES})
NETWORK = WifiNetwork("Home", "not a real secret")
RADIO = Radio("phy0", ("wlan0", "wlan0-1"), access_point=True, channels={})
WIRELESS = replace(HOME, wifi=Wifi("GB", (NETWORK,)))
TWO_PORTS = replace(HOME, lan=replace(LAN, interfaces=("eth1", "eth3")))


def _desired(config: Config, radio: Radio | None = RADIO) -> DesiredState:
    return desired_state(Inputs(config, store.settle(config, NEW, {}), {}, IMAGES, radio))


def _container(desired: DesiredState, role: str) -> ContainerSpec | None:
    return next((c for c in desired.containers if c.role == role), None)


def _file(desired: DesiredState, name: str) -> str:
    return next(f.content for f in desired.files if f.path.endswith(name))


def test_one_wired_port_has_neither_bridge_nor_porter() -> None:
    desired = _desired(HOME)
    assert desired.networks[0].driver == "macvlan"
    assert not {"hostapd", "porter"} & {c.role for c in desired.containers}
    assert not [f for f in desired.files if "porter" in f.path or "hostapd" in f.path]


def test_several_ports_need_a_porter_and_no_access_point() -> None:
    desired = _desired(TWO_PORTS, None)
    assert desired.networks[0].options["com.docker.network.bridge.name"] == segment.BRIDGE
    assert _container(desired, "hostapd") is None
    order = parse_order(_file(desired, "porter.json"))
    assert (order.bridge, order.ports, order.radio) == ("mw-lan", ("eth1", "eth3"), None)


def test_only_the_porter_may_enter_the_host_and_only_it_sees_its_processes() -> None:
    desired = _desired(WIRELESS)
    mighty = [c.role for c in desired.containers if c.pid_mode or "SYS_ADMIN" in c.capabilities]
    assert mighty == ["porter"]
    porter, access_point = _container(desired, "porter"), _container(desired, "hostapd")
    assert porter is not None
    assert porter.legs == ()
    assert access_point is not None
    assert access_point.capabilities == ("NET_ADMIN", "NET_RAW")
    assert (access_point.network_mode, len(access_point.legs)) == ("", 1)


def test_the_radio_is_named_or_the_only_one() -> None:
    assert json.loads(_file(_desired(WIRELESS), "porter.json"))["radio"] == ""
    named = replace(WIRELESS, wifi=Wifi("GB", (NETWORK,), radio="wlan0"))
    assert json.loads(_file(_desired(named), "porter.json"))["radio"] == "wlan0"


def test_further_networks_of_hostapd_do_not_change_the_interface() -> None:
    before = _file(_desired(WIRELESS, replace(RADIO, interfaces=("wlan0",))), "hostapd.conf")
    after = _file(_desired(WIRELESS, replace(RADIO, interfaces=("wlan0-1", "wlan0"))), "d.conf")
    assert before == after
    assert "interface=wlan0\n" in before
    assert "bridge=br0\n" in before


def test_the_access_point_comes_to_a_radio_that_cannot_move_and_nothing_else_changes() -> None:
    moved, stays = _desired(WIRELESS), _desired(WIRELESS, replace(RADIO, can_move=False))
    access_point = _container(stays, "hostapd")
    assert access_point is not None
    assert (access_point.network_mode, access_point.legs) == ("host", ())
    assert "bridge=mw-lan\n" in _file(stays, "hostapd.conf")
    others = [{digest(c) for c in d.containers if c.role != "hostapd"} for d in (moved, stays)]
    assert others[0] == others[1]
    assert moved.networks == stays.networks


def test_another_passphrase_restarts_the_access_point_alone() -> None:
    other = replace(NETWORK, passphrase="another one that is long")
    before, after = _desired(WIRELESS), _desired(replace(WIRELESS, wifi=Wifi("GB", (other,))))
    plan = make_plan(after, all_of(before))
    verbs = [(a.verb, a.target) for a in plan.actions]
    assert verbs == [
        (Verb.WRITE_FILE, "rendered/hostapd/hostapd.conf"),
        (Verb.RESTART_CONTAINER, "manyways-hostapd"),
    ]
    assert "another one" not in repr(after)


def test_a_further_port_is_told_to_the_porter_alone() -> None:
    three = replace(HOME, lan=replace(LAN, interfaces=("eth1", "eth3", "eth4")))
    plan = make_plan(_desired(three, None), all_of(_desired(TWO_PORTS, None)))
    verbs = [(a.verb, a.target) for a in plan.actions]
    assert verbs == [
        (Verb.WRITE_FILE, "rendered/porter/porter.json"),
        (Verb.RELOAD_CONTAINER, "manyways-porter"),
    ]


def test_without_wifi_again_its_containers_and_files_go() -> None:
    plan = make_plan(_desired(HOME), all_of(_desired(WIRELESS)))
    steps = {(a.verb, a.target) for a in plan.actions}
    for name in (segment.HOSTAPD, segment.PORTER):
        assert (Verb.REMOVE_CONTAINER, name) in steps
    assert (Verb.REMOVE_FILE, "rendered/hostapd/hostapd.conf") in steps
    verbs = [a.verb for a in plan.actions]
    assert verbs.index(Verb.REMOVE_NETWORK) > verbs.index(Verb.REMOVE_CONTAINER)


def test_what_the_porter_is_told_while_it_runs_needs_no_restart() -> None:
    files = {f.path: f.on_change for f in _desired(WIRELESS).files}
    assert files["rendered/porter/porter.json"] is OnChange.RELOAD
    assert files["rendered/hostapd/hostapd.conf"] is OnChange.RESTART
