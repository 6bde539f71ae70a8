"""An egress alone: no time at boot, another router on the same wire, a login page in front."""

from __future__ import annotations

import ctypes
import time

import pytest

from tests.containers.egress_device import assert_refused, direct, seen_as
from tests.containers.egress_house import (
    EGRESS,
    HOUSE,
    HOUSE_ADDRESS,
    RESOLVER,
    WEB,
    Lab,
    host,
    run,
    until,
)

_NOT_KEPT = 5  # adjtimex(2)
_LOGIN = """
import http.server
class Login(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", "http://login.hotel.test/start?x=1")
        self.end_headers()
http.server.HTTPServer(("", 8090), Login).serve_forever()
"""


@pytest.mark.skipif(
    ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != _NOT_KEPT,
    reason="a time server keeps this machine's clock, and then no egress doubts it",
)
def test_a_vpn_starts_when_the_time_can_be_right(lab: Lab) -> None:
    lab.start(lab.spec(), known=int(time.time()) + 86400)
    until("a word about the time", lambda: _endpoint(lab).startswith("waiting for the time"))
    assert lab.status()["endpoint"]["state"] == "unknown"
    assert lab.status()["tunnel"]["state"] == "starting"
    assert "openvpn" not in lab.log()
    assert_refused()
    (lab.directory / "clock/known").write_text(str(int(time.time()) - 5))
    lab.wait("tunnel", "up")
    assert _endpoint(lab) != ""


def _endpoint(lab: Lab) -> str:
    endpoint = lab.status().get("endpoint") or {}
    return str(endpoint.get("message", ""))


def test_another_router_on_the_same_wire_is_found(lab: Lab) -> None:
    direct(lab)
    # The wire stays up all the while, as behind a switch.
    run(HOUSE, "/lab/dhcp", "192.168.52.1/24")
    until("new address", lambda: "192.168.52." in (lab.status()["uplink"]["address"] or ""), 90.0)
    until("the device's return", lambda: seen_as().startswith("192.168.52."), 40.0)
    assert "has been silent" in lab.log()
    addresses = run(
        EGRESS, "ip", "-4", "-o", "address", "show", lab.status()["uplink"]["interface"]
    )
    assert addresses.count("inet ") == 1
    run(HOUSE, "/lab/dhcp", HOUSE_ADDRESS)


def test_a_login_page_in_front_is_recognised_and_forgotten(lab: Lab) -> None:
    direct(lab)
    lab.wait("internet", "ok")
    host("docker", "exec", "-d", HOUSE, "python3", "-c", _LOGIN)
    rules = (
        "chain before { type nat hook prerouting priority -100; "
        "ip daddr 192.0.2.1 tcp dport 80 redirect to :8090; }",
        "chain in { type filter hook input priority -10; "
        f'iifname != "lo" ip daddr {{ {WEB}, {RESOLVER} }} drop; }}',
    )
    run(HOUSE, "nft", f"table ip portal {{ {'; '.join(rules)}; }}")
    try:
        until(
            "a word about the login page",
            lambda: "open http://login.hotel.test/ on" in lab.status()["internet"]["message"],
            60.0,
        )
        assert lab.status()["internet"]["state"] == "failing"
    finally:
        run(HOUSE, "nft", "delete table ip portal")
    assert lab.wait("internet", "ok")["message"] == ""
