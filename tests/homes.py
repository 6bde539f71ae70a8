"""A small home in the words of the model, for the tests of everything that is made from it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from orchestrator import store
from orchestrator.model import (
    AddressRange,
    Config,
    ConfiguredDevice,
    Destination,
    Kind,
    Lan,
    Profile,
    Remote,
    StaticAddresses,
    Uplink,
    Wifi,
    WifiNetwork,
)

TV, LAPTOP, PHONE = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"

LAN = Lan(
    interfaces=("eth1",),
    address=IPv4Interface("192.168.77.1/24"),
    dhcp_range=AddressRange(IPv4Address("192.168.77.100"), IPv4Address("192.168.77.199")),
    lease_time=43200,
    domain="lan",
)

PROFILE = Profile(
    remotes=(Remote("vpn.example", 1194, "udp"), Remote("198.51.100.10", 443, "tcp")),
    directives=("cipher AES-256-GCM", "auth SHA256"),
    inline={"ca": "a certificate\n", "tls-crypt": "a key\n"},
    needs_credentials=True,
    credentials=("someone", "a secret"),
)

HOME = Config(
    lan=LAN,
    uplinks=(
        Uplink("home", "eth0"),
        Uplink(
            "office",
            "eth2",
            StaticAddresses(
                AddressRange(IPv4Address("192.168.1.240"), IPv4Address("192.168.1.249")),
                24,
                IPv4Address("192.168.1.1"),
                (IPv4Address("192.168.1.53"),),
            ),
        ),
    ),
    destinations=(
        Destination("direct", Kind.DIRECT, "home"),
        Destination("uk", Kind.OPENVPN, "home", (IPv4Address("9.9.9.9"),), PROFILE),
        Destination("work", Kind.DIRECT, "office"),
    ),
    default_destination="direct",
    devices=(ConfiguredDevice(TV, "tv", IPv4Address("192.168.77.20"), "uk"),),
    transit_pool=IPv4Network("10.213.0.0/16"),
)

WIFI = Wifi(
    country="GB",
    networks=(
        WifiNetwork("Home", "correct horse battery"),
        WifiNetwork("Home-UK", "staple; of, a: horse", destination="uk", hidden=True),
    ),
)
WIRELESS = replace(HOME, wifi=WIFI)

NEW = store.State(install="a1b2")


def without(config: Config, destination: str) -> Config:
    """Return `config` after somebody took a destination out of it."""
    rest = tuple(d for d in config.destinations if d.name != destination)
    return replace(config, destinations=rest)


def with_destinations(*names: str) -> Config:
    """Return a home with these direct destinations; the first is the default one."""
    destinations = tuple(Destination(name, Kind.DIRECT, "home") for name in names)
    return replace(
        HOME,
        destinations=destinations,
        default_destination=names[0],
        devices=(),
        uplinks=HOME.uplinks,
    )
