"""An egress alone whose VPN leads nowhere: closed in time, and not for long or for nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from egress import internet
from orchestrator.model import Kind, Remote
from tests.containers.egress_device import (
    GATEWAY,
    TUNNEL,
    UPLINK_PREFIX,
    assert_refused,
    dig,
    is_refused,
    seen_as,
    start_vpn,
)
from tests.containers.egress_house import (
    HOUSE,
    PROVIDER,
    PROVIDER_TOO,
    RESOLVER,
    WEB,
    Lab,
    run,
    until,
)


@contextlib.contextmanager
def nothing_beyond(rule: str = "") -> Iterator[None]:
    """The VPN server goes on answering pings and DNS, and nothing beyond it does any more."""
    what = rule or f"ip daddr != {GATEWAY} drop"
    chain = "chain block { type filter hook input priority -10; iifname tun9 " + what + "; }"
    run(HOUSE, "nft", f"table inet beyond {{ {chain}; }}")
    try:
        yield
    finally:
        run(HOUSE, "nft", "delete table inet beyond")


def probes_only() -> AbstractContextManager[None]:
    """The provider blocks the questions, and nothing else."""
    asked = f"{{ {WEB}, {RESOLVER} }}"
    return nothing_beyond(f"ip daddr {asked} meta l4proto {{ icmp, udp }} drop")


def test_a_server_that_forwards_nothing_is_found_within_15_s_and_devices_are_refused(
    lab: Lab,
) -> None:
    start_vpn(lab)
    lab.wait("internet", "ok")
    with nothing_beyond():
        until("refusal", is_refused, 15.0)
        found = lab.wait("internet", "failing")
        assert found["closed"]
        assert found["message"].startswith(f"nothing outside answers (asked {WEB}, {RESOLVER}); ")
        # Connected anew, and to everything but the internet all is well.
        assert lab.status()["tunnel"]["restarts"] > 0
        assert [lab.wait(part, state) for part, state in (("endpoint", "ok"), ("dns", "ok"))]
        assert_refused()
        assert "status: REFUSED" in dig("place.lab.test", "TXT")
    lab.wait("internet", "ok")
    until("the device's return", lambda: seen_as() in TUNNEL)
    assert '"vpn"' in dig("+short", "place.lab.test", "TXT")


def test_a_busy_line_whose_provider_blocks_the_questions_is_not_cut(lab: Lab) -> None:
    start_vpn(lab)
    lab.wait("internet", "ok")
    restarts = lab.status()["tunnel"]["restarts"]
    with probes_only():
        deadline = time.monotonic() + 2 * internet.SILENCE
        while time.monotonic() < deadline:
            assert seen_as() in TUNNEL
            assert lab.status()["internet"]["state"] == "ok"
        assert lab.status()["tunnel"]["restarts"] == restarts


def test_a_provider_that_blocks_the_questions_locks_nobody_out_for_long(lab: Lab) -> None:
    start_vpn(lab)
    lab.wait("internet", "ok")
    with probes_only():
        until("closed", lambda: lab.status()["internet"]["closed"], 15.0)
        until("refusal", is_refused)
        closed = time.monotonic()
        until("opened all the same", lambda: seen_as() in TUNNEL, internet.PATIENCE + 15)
        assert time.monotonic() - closed > internet.PATIENCE - 15
        # The answer to the device is itself a proof.
        lab.wait("internet", "ok")


def test_a_vpn_that_never_led_to_the_internet_stays_open(lab: Lab) -> None:
    with probes_only():
        start_vpn(lab)
        found = lab.wait("internet", "failing")
        assert not found["closed"]
        assert "company's network only, set internet_probe: []" in found["message"]
        assert seen_as() in TUNNEL
        assert lab.status()["tunnel"]["restarts"] == 0


def test_endpoints_are_tried_in_turn_while_none_leads_anywhere(lab: Lab) -> None:
    profile = lab.spec().profile
    assert profile is not None
    remotes = (Remote(PROVIDER, 1194, "udp"), Remote(PROVIDER_TOO, 1194, "udp"))
    lab.start(lab.spec(profile=replace(profile, remotes=remotes)))
    lab.wait("internet", "ok")
    assert lab.status()["tunnel"]["endpoint"] == f"{PROVIDER}:1194/udp"
    with nothing_beyond():
        for address in (PROVIDER_TOO, PROVIDER):
            until(
                f"connected to {address}",
                lambda address=address: (  # type: ignore[misc]
                    lab.status()["endpoint"]["message"] == f"{address}:1194/udp"
                    and lab.status()["tunnel"]["state"] == "up"
                ),
                # One server with two addresses now and then answers from the other one, which the
                # client refuses; it gives up after a minute, and its turn comes again.
                150,
            )
            assert is_refused()
    until("the device's return", lambda: seen_as() in TUNNEL)


def test_nobody_is_asked_where_nobody_shall_be(lab: Lab) -> None:
    with lab.captured(f"host {WEB}") as wire:
        lab.start(lab.spec(kind=Kind.DIRECT, profile=None, name="direct", internet_probe=()))
        lab.wait("dns", "ok")
        lab.wait("internet", "off")
        assert seen_as().startswith(UPLINK_PREFIX)
        lines = until("the device's packets", wire)
    assert not [line for line in lines if "ICMP" in line or f"{WEB}.53" in line]
