"""What the DHCP client reports, and which leases are refused."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.dhcp import Event, objection, parse_event
from egress.settings import Lease, Settings

SETTINGS = Settings(
    name="uk",
    tunnel=True,
    transit_mac="02:00:00:11:00:01",
    transit=IPv4Interface("10.213.1.2/29"),
    router=IPv4Address("10.213.1.1"),
    lan=IPv4Network("192.168.77.0/24"),
    uplink_mac="02:00:00:12:00:01",
)
LEASE = Lease(
    IPv4Interface("192.168.178.101/24"),
    IPv4Address("192.168.178.1"),
    (IPv4Address("192.168.178.1"), IPv4Address("198.51.100.53")),
)


@pytest.mark.parametrize("kind", ["bound", "renew"])
def test_a_lease(kind: str) -> None:
    line = (
        f"event={kind}\tip=192.168.178.101\tmask=24\trouter=192.168.178.1\t"
        "dns=192.168.178.1 198.51.100.53\n"
    )
    assert parse_event(line) == Event(kind, LEASE)


@pytest.mark.parametrize("kind", ["deconfig", "nak", "leasefail"])
def test_no_lease(kind: str) -> None:
    assert parse_event(f"event={kind}\tip=\tmask=\trouter=\tdns=\n") == Event(kind)


def test_what_cannot_be_used_is_left_out() -> None:
    line = "event=bound\tip=10.0.0.5\tmask=8\trouter=0.0.0.0\tdns=127.0.0.1 x 224.0.0.1"
    event = parse_event(line)
    assert event == Event("bound", Lease(IPv4Interface("10.0.0.5/8")))


@pytest.mark.parametrize("router", ["255.255.255.255", "192.168.178.255", "192.168.178.101"])
def test_a_gateway_that_nobody_can_be_is_left_out(router: str) -> None:
    line = f"event=bound\tip=192.168.178.101\tmask=24\trouter={router} 192.168.178.1\t"
    assert parse_event(line) == Event("bound", replace(LEASE, dns=()))
    alone = parse_event(line.replace(" 192.168.178.1", ""))
    assert alone == Event("bound", replace(LEASE, gateway=None, dns=()))


@pytest.mark.parametrize(
    "line", ["", "nonsense", "event=bound\tip=\tmask=24", "event=bound\tip=1.2.3.4\tmask=99"]
)
def test_rubbish_is_no_event(line: str) -> None:
    assert parse_event(line) is None


@given(st.text())
def test_no_line_is_an_error(line: str) -> None:
    parse_event(line)
    parse_event(f"event=bound\t{line}")


def test_an_uplink_that_uses_our_own_addresses_is_refused_with_advice() -> None:
    assert objection(LEASE, SETTINGS) == ""
    home = replace(LEASE, address=IPv4Interface("192.168.77.20/16"))
    assert "overlaps the home network 192.168.77.0/24" in objection(home, SETTINGS)
    assert "lan.address" in objection(home, SETTINGS)
    transit = replace(LEASE, address=IPv4Interface("10.1.2.3/8"))
    assert "overlaps the router's own 10.213.1.0/29" in objection(transit, SETTINGS)
