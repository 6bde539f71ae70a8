"""The routes that follow from what is known: by the right way, or by none."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

from hypothesis import given
from hypothesis import strategies as st

from egress.routing import ARP_RETRANS_MS, View, base_commands, change, routes
from egress.settings import Lease
from tests.leaks.oracle import TOLERANCE_S
from tests.unit.test_egress_dhcp import SETTINGS

LEASE = Lease(IPv4Interface("192.168.178.101/24"), IPv4Address("192.168.178.1"))
AWAY, NEAR = IPv4Address("198.51.100.10"), IPv4Address("192.168.178.7")
LEASES = st.sampled_from([None, LEASE, replace(LEASE, gateway=None)])
ENDPOINTS = st.sampled_from([None, AWAY, NEAR])


def _lines(view: View) -> set[str]:
    return {route.removesuffix(" protocol 77") for route in routes(view)}


def test_without_an_uplink_there_is_no_way() -> None:
    assert routes(View("eth1", True, None, AWAY, True)) == ()
    assert routes(View("eth1", False, None, None, True)) == ()


def test_direct_goes_by_the_uplink_and_reaches_its_neighbours() -> None:
    assert _lines(View("eth1", False, LEASE, None, True)) == {
        "192.168.178.0/24 dev eth1 table 100",
        "default via 192.168.178.1 dev eth1 onlink table 100",
        "default via 192.168.178.1 dev eth1 onlink table main",
    }


def test_a_tunnel_that_is_not_open_has_a_way_for_its_endpoint_alone() -> None:
    assert _lines(View("eth1", True, LEASE, AWAY, False)) == {
        "192.168.178.0/24 dev eth1 table 101",
        "default via 192.168.178.1 dev eth1 onlink table 101",
        "198.51.100.10/32 via 192.168.178.1 dev eth1 onlink table main",
    }


def test_an_open_tunnel_takes_everything_else() -> None:
    shut, open_ = (_lines(View("eth1", True, LEASE, AWAY, up, up)) for up in (False, True))
    assert open_ - shut == {"default dev tun0 table 100", "default dev tun0 table main"}


def test_a_closed_tunnel_carries_our_own_questions_and_nothing_of_the_home() -> None:
    closed = _lines(View("eth1", True, LEASE, AWAY, tunnel_up=True, open=False))
    assert "default dev tun0 table main" in closed
    assert not any(route.endswith("table 100") for route in closed)


def test_an_endpoint_next_door_needs_no_gateway() -> None:
    assert "192.168.178.7/32 dev eth1 table main" in _lines(View("eth1", True, LEASE, NEAR, False))


@given(LEASES, ENDPOINTS, st.booleans(), st.booleans())
def test_devices_never_get_a_way_past_the_tunnel(
    lease: Lease | None, endpoint: IPv4Address | None, tunnel_up: bool, open_: bool
) -> None:
    found = _lines(View("eth1", True, lease, endpoint, tunnel_up, open_))
    from_home = {route for route in found if route.endswith("table 100")}
    allowed = {"default dev tun0 table 100"} if tunnel_up and open_ else set()
    assert from_home <= allowed
    assert not any("default via" in r and r.endswith("table main") for r in found)


@given(LEASES, ENDPOINTS, st.booleans(), LEASES, ENDPOINTS, st.booleans())
def test_a_change_leads_from_one_state_to_the_other(
    lease: Lease | None,
    endpoint: IPv4Address | None,
    tunnel_up: bool,
    lease2: Lease | None,
    endpoint2: IPv4Address | None,
    tunnel_up2: bool,
) -> None:
    old = routes(View("eth1", True, lease, endpoint, tunnel_up, tunnel_up))
    new = routes(View("eth1", True, lease2, endpoint2, tunnel_up2, tunnel_up2))
    add, remove = change(old, new)
    table = set(old) - {line.removeprefix("route del ") for line in remove}
    table |= {line.removeprefix("route replace ") for line in add}
    assert table == set(new)


def test_every_table_ends_in_a_refusal() -> None:
    commands = base_commands(SETTINGS, "eth0", "eth1")
    for table in ("main", "100", "101", "102"):
        assert f"route replace prohibit default metric 4096 table {table} protocol 77" in commands
    # Refusals that are not rationed: by the firewall, on the way to nowhere.
    assert "route replace default dev lo metric 2048 table 100 protocol 77" in commands
    # What Docker set goes before anything of ours comes.
    assert [command.split()[1] for command in commands[:2]] == ["flush", "flush"]


def test_what_waits_for_a_silent_gateway_leaves_within_the_judges_tolerance() -> None:
    """Packets from before a switch once left two seconds after it: they had waited for ARP."""
    (command,) = (c for c in base_commands(SETTINGS, "eth0", "eth1") if c.startswith("ntable"))
    assert command == f"ntable change name arp_cache dev eth1 retrans {ARP_RETRANS_MS}"
    solicitations = 3  # ip-sysctl: mcast_solicit
    assert solicitations * ARP_RETRANS_MS / 1000 < TOLERANCE_S
