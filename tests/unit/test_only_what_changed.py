"""Each kind of change in router.yaml, and exactly the steps that it leads to.

Nobody's connection shall break because of a change that is about somebody else: no container but
the one that a change is about is restarted, removed or created.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest

from orchestrator import store
from orchestrator.desired import Images, Inputs, desired_state
from orchestrator.model import (
    AddressRange,
    Config,
    ConfiguredDevice,
    DesiredState,
    Destination,
    Kind,
    Uplink,
    Verb,
)
from orchestrator.plan import make_plan
from tests.homes import HOME, LAN, LAPTOP, NEW, PROFILE, TV, without
from tests.unit.observed import all_of

ROLES = ("router", "dhcp", "webui", "egress")
IMAGES = Images({r: f"manyways/{r}:dev" for r in ROLES}, {r: f"sha256:{r}" for r in ROLES})
LEASES = {TV: IPv4Address("192.168.77.20"), LAPTOP: IPv4Address("192.168.77.101")}
ON_DISK = (Verb.WRITE_FILE, Verb.REMOVE_FILE, Verb.MAKE_DIRECTORY)
DIRECT, UK, WORK = HOME.destinations


def _desired(config: Config, state: store.State) -> DesiredState:
    return desired_state(Inputs(config, state, LEASES, IMAGES))


def _steps(new: Config) -> list[str]:
    """What a home goes through whose configuration becomes `new`, but for files."""
    state = store.settle(HOME, NEW, {LAPTOP: "pc"})
    there = all_of(_desired(HOME, state))
    plan = make_plan(_desired(new, store.settle(new, state, {LAPTOP: "pc"})), there)
    return [f"{a.verb} {a.target}" for a in plan.actions if a.verb not in ON_DISK]


def _device(**fields: object) -> Config:
    return replace(HOME, devices=(replace(HOME.devices[0], **fields),))  # type: ignore[arg-type]


def _uk(**fields: object) -> Config:
    return replace(HOME, destinations=(DIRECT, replace(UK, **fields), WORK))  # type: ignore[arg-type]


def _lan(**fields: object) -> Config:
    return replace(HOME, lan=replace(LAN, **fields))  # type: ignore[arg-type]


NL = Destination("nl", Kind.DIRECT, "home")
RELOADED = ["load rules manyways-router"]
ADDED = [
    "create network manyways-transit-nl",
    "create container manyways-egress-nl",
    "connect manyways-router manyways-transit-nl",
    *RELOADED,
]
EVERY_EGRESS = [f"restart container manyways-egress-{name}" for name in ("direct", "uk", "work")]
CHANGES: dict[str, tuple[Config, list[str]]] = {
    "nothing": (HOME, []),
    "a device has another name": (_device(name="telly"), []),
    "a device is new": (
        replace(HOME, devices=(*HOME.devices, ConfiguredDevice(LAPTOP, "laptop"))),
        [],
    ),
    "a device goes elsewhere": (_device(destination="work"), []),
    "a device has another address": (
        _device(address=IPv4Address("192.168.77.21")),
        ["reload container manyways-dhcp"],
    ),
    "a device may hide its queries": (_device(dns_over_tls=True), RELOADED),
    "another default": (replace(HOME, default_destination="uk"), []),
    "new devices wait": (replace(HOME, refuse_new_devices=True), []),
    "a destination is new": (replace(HOME, destinations=(*HOME.destinations, NL)), ADDED),
    "it stands first": (replace(HOME, destinations=(NL, *HOME.destinations)), ADDED),
    "it takes an address of a range": (
        replace(HOME, destinations=(replace(NL, uplink="office"), *HOME.destinations)),
        ADDED,
    ),
    "a destination is gone": (
        without(HOME, "work"),
        [
            "remove container manyways-egress-work",
            "disconnect manyways-router manyways-transit-work",
            "remove network manyways-transit-work",
            *RELOADED,
        ],
    ),
    "a destination has another profile": (
        _uk(profile=replace(PROFILE, directives=())),
        ["restart container manyways-egress-uk"],
    ),
    "a destination has another resolver": (_uk(dns=()), ["restart container manyways-egress-uk"]),
    "a destination has a title": (_uk(title="United Kingdom", country="GB"), []),
    "an uplink is new": (
        replace(HOME, uplinks=(*HOME.uplinks, Uplink("lte", "usb0"))),
        ["create network manyways-uplink-lte"],
    ),
    "an uplink has another port": (
        replace(HOME, uplinks=(HOME.uplinks[0], replace(HOME.uplinks[1], interface="eth9"))),
        [
            "remove container manyways-egress-work",
            "remove network manyways-uplink-office",
            "create network manyways-uplink-office",
            "create container manyways-egress-work",
        ],
    ),
    "other addresses for guests": (
        _lan(dhcp_range=AddressRange(LAN.dhcp_range.first, IPv4Address("192.168.77.150"))),
        ["restart container manyways-dhcp"],
    ),
    "a shorter lease": (_lan(lease_time=600), ["restart container manyways-dhcp"]),
    "another domain": (  # each destination's resolver answers for it
        _lan(domain="home.arpa"),
        [
            "remove container manyways-webui",
            *EVERY_EGRESS,
            "restart container manyways-dhcp",
            "create container manyways-webui",
        ],
    ),
    "another home network": (
        _lan(address=IPv4Interface("10.9.9.1/24")),
        [
            *(f"remove container manyways-{name}" for name in ("router", "dhcp", "webui")),
            "remove network manyways-lan",
            "create network manyways-lan",
            *EVERY_EGRESS,
            *(f"create container manyways-{name}" for name in ("router", "dhcp", "webui")),
        ],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_only_what_changed(change: str) -> None:
    new, steps = CHANGES[change]
    assert _steps(new) == steps
