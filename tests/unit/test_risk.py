"""Which changes could cut the home off; all others need nobody's confirmation."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from orchestrator.model import (
    AddressRange,
    Band,
    Config,
    ConfiguredDevice,
    Destination,
    Kind,
    Lan,
    Security,
    Uplink,
    Wifi,
    WifiNetwork,
)
from orchestrator.risk import risky
from tests.homes import HOME, LAN, LAPTOP, PROFILE, without

SECRET, OTHER_SECRET = "correct horse", "battery staple"
NETWORK = WifiNetwork("Home", SECRET)
WIFI = Wifi("GB", (NETWORK,))
WIRELESS = replace(HOME, wifi=WIFI)


def _lan(**fields: object) -> Config:
    return replace(HOME, lan=Lan(**{**{f: getattr(LAN, f) for f in LAN.__slots__}, **fields}))


def _wifi(**fields: object) -> Config:
    return replace(HOME, wifi=replace(WIFI, **fields))  # type: ignore[arg-type]


def _network(**fields: object) -> Config:
    return _wifi(networks=(replace(NETWORK, **fields),))  # type: ignore[arg-type]


HARMLESS = {
    "nothing": HOME,
    "a device is named": replace(
        HOME, devices=(*HOME.devices, ConfiguredDevice(LAPTOP, "pc", IPv4Address("192.168.77.9")))
    ),
    "a device is renamed": replace(HOME, devices=(replace(HOME.devices[0], name="telly"),)),
    "a destination is new": replace(
        HOME, destinations=(*HOME.destinations, Destination("nl", Kind.DIRECT, "home"))
    ),
    "a destination is gone": without(HOME, "work"),
    "another profile": replace(
        HOME,
        destinations=(
            HOME.destinations[0],
            replace(HOME.destinations[1], profile=replace(PROFILE, directives=())),
            HOME.destinations[2],
        ),
    ),
    "another default": replace(HOME, default_destination="uk"),
    "new devices wait": replace(HOME, refuse_new_devices=True),
    "a shorter lease": _lan(lease_time=600),
    "an uplink is new": replace(HOME, uplinks=(*HOME.uplinks, Uplink("lte", "usb0"))),
    "an uplink has another port": replace(HOME, uplinks=(Uplink("home", "eth9"), HOME.uplinks[1])),
    "an uplink is gone": replace(without(HOME, "work"), uplinks=HOME.uplinks[:1]),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name: str) -> None:
    assert risky(HOME, HARMLESS[name]) == ()


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (_lan(interfaces=("eth3",)), "lan.interfaces from eth1 to eth3"),
        (_lan(interfaces=()), "lan.interfaces from eth1 to none"),
        (
            _lan(address=IPv4Interface("10.9.9.1/24")),
            "lan.address from 192.168.77.1/24 to 10.9.9.1/24",
        ),
        (
            _lan(dhcp_range=AddressRange(LAN.dhcp_range.first, IPv4Address("192.168.77.101"))),
            "lan.dhcp_range from 192.168.77.100-192.168.77.199 to 192.168.77.100-192.168.77.101",
        ),
        (_lan(domain="home.arpa"), "lan.domain from lan to home.arpa"),
        (
            replace(HOME, transit_pool=IPv4Network("10.214.0.0/16")),
            "transit_pool from 10.213.0.0/16 to 10.214.0.0/16",
        ),
        (WIRELESS, "wifi is new"),
    ],
)
def test_risky(new: Config, reason: str) -> None:
    assert risky(HOME, new) == (reason,)


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (HOME, "wifi is gone"),
        (_wifi(country="DE"), "wifi.country from GB to DE"),
        (_wifi(radio="wlan1"), "wifi.radio from automatic to wlan1"),
        (_wifi(band=Band.GHZ_5), "wifi.band from auto to 5"),
        (_wifi(channel=11), "wifi.channel from automatic to 11"),
        (_network(passphrase=OTHER_SECRET), "passphrase of the Wi-Fi network 'Home'"),
        (
            _network(security=Security.WPA3, hidden=True, isolation=True),
            "security, hidden, isolation of the Wi-Fi network 'Home'",
        ),
        (
            _wifi(networks=(NETWORK, WifiNetwork("Guests", OTHER_SECRET))),
            "the Wi-Fi network 'Guests' is new",
        ),
    ],
)
def test_risky_with_a_radio(new: Config, reason: str) -> None:
    assert risky(WIRELESS, new) == (reason,)
    assert SECRET not in reason
    assert OTHER_SECRET not in reason


def test_another_name_of_a_network_locks_out_who_knows_the_old_one() -> None:
    assert risky(WIRELESS, _network(ssid="Attic")) == (
        "the Wi-Fi network 'Home' is gone",
        "the Wi-Fi network 'Attic' is new",
    )


def test_where_a_network_leads_is_no_danger() -> None:
    assert risky(WIRELESS, _network(destination="uk")) == ()
