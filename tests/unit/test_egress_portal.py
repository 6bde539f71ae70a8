"""A network in front that wants a login page is recognised, and nothing else is taken for one."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from egress import network, portal
from orchestrator.render.egress_rules import PORTAL_TEST

OURS = f"http://{portal.NOBODY}/"


def test_rules_and_egress_mean_the_same_address() -> None:
    assert portal.NOBODY == PORTAL_TEST


@contextmanager
def _answering(status: int, location: str | None) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if location is not None:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "location", "found"),
    [
        (302, "https://login.hotel.example/start?mac=02:00:00", "https://login.hotel.example/"),
        (307, "http://10.0.0.1:8080/", "http://10.0.0.1:8080/"),
        (302, "/relative", OURS),
        (302, "javascript:alert(1)", OURS),
        (302, "http://user:secret@login.example/", OURS),
        (302, "http://[broken/", OURS),
        (200, None, OURS),
        (511, None, OURS),
        (404, None, ""),
        (502, "http://login.example/", ""),
    ],
)
def test_what_an_answer_means(status: int, location: str | None, found: str) -> None:
    with _answering(status, location) as port:
        assert portal.ask("127.0.0.1", port) == found


def test_nobody_there_is_as_it_should_be() -> None:
    with _answering(200, None) as port:
        pass
    assert portal.ask("127.0.0.1", port) == ""


ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x0         00:00:00:00:00:00     *        eth1
192.168.1.2      0x1         0x2         02:00:00:00:00:07     *        eth1
"""


@pytest.mark.parametrize(
    ("interface", "address", "silent"),
    [
        ("eth1", "192.168.1.1", True),
        ("eth0", "192.168.1.1", False),
        ("eth1", "192.168.1.2", False),
        ("eth1", "192.168.1.3", False),
    ],
)
def test_a_gateway_is_silent_when_it_was_asked_and_does_not_answer(
    interface: str, address: str, silent: bool, tmp_path: Path
) -> None:
    (tmp_path / "arp").write_text(ARP)
    assert network.is_silent(interface, IPv4Address(address), tmp_path / "arp") is silent
    assert not network.is_silent(interface, IPv4Address(address), tmp_path / "nothing")
