"""What is said of the DHCP service, letter by letter."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from orchestrator.dhcp_packets import DhcpServer
from orchestrator.dhcp_verdict import Asked, Pool, judge, pool
from orchestrator.model import AddressRange

OWN = DhcpServer(IPv4Address("192.168.77.252"), "02:a1:b2:02:00:00")
ROGUE = DhcpServer(IPv4Address("192.168.77.66"), "02:4d:57:00:00:66")
LIAR = DhcpServer(OWN.address, "02:4d:57:00:00:67")  # it takes our server's name
NOW = 1000.0
EMPTY, NEARLY, FULL = Pool(100, 3), Pool(100, 90), Pool(100, 100)
ALL_GIVEN = (
    "all 100 addresses of the home network are given out, so a new device gets none; "
    "a larger lan.dhcp_range in router.yaml would help"
)
ANOTHER = (
    "another DHCP server answers on the home network: 192.168.77.66 (02:4d:57:00:00:66); "
    "devices that listen to it bypass Manyways; switch it off"
)


@pytest.mark.parametrize(
    ("servers", "addresses", "state", "message"),
    [
        ((OWN,), EMPTY, "ok", ""),
        ((), EMPTY, "failed", "it does not answer"),
        ((), FULL, "failed", ALL_GIVEN),
        (
            (),
            NEARLY,
            "failed",
            "it does not answer; 90 of 100 addresses of the home network are given out",
        ),
        ((OWN,), Pool(100, 89), "ok", ""),
        ((OWN,), NEARLY, "degraded", "90 of 100 addresses of the home network are given out"),
        ((OWN, ROGUE), EMPTY, "degraded", ANOTHER),
        ((ROGUE,), EMPTY, "failed", f"it does not answer; {ANOTHER}"),
        (
            (OWN, LIAR, ROGUE),
            EMPTY,
            "degraded",
            "other DHCP servers answer on the home network: 192.168.77.252 (02:4d:57:00:00:67), "
            "192.168.77.66 (02:4d:57:00:00:66); devices that listen to them bypass Manyways; "
            "switch them off",
        ),
    ],
)
def test_what_was_heard_decides(
    servers: tuple[DhcpServer, ...], addresses: Pool, state: str, message: str
) -> None:
    assert judge(Asked(NOW - 5, servers), OWN, addresses, NOW) == (state, message)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (None, "not checked yet"),
        (Asked(NOW, problem="the router does not run"), "not checked: the router does not run"),
        (Asked(NOW - 121, (OWN,)), "not checked for 121 s"),
    ],
)
def test_what_was_not_asked_is_not_known(asked: Asked | None, message: str) -> None:
    assert judge(asked, OWN, EMPTY, NOW) == ("unknown", message)


def test_only_the_ranges_own_addresses_count_and_each_once() -> None:
    addresses = AddressRange(IPv4Address("192.168.77.100"), IPv4Address("192.168.77.103"))
    leased = [IPv4Address(f"192.168.77.{n}") for n in (20, 99, 100, 100, 103, 104)]
    assert pool(addresses, leased) == Pool(4, 2)
