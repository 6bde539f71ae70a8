"""Who is at home, who visits the page, and what the activity says of it, on the living router."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.containers import home
from tests.containers.device import Programs
from tests.containers.router import ORCHESTRATOR, Router

PAGE = ("192.168.77.1", "192.168.77.253")  # by the router, and the page's own
WHOAMI = """
import json, sys
from orchestrator.client import Control
print(json.dumps(Control().on_behalf_of(sys.argv[1]).whoami()))
"""


def _online(router: Router, device: str) -> bool:
    online: bool = router.devices()[device]["online"]
    return online


@pytest.fixture
def away(router: Router) -> Iterator[str]:
    """Laptop, without its wire; afterwards it is back."""
    home.wait_for("laptop is here", lambda: _online(router, "laptop"))
    route = home.run("laptop", "ip", "route", "show", "default").split("\n")[0]
    home.run("laptop", "ip", "link", "set", "eth0", "down")
    yield "laptop"
    home.run("laptop", "ip", "link", "set", "eth0", "up")
    home.run("laptop", "ip", "route", "replace", *route.split())
    home.wait_for("laptop is served", lambda: home.seen_as("laptop"))


def test_a_device_that_leaves_is_offline_and_back_when_it_returns(
    router: Router, away: str
) -> None:
    home.wait_for("it is gone", lambda: not _online(router, away), 60)
    assert _online(router, "tv")
    assert "away" in next(x for x in router.command("devices").stdout.splitlines() if away in x)
    home.run(away, "ip", "link", "set", "eth0", "up")
    home.wait_for("it is back", lambda: _online(router, away), 60)


def _peers(router: Router) -> set[str]:
    """Return every open connection of the page's, as address:port of the far end."""
    pid = router.pid("manyways-webui")
    done = home.host(
        *("nsenter", "--net", "--target", pid),
        *("ss", "-4", "-Htn", "state", "established", "sport", "=", ":80"),
    )
    return set(re.findall(r"([\d.]+:\d+)\s*$", done.stdout, re.MULTILINE))


def _whoami(peer: str) -> Any:
    return json.loads(home.run(ORCHESTRATOR, "python3", "-c", WHOAMI, peer))


@pytest.mark.parametrize("address", PAGE, ids=["by the router", "by its own address"])
def test_the_page_can_tell_who_visits_it(router: Router, programs: Programs, address: str) -> None:
    for device in ("tv", "laptop"):
        before = _peers(router)
        programs.start(device, "hold", address, "80").wait_for("connected")

        def new(before: set[str] = before) -> set[str]:
            return _peers(router) - before

        (peer,) = home.wait_for("the page is asked", new)
        known = router.devices()[device]
        assert peer.startswith("192.168.77.1:") == (address == PAGE[0]), peer
        assert _whoami(peer) == {"mac": known["mac"], "title": device}


@pytest.mark.parametrize("peer", ["", "nonsense", "192.168.77.1:1", "192.168.77.9:40000"])
def test_whom_nobody_knows_is_nobody(router: Router, peer: str) -> None:
    assert _whoami(peer) == {"mac": "", "title": ""}


def _activity(router: Router) -> Any:
    return router.ask("activity")["events"]


def test_what_was_done_is_still_known_after_a_new_start(router: Router) -> None:
    router.assign("tv", "uk")
    latest = _activity(router)[0]
    assert (latest["kind"], latest["device"], latest["new"]) == ("switched", "tv", "uk")
    home.docker("restart", "--time", "120", ORCHESTRATOR, timeout=180)
    router.wait_until_healthy()
    after = _activity(router)
    assert [event["kind"] for event in after[:2]] == ["started", "stopped"]
    assert latest in after
    assert after[0]["id"] > latest["id"]


def test_a_vpn_that_fails_and_works_again_is_told_once_each(router: Router) -> None:
    before = _activity(router)[0]["id"]

    def told() -> list[tuple[str, str]]:
        events = [e for e in _activity(router) if e["id"] > before and e["destination"] == "uk"]
        return [(e["kind"], e["message"]) for e in reversed(events)]

    home.docker("kill", "--signal", "KILL", "home-vpn-uk")
    try:
        ((kind, message),) = home.wait_for("it is told", told, 60)
        assert kind == "fails"
        assert message
    finally:
        home.docker("start", "home-vpn-uk")
    router.wait_until_healthy()
    home.wait_for("it works again", lambda: len(told()) == 2, 30)
    assert told()[-1] == ("works", "")


def test_a_device_that_hides_its_queries_is_named(router: Router) -> None:
    before = _activity(router)[0]["id"]
    tls = ("curl", "-s", "--max-time", "2", "-o", "/dev/null", "https://8.8.8.8:853/")
    assert home.attempt("laptop", *tls).returncode == 7

    def told() -> Any:
        events = [e for e in _activity(router) if e["id"] > before and e["kind"] == "dns_over_tls"]
        return events or None

    (event,) = home.wait_for("it is told", told, 90)
    assert (event["device"], event["by"]) == ("laptop", "")
    assert event["count"] >= 1
