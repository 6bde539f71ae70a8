"""OpenVPN's management lines, as it sends them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from egress.management import Pushed, Reader, State, pushed, pushed_gateway

REAL = b"""\
>INFO:OpenVPN Management Interface Version 5 -- type 'help' for more info
SUCCESS: real-time state notification set to ON
>STATE:1795223655,AUTH,,,,,,
>STATE:1795223655,ASSIGN_IP,,10.91.0.2,,,,
>UPDOWN:UP
>UPDOWN:ENV,dev=tun0
>UPDOWN:ENV,tun_mtu=1500
>UPDOWN:ENV,ifconfig_netmask=255.255.255.0
>UPDOWN:ENV,ifconfig_local=10.91.0.2
>UPDOWN:ENV,foreign_option_1=dhcp-option DNS 10.91.0.1
>UPDOWN:ENV,foreign_option_2=dhcp-option DOMAIN example
>UPDOWN:ENV,trusted_ip=198.51.100.10
>UPDOWN:ENV,END
>STATE:1795223655,CONNECTED,SUCCESS,10.91.0.2,198.51.100.10,1194,,
""".replace(b"\n", b"\r\n")
EXPECTED = [
    State("AUTH"),
    State("ASSIGN_IP"),
    Pushed(IPv4Interface("10.91.0.2/24"), None, (IPv4Address("10.91.0.1"),), 1500),
    State("CONNECTED", "SUCCESS"),
]


def test_a_whole_connection() -> None:
    assert Reader().feed(REAL) == EXPECTED


@given(st.lists(st.integers(0, len(REAL)), max_size=8))
def test_lines_may_come_in_any_pieces(cuts: list[int]) -> None:
    reader, places = Reader(), [0, *sorted(cuts), len(REAL)]
    pieces = [REAL[a:b] for a, b in pairwise(places)]
    assert [event for piece in pieces for event in reader.feed(piece)] == EXPECTED


@given(st.binary())
def test_no_input_is_an_error(data: bytes) -> None:
    Reader().feed(data + b"\n>UPDOWN:ENV,END\n>STATE:\n")


def test_the_reason_of_an_end_is_kept() -> None:
    assert Reader().feed(b">STATE:1,EXITING,auth-failure,,,,,\n") == [
        State("EXITING", "auth-failure")
    ]


def test_modern_dns_comes_before_the_old_option() -> None:
    environment = {
        "foreign_option_10": "dhcp-option DNS 10.0.0.10",
        "foreign_option_2": "dhcp-option DNS 10.0.0.2",
        "foreign_option_1": "dhcp-option DNS 10.0.0.1",
        "foreign_option_3": "dhcp-option DNS6 fd00::1",
        "dns_server_1_address_1": "10.0.0.1",
        "dns_server_1_address_2": "fd00::1",
    }
    assert [str(server) for server in pushed(environment).dns] == [
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.10",
    ]


def test_a_point_to_point_tunnel() -> None:
    found = pushed({"ifconfig_local": "10.8.0.6", "ifconfig_remote": "10.8.0.5"})
    assert found == Pushed(IPv4Interface("10.8.0.6/32"), IPv4Address("10.8.0.5"))


def test_what_a_server_makes_up_is_left_out() -> None:
    found = pushed({"ifconfig_local": "x", "tun_mtu": "y", "foreign_option_1": "dhcp-option DNS z"})
    assert found == Pushed()


def test_the_gateway_stands_in_the_log() -> None:
    line = "PUSH: Received control message: 'PUSH_REPLY,route-gateway 10.91.0.1,topology subnet'"
    assert pushed_gateway(line) == IPv4Address("10.91.0.1")
    assert pushed_gateway("PUSH: 'PUSH_REPLY,ping 5'") is None
    assert pushed_gateway("echo route-gateway 10.0.0.1,") is None
