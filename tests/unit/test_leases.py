"""dnsmasq's lease file, also while it is being written."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.leases import parse_leases
from orchestrator.model import Lease

FILE = """\
1700000000 02:00:00:00:00:01 192.168.77.101 tv 01:02:00:00:00:00:01
0 02:00:00:00:00:AB 192.168.77.102 * *
duid 00:01:00:01:2b:3c
1700000000 123456 fd00::1 laptop 00:01
1700000000 02:00:00:00:00:02 192.168.77.300 bad *
1700000000 02:00:00:00:00:03 192.168.77.1"""


def test_leases_are_read_and_the_rest_is_passed_over() -> None:
    assert parse_leases(FILE) == (
        Lease("02:00:00:00:00:01", IPv4Address("192.168.77.101"), "tv", 1700000000),
        Lease("02:00:00:00:00:ab", IPv4Address("192.168.77.102"), "", 0),
    )
    assert parse_leases("") == ()


def test_a_file_cut_off_anywhere_loses_only_its_last_line() -> None:
    whole = parse_leases(FILE)
    for length in range(len(FILE)):
        for lease in parse_leases(FILE[:length]):
            # A host name may be cut short for half a second, an address never is.
            assert any((lease.mac, lease.address) == (w.mac, w.address) for w in whole)


@given(st.text())
def test_nothing_in_the_file_stops_the_reading(text: str) -> None:
    parse_leases(text)
    parse_leases(f"1 02:00:00:00:00:01 {text} x\n²3 02:00:00:00:00:01 1.2.3.4 x")
