"""Chains of checks: the first one that failed explains the rest, and the word follows from it."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from orchestrator import health, store
from orchestrator.dhcp_packets import DhcpServer
from orchestrator.dhcp_verdict import Asked
from orchestrator.health import Seen, destination_health, device_reports, parse_egress_status
from orchestrator.model import Lease, ObservedContainer
from tests.homes import HOME, LAPTOP, NEW, TV, without

NOW = 1000.0
GOOD: dict[str, Any] = {
    "updated": NOW - 1,
    "uplink": {"state": "up", "address": "192.168.178.101/24"},
    "endpoint": {"state": "ok", "message": "198.51.100.10:1194/udp"},
    "tunnel": {"state": "up", "address": "10.81.0.2"},
    "dns": {"state": "ok", "servers": ["10.81.0.1"]},
    "internet": {"state": "ok"},
}
OWN_DHCP = DhcpServer(HOME.lan.dhcp_server, "02:a1:b2:02:00:00")
CONTAINERS = {
    name: ObservedContainer(name, "x", True)
    for name in ("manyways-egress-uk", "manyways-router", "manyways-dhcp", "manyways-webui")
}


def _seen(**changes: Any) -> Seen:
    status = parse_egress_status(json.dumps({**GOOD, **changes}))
    assert status is not None
    return Seen(
        config=HOME,
        state=store.settle(HOME, NEW, {LAPTOP: "laptop"}),
        containers=CONTAINERS,
        egresses={"uk": status},
        leases=(Lease(LAPTOP, IPv4Address("192.168.77.101"), "laptop", 0),),
        receipts={},
        now=NOW,
        router_loaded=True,
        reservations={TV: IPv4Address("192.168.77.20")},
        dhcp=Asked(NOW - 1, (OWN_DHCP,)),
    )


def _judged(seen: Seen) -> tuple[str, list[str], str]:
    destination = HOME.destination("uk")
    assert destination is not None
    judged = destination_health(seen, destination)
    return judged.state, [c.state.value for c in judged.checks], judged.message


def test_all_is_well() -> None:
    assert _judged(_seen()) == ("ok", ["ok"] * 6, "")


OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
SILENT = {"state": "failing", "message": "nothing outside answers"}
NO_DNS = {"state": "failing", "message": "9.9.9.9 does not answer"}


# The checks are: egress, uplink, endpoint, tunnel; and then, both at the end of it, dns, internet.
@pytest.mark.parametrize(
    ("changes", "state", "checks", "message"),
    [
        ({"updated": NOW - 61}, "down", [FAILED, *[UNKNOWN] * 5], "silent for 61 s"),
        (
            {"uplink": {"state": "waiting", "message": "no answer to DHCP"}},
            "down",
            [OK, FAILED, *[UNKNOWN] * 4],
            "no answer to DHCP",
        ),
        ({"uplink": {"state": "waiting"}}, "down", [OK, FAILED, *[UNKNOWN] * 4], "no address yet"),
        (
            {"endpoint": {"state": "failing", "message": "no answer from it"}},
            "down",
            [OK, OK, FAILED, *[UNKNOWN] * 3],
            "no answer from it",
        ),
        (
            {"endpoint": {"state": "unknown", "message": "asking it"}},
            "starting",
            [OK, OK, *[UNKNOWN] * 4],
            "asking it",
        ),
        ({"endpoint": None}, "starting", [OK, OK, *[UNKNOWN] * 4], "not asked yet"),
        (
            {"tunnel": {"state": "down", "advice": "wrong password"}},
            "down",
            [OK, OK, OK, FAILED, UNKNOWN, UNKNOWN],
            "wrong password",
        ),
        (
            {"tunnel": {"state": "starting"}},
            "starting",
            [OK, OK, OK, *[UNKNOWN] * 3],
            "connecting to the provider",
        ),
        (
            {"tunnel": {"state": "starting", "advice": "the clock is wrong"}},
            "down",
            [OK, OK, OK, FAILED, UNKNOWN, UNKNOWN],
            "the clock is wrong",
        ),
        ({"tunnel": None}, "starting", [OK, OK, OK, *[UNKNOWN] * 3], ""),
        ({"dns": NO_DNS}, "degraded", [*[OK] * 4, FAILED, OK], "9.9.9.9 does not answer"),
        ({"dns": {"state": "unknown"}}, "starting", [*[OK] * 4, UNKNOWN, OK], "not tried yet"),
        ({"internet": SILENT}, "degraded", [*[OK] * 5, FAILED], "nothing outside answers"),
        (
            {"internet": {**SILENT, "closed": True}},
            "down",
            [*[OK] * 5, FAILED],
            "nothing outside answers",
        ),
        (
            {"dns": NO_DNS, "internet": SILENT},
            "degraded",
            [*[OK] * 4, FAILED, FAILED],
            "nothing outside answers",
        ),
        (
            {"internet": {"state": "unknown"}},
            "starting",
            [*[OK] * 5, UNKNOWN],
            "not tried yet",
        ),
        # Nobody is asked: never "ok", and no trouble either.
        ({"internet": {"state": "off"}}, "ok", [*[OK] * 5, UNKNOWN], ""),
    ],
)
def test_the_first_that_failed_explains_the_rest(
    changes: dict[str, Any], state: str, checks: list[str], message: str
) -> None:
    assert _judged(_seen(**changes)) == (state, checks, message)


def test_what_comes_after_says_whom_it_waits_for() -> None:
    destination = HOME.destination("uk")
    assert destination is not None
    judged = destination_health(_seen(uplink={"state": "waiting"}), destination)
    assert [c.message for c in judged.checks[2:]] == ["waits for the uplink"] * 4


@pytest.mark.parametrize(
    ("container", "state", "message"),
    [
        (None, "down", "its container is not there"),
        (ObservedContainer("manyways-egress-uk", "x", False), "down", "its container does not run"),
        (
            ObservedContainer("manyways-egress-uk", "x", True),
            "starting",
            "its container is starting",
        ),
    ],
)
def test_without_a_word_from_the_egress_its_container_decides(
    container: ObservedContainer | None, state: str, message: str
) -> None:
    containers = {"manyways-egress-uk": container} if container else {}
    seen = replace(_seen(), egresses={"uk": None}, containers=containers)
    judged = _judged(seen)
    assert (judged[0], judged[2]) == (state, message)


def test_a_direct_destination_has_no_tunnel_to_check() -> None:
    destination = HOME.destination("direct")
    assert destination is not None
    seen = replace(_seen(), containers={}, egresses={})
    names = [c.name for c in destination_health(seen, destination).checks]
    assert names == ["egress", "uplink", "dns", "internet"]


def test_what_nobody_asked_is_not_checked() -> None:
    destination = HOME.destination("uk")
    assert destination is not None
    judged = destination_health(_seen(internet={"state": "off"}), destination)
    assert judged.checks[-1] == health.Check("internet", health.Verdict.UNKNOWN, "not checked")


def test_an_egress_that_says_nothing_of_the_internet_is_still_understood() -> None:
    older = {key: value for key, value in GOOD.items() if key != "internet"}
    found = parse_egress_status(json.dumps(older))
    assert found is not None
    assert found.internet.state == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        '{"updated": 1}',
        json.dumps({**GOOD, "dns": 3}),
        json.dumps({**GOOD, "internet": {"state": "sunny"}}),
    ],
)
def test_a_status_that_cannot_be_read_is_none(text: str | None) -> None:
    assert parse_egress_status(text) is None


def _devices(seen: Seen, state: str) -> dict[str, tuple[str, str, str | None, bool]]:
    destination = HOME.destination("uk")
    assert destination is not None
    judged = {"uk": health.DestinationHealth(destination, state, "because", ())}
    return {r.name: (r.state, r.message, r.address, r.online) for r in device_reports(seen, judged)}


@pytest.mark.parametrize(
    ("destination", "device", "message"),
    [
        ("ok", "ok", ""),
        ("degraded", "ok", "because"),
        ("starting", "starting", "because"),
        ("down", "down", "because"),
    ],
)
def test_a_device_is_as_its_destination_is(destination: str, device: str, message: str) -> None:
    devices = _devices(_seen(), destination)
    assert devices["tv"] == (device, message, "192.168.77.20", False)
    assert devices["laptop"] == ("ok", "", "192.168.77.101", True)


def test_a_rejected_device_learns_why() -> None:
    seen = _seen()
    tv = seen.state.device(TV)
    assert tv is not None
    chosen = seen.state.with_device(replace(tv, choice="uk"))
    config = without(HOME, "uk")
    gone = replace(seen, config=config, state=store.settle(config, chosen, {}))
    expected = "its destination 'uk' no longer exists; choose another"
    assert _devices(gone, "ok")["tv"][:2] == ("rejected", expected)
    lost = store.settle(HOME, replace(NEW, choices_lost=True), {LAPTOP: "laptop"})
    expected = "the record of choices was damaged; choose its destination again"
    assert _devices(replace(seen, state=lost), "ok")["laptop"][:2] == ("rejected", expected)


def test_a_new_device_and_one_without_a_lease_are_told_apart() -> None:
    config = replace(HOME, refuse_new_devices=True)
    state = store.meet(config, NEW, {LAPTOP: IPv4Address("192.168.77.50")}, ())
    seen = replace(_seen(), config=config, state=state, leases=())
    (found,) = (d for d in device_reports(seen, {}) if d.mac == LAPTOP)
    assert (found.state, found.message) == ("rejected", "new here; choose its destination")
    assert (found.address, found.destination, found.online) == ("192.168.77.50", None, True)


def test_an_egress_that_has_said_nothing_since_it_was_down_is_starting() -> None:
    state, checks, message = _judged(replace(_seen(), shut=frozenset(("uk",))))
    assert (state, checks[0], message) == ("starting", UNKNOWN, "its container is starting")


def test_services_are_judged_by_their_containers_and_the_router_by_its_rules() -> None:
    gone = {k: v for k, v in CONTAINERS.items() if k != "manyways-dhcp"}
    gone["manyways-webui"] = replace(gone["manyways-webui"], running=False)
    seen = replace(_seen(), containers=gone, router_loaded=False)
    assert [(s.name, s.state, s.message) for s in health.service_reports(seen)] == [
        ("router", "failed", "its rules are not loaded; nothing is forwarded"),
        ("dhcp", "failed", "its container is not there"),
        ("webui", "failed", "its container does not run"),
    ]
    assert {s.state for s in health.service_reports(_seen())} == {"ok"}


def test_dhcp_is_what_it_answers() -> None:
    def dhcp(seen: Seen) -> tuple[str, str]:
        return next((s.state, s.message) for s in health.service_reports(seen) if s.name == "dhcp")

    assert dhcp(replace(_seen(), dhcp=None)) == ("unknown", "not checked yet")
    silent = replace(_seen(), dhcp=Asked(NOW))
    assert dhcp(silent) == ("failed", "it does not answer")
    first = int(HOME.lan.dhcp_range.first)
    leases = tuple(Lease(TV, IPv4Address(first + n), "", 0) for n in range(100))
    assert dhcp(replace(silent, leases=leases))[1].startswith("all 100 addresses")
