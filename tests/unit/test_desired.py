"""Everything that shall be there for a sample home, as text; and what a change leaves alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from orchestrator import addressing, store
from orchestrator.addressing import Side
from orchestrator.desired import (
    Images,
    Inputs,
    allowed_hosts,
    desired_state,
)
from orchestrator.model import Config, ContainerSpec, DesiredState, NetworkSpec
from orchestrator.plan import digest
from orchestrator.render.router import HOME_MARK
from tests import golden_files
from tests.homes import HOME, LAPTOP, NEW, PHONE, TV, with_destinations, without

ROLES = ("router", "dhcp", "webui", "egress")
IMAGES = Images({r: f"manyways/{r}:dev" for r in ROLES}, {r: f"sha256:{r}" for r in ROLES})
LEASES = {TV: IPv4Address("192.168.77.20"), LAPTOP: IPv4Address("192.168.77.101")}


def _inputs(config: Config = HOME, state: store.State = NEW) -> Inputs:
    return Inputs(config, store.settle(config, state, {LAPTOP: "Anna's PC"}), LEASES, IMAGES)


def _lines(desired: DesiredState) -> Iterator[str]:
    for network in desired.networks:
        yield f"network {network.name}"
        yield from _fields(network, "name")
    for container in desired.containers:
        yield f"container {container.name}"
        yield from _fields(container, "name")
    for directory in desired.directories:
        yield f"directory {directory}"
    for file in desired.files:
        yield f"file {file.path}: {file.container or 'nobody'}, {file.on_change.value}"


def _fields(spec: NetworkSpec | ContainerSpec, *shown: str) -> Iterator[str]:
    for item in dataclasses.fields(spec):
        value = getattr(spec, item.name)
        if item.name in shown or not value:
            continue
        if isinstance(value, dict):
            yield from (f"  {item.name} {key}={word}" for key, word in value.items())
        elif isinstance(value, tuple):
            yield from (f"  {item.name} {_words(part)}" for part in value)
        else:
            yield f"  {item.name} {value}"


def _words(part: object) -> str:
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        return " ".join(f"{k}={v}" for k, v in dataclasses.asdict(part).items())
    return str(part)


def test_the_desired_state_of_a_home() -> None:
    golden_files.check("desired/home.txt", "\n".join(_lines(desired_state(_inputs()))) + "\n")


@pytest.mark.parametrize(
    "path",
    [
        "rendered/router/rules.nft",
        "rendered/router/ipv6.nft",
        "rendered/router/router.json",
        "rendered/dhcp/dnsmasq.conf",
        "rendered/dhcp/reservations",
        "rendered/dhcp/resolver.conf",
        "rendered/names/hosts",
    ],
)
def test_the_files_of_router_and_dhcp(path: str) -> None:
    (content,) = (f.content for f in desired_state(_inputs()).files if f.path == path)
    golden_files.check(path.removeprefix("rendered/"), content)


def test_the_rules_of_a_router_without_destinations() -> None:
    nothing = replace(HOME, destinations=(), devices=())
    state = store.settle(nothing, NEW, {})
    desired = desired_state(Inputs(nothing, state, {}, IMAGES))
    (rules,) = (f.content for f in desired.files if f.path == "rendered/router/rules.nft")
    resolver = f"{HOME_MARK:#010x} : {HOME.lan.dhcp_server}"
    assert re.findall(r"elements = {\s*(.*?)\s*}", rules) == [resolver], "of the home alone"
    assert "map @resolver" in rules


def _made(desired: DesiredState) -> dict[str, str]:
    networks = {network.name: digest(network) for network in desired.networks}
    return networks | {container.name: digest(container) for container in desired.containers}


def test_a_destination_that_comes_or_goes_disturbs_no_other_container() -> None:
    before = _made(desired_state(_inputs()))
    state = store.settle(HOME, NEW, {})
    after = _made(desired_state(_inputs(without(HOME, "uk"), state)))
    assert before.keys() - after.keys() == {"manyways-egress-uk", "manyways-transit-uk"}
    assert {name: before[name] for name in after} == after


def test_a_device_that_comes_or_moves_recreates_nothing() -> None:
    before = desired_state(_inputs())
    inputs = _inputs()
    addresses = {**LEASES, PHONE: IPv4Address("192.168.77.150")}
    state = store.settle(HOME, inputs.state, {PHONE: "phone"})
    after = desired_state(Inputs(HOME, state, addresses, IMAGES))
    assert (after.networks, after.containers) == (before.networks, before.containers)
    changed = {f.path for f in after.files} & {
        f.path for f, g in zip(before.files, after.files, strict=True) if f != g
    }
    assert changed == {"rendered/names/hosts"}


def test_no_container_is_more_than_it_must_be() -> None:
    containers = {c.role: c for c in desired_state(_inputs()).containers}
    assert containers["router"].capabilities == ("NET_ADMIN",)
    assert containers["webui"].capabilities == ()
    assert {m.read_only for m in containers["router"].mounts} == {True}
    assert not containers["router"].legs[0].network.startswith("manyways-uplink")
    for container in containers.values():
        assert not {"SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE"} & set(container.capabilities)


def test_only_a_destination_with_a_tunnel_gets_its_device() -> None:
    devices = {c.name: c.devices for c in desired_state(_inputs()).containers if c.devices}
    assert devices == {"manyways-egress-uk": ("/dev/net/tun",)}


def test_secrets_are_in_no_repr() -> None:
    assert "a secret" not in repr(desired_state(_inputs()))
    assert "a secret" not in repr(HOME)


def test_the_page_answers_to_its_own_names_only() -> None:
    hosts = ("192.168.77.1", "192.168.77.253", "manyways", "manyways.lan")
    assert allowed_hosts(HOME) == hosts


def test_an_egress_writes_nothing_to_the_card() -> None:
    desired = desired_state(_inputs())
    egresses = [c for c in desired.containers if c.role == "egress"]
    assert egresses
    assert [m for c in egresses for m in c.mounts if not m.read_only] == []


def test_memory_runs_out_for_the_page_first_and_for_the_router_last() -> None:
    order = {}
    for container in desired_state(_inputs()).containers:
        assert container.bounds is not None, container.name
        assert container.health, container.name
        assert container.restart
        order[container.role] = container.bounds.expendable
    # 200 is the orchestrator's (compose.yaml).
    assert order == {"webui": 500, "egress": 0, "dhcp": 0, "router": 0}


# --- numbers -------------------------------------------------------------------------------------


def test_mac_addresses_are_local_unicast_and_never_the_same() -> None:
    macs = {
        addressing.mac_address(install, side, number)
        for install in ("0000", "a1b2", "ffff")
        for side in Side
        for number in (0, 1, 239, 4095)
    }
    assert len(macs) == 3 * len(Side) * 4
    assert {mac[:2] for mac in macs} == {"02"}


def test_no_two_subnets_of_the_router_overlap() -> None:
    pool = HOME.transit_pool
    subnets = [addressing.transit_subnet(pool, n) for n in range(1, store.MAX_SLOTS + 1)]
    subnets += [addressing.uplink_subnet(pool, n) for n in range(1, store.MAX_UPLINKS + 1)]
    ordered = sorted(subnets)
    assert all(a.broadcast_address < b.network_address for a, b in zip(ordered, ordered[1:]))  # noqa: B905, RUF007
    assert all(subnet.subnet_of(pool) for subnet in subnets)


def test_every_slot_fits_into_an_uplinks_placeholder_subnet() -> None:
    names = tuple(f"d{n}" for n in range(store.MAX_SLOTS))
    desired = desired_state(_inputs(with_destinations(*names)))
    networks = {n.name: n for n in desired.networks}
    for container in desired.containers:
        for leg in container.legs:
            network = networks[leg.network]
            assert leg.address in network.subnet
            assert leg.address not in (network.gateway, network.subnet.broadcast_address)
    used = [leg.address for c in desired.containers for leg in (*c.legs, *c.hot_legs)]
    assert len(used) == len(set(used))
