"""The page's words and decisions, without a browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.reports import (
    degraded,
    destination,
    dhcp_trouble,
    empty,
    healthy,
    paused,
    receipt,
)
from webui.present import devices as present

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)  # when the recorded receipt was written


def test_all_is_well() -> None:
    page = present.home(healthy(), NOON)
    assert (page.tone, page.headline, page.alerts) == ("good", "Everything works", ())
    assert [d.name for d in page.devices] == ["laptop", "phone", "tv"]
    current = {d.name: [c.name for c in d.choices if c.current] for d in page.devices}
    assert current == {"laptop": ["direct"], "phone": ["de"], "tv": ["uk"]}


def test_trouble_is_told_in_plain_words() -> None:
    page = present.home(degraded(), NOON)
    assert page.headline == "uk does not work"
    devices = {d.name: d for d in page.devices}
    assert devices["tv"].trouble == (
        "uk does not work right now: the server refuses the password: put the right one into"
        " uk.credentials. Nothing of this device gets out until it does, or you pick another way."
    )
    assert devices["phone"].trouble == "de is starting: it is connecting."
    assert devices["tv"].why == "way-uk"
    assert devices["laptop"].trouble == ""
    assert devices["old-tablet"].trouble.startswith("Its destination 'nl' no longer exists")
    assert not any(choice.current for choice in devices["old-tablet"].choices)
    assert any("New devices get no address" in alert for alert in page.alerts)
    assert any("router.yaml:3" in alert for alert in page.alerts)


@pytest.mark.parametrize(
    ("state", "headline"),
    [("starting", "uk is starting"), ("degraded", "Something needs attention")],
)
def test_headlines(state: str, headline: str) -> None:
    report = healthy()
    report["state"] = "degraded"
    report["destinations"][1]["state"] = state  # type: ignore[typeddict-item]
    assert present.home(report, NOON).headline == headline


def test_a_pause_is_said_and_is_no_failure() -> None:
    page = present.home(paused(), NOON)
    assert (page.tone, page.headline) == ("warn", "uk is paused")
    tv = next(d for d in page.devices if d.name == "tv")
    assert (tv.trouble, tv.why) == ("Its destination is paused.", "way-uk")
    assert [c.word for c in tv.choices if c.current] == ["Paused"]
    assert next(w.message for w in page.ways if w.name == "uk") == (
        "Nothing of its devices gets out. To resume it, type on the router: orchestrator resume uk"
    )


@pytest.mark.parametrize(
    ("kind", "alert"),
    [
        ("nearly full", "97 of 100 addresses of the home network are given out."),
        (
            "full",
            "New devices get no address. Those that have one go on working. All 100 addresses of"
            " the home network are given out, so a new device gets none; a larger lan.dhcp_range"
            " in router.yaml would help.",
        ),
        (
            "another",
            "Another DHCP server answers on the home network: 192.168.77.66 (02:4d:57:00:00:66);"
            " devices that listen to it bypass Manyways; switch it off.",
        ),
        (
            "unknown",
            "The part that gives addresses to devices: not checked: the router does not run.",
        ),
    ],
)
def test_trouble_with_addresses(kind: str, alert: str) -> None:
    page = present.home(dhcp_trouble(kind), NOON)
    assert (page.tone, page.headline) == ("warn", "Something needs attention")
    assert page.alerts == (alert,)


def test_stopped() -> None:
    page = present.home({**healthy(), "stopped": True}, NOON)
    assert (page.tone, page.headline) == ("bad", "The router is stopped")
    assert any("orchestrator up" in alert for alert in page.alerts)


def test_many_destinations_become_a_list() -> None:
    report = empty()
    assert present.home(report, NOON).buttons
    report["destinations"] += [destination(f"vpn{n}") for n in range(5)]
    assert not present.home(report, NOON).buttons


@pytest.mark.parametrize(
    ("later", "when"),
    [
        (timedelta(seconds=-5), ", just now"),
        (timedelta(seconds=59), ", just now"),
        (timedelta(minutes=1), ", 1 minute ago"),
        (timedelta(hours=2, minutes=59), ", 2 hours ago"),
    ],
)
def test_a_receipt_is_remembered_for_a_day(later: timedelta, when: str) -> None:
    report = healthy()
    report["devices"][0]["receipt"] = receipt()
    tv = present.home(report, NOON + later).devices[-1]
    assert tv.receipt == f"Moved from direct to uk: 41 connections cut in 6 ms{when}"


@pytest.mark.parametrize("at", ["2025-12-31T12:00:00+00:00", "2026-01-01T12:00:00", "x"])
def test_other_times_show_no_receipt(at: str) -> None:
    report = healthy()
    report["devices"][0]["receipt"] = {**receipt(), "at": at}
    assert present.home(report, NOON).devices[-1].receipt == ""
