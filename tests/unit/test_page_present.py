"""The page's words and decisions, without a browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.family import DAD, EMMA, IPAD, KITCHEN, NEWCOMER, crowd, family, troubled
from tests.web.reports import degraded, dhcp_trouble, empty, healthy, paused, receipt
from webui.present import devices as present
from webui.present.common import Symbol, country, cut_of_all, symbol
from webui.present.devices import Home, Row
from webui.present.receipts import moved

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)  # when the recorded receipt was written


def _rows(home: Home) -> dict[str, Row]:
    groups = (*home.groups, home.away)
    return {row.title: row for group in groups for row in group.rows}


def _groups(home: Home) -> dict[str, list[str]]:
    return {group.title: [row.title for row in group.rows] for group in home.groups}


def test_all_is_well() -> None:
    home = present.home(healthy(), NOON)
    assert (home.tone, home.headline, home.alerts) == ("good", "Everything works", ())
    ways = {title: row.way.title for title, row in _rows(home).items() if row.way}
    assert ways == {"laptop": "direct", "phone": "de", "tv": "uk"}


def test_devices_stand_as_people_think_of_them() -> None:
    home = present.home(family(NOON), NOON, mine=EMMA)
    assert _groups(home) == {
        "This device": ["Emma's phone"],
        "New here": ["Android phone"],
        "Phones & tablets": ["Dad's phone", "Grandma's iPad"],
        "Computers": ["Homework computer", "Mum's laptop"],
        "TV & music": ["Kitchen speaker", "Living room TV"],
        "Games": ["PlayStation"],
        "Things in the house": ["Front door camera", "Heating"],
    }
    assert [row.title for row in home.away.rows] == ["Ben's watch", "Kitchen phone", "Printer"]


def test_both_columns_hold_everything_in_order_and_are_about_as_long() -> None:
    for report in (family(NOON), troubled(NOON), crowd(60), healthy(), empty()):
        home = present.home(report, NOON)
        left, right = home.columns
        assert left + right == home.groups
        longest = max((group.weight for group in home.groups), default=0)
        assert abs(sum(g.weight for g in left) - sum(g.weight for g in right)) <= longest


def test_a_device_is_described_in_a_few_words() -> None:
    rows = _rows(present.home(family(NOON), NOON))
    assert rows["Grandma's iPad"].line == ("Apple", "192.168.77.21")
    assert rows["Dad's phone"].line == ("Private address", "192.168.77.22")
    waiting = family(NOON)
    waiting["devices"][0]["address"] = None
    assert _rows(present.home(waiting, NOON))["Grandma's iPad"].line == ("Apple", "no address yet")


def test_a_kind_that_this_page_does_not_know_is_something_else() -> None:
    report = healthy()
    report["devices"][0]["kind"] = "fridge"  # type: ignore[typeddict-item]
    row = _rows(present.home(report, NOON))["tv"]
    assert (row.kind, row.kind_word) == ("unknown", "Something else")


def test_a_way_for_a_while_says_when_it_ends_and_what_then() -> None:
    row = _rows(present.home(family(NOON), NOON))["Dad's phone"]
    assert row.until_pattern == "Until {time}, then back to Direct"
    ends = (NOON + timedelta(minutes=95)).astimezone()
    assert row.until_text == f"Until {ends:%H:%M}, then back to Direct"


@pytest.mark.parametrize("until", ["soon", "2026-01-01T12:00:00"])
def test_an_end_that_is_no_time_is_not_shown(until: str) -> None:
    report = family(NOON)
    next(d for d in report["devices"] if d["mac"] == DAD)["until"] = until
    assert _rows(present.home(report, NOON))["Dad's phone"].until_text == ""


def test_who_looks_is_told_how_its_own_way_is() -> None:
    home = present.home(family(NOON), NOON, mine=IPAD)
    assert home.well == "United Kingdom works. Seen from the United Kingdom."
    report = troubled(NOON)
    home = present.home(report, NOON, mine=DAD)
    assert home.well == ""
    assert home.groups[0].rows[0].trouble == (
        "Germany does not work right now: the VPN company's server does not answer. Nothing of"
        " this device gets out until it does, or you pick another way."
    )


def test_a_new_device_with_a_new_address_may_be_an_old_one() -> None:
    home = present.home(family(NOON), NOON)
    assert _rows(home)["Android phone"].maybe == ((KITCHEN, "Kitchen phone"),)
    gone = family(NOON)
    next(d for d in gone["devices"] if d["mac"] == NEWCOMER)["online"] = False
    assert "New here" not in _groups(present.home(gone, NOON))


def test_trouble_is_told_in_plain_words() -> None:
    home = present.home(degraded(), NOON)
    assert home.headline == "uk does not work"
    rows = _rows(home)
    assert rows["tv"].trouble == (
        "uk does not work right now: the server refuses the password: put the right one into"
        " uk.credentials. Nothing of this device gets out until it does, or you pick another way."
    )
    assert rows["phone"].trouble == "de is starting: it is connecting."
    assert rows["tv"].why == "way-uk"
    assert rows["laptop"].trouble == ""
    assert rows["old-tablet"].trouble.startswith("Its destination 'nl' no longer exists")
    assert rows["old-tablet"].way is None
    assert any("New devices get no address" in alert for alert in home.alerts)
    assert any("router.yaml:3" in alert for alert in home.alerts)


@pytest.mark.parametrize(
    ("state", "headline"),
    [("starting", "uk is starting"), ("degraded", "Something needs attention")],
)
def test_headlines(state: str, headline: str) -> None:
    report = healthy()
    report["state"] = "degraded"
    report["destinations"][1]["state"] = state  # type: ignore[typeddict-item]
    assert present.home(report, NOON).headline == headline


def test_a_destination_on_trial_is_not_offered_and_nobodys_trouble() -> None:
    report = healthy()
    report["destinations"][2]["offered"] = False
    report["destinations"][2]["state"] = "down"
    home = present.home(report, NOON)
    assert [way.name for way in home.ways] == ["direct", "uk"]
    assert home.headline == "Everything works"


@pytest.mark.parametrize(
    ("count", "headline"),
    [(1, "laptop waits for your choice"), (2, "2 devices wait for your choice")],
)
def test_devices_that_wait_for_a_choice_are_said(count: int, headline: str) -> None:
    report = healthy()
    report["default_destination"] = ""
    for device in (report["devices"][1], report["devices"][0])[:count]:
        device["destination"], device["state"] = "", "rejected"
    home = present.home(report, NOON)
    assert (home.tone, home.headline) == ("warn", headline)
    assert _rows(home)["laptop"].trouble == "It goes nowhere until you pick a way out."


def test_a_pause_is_said_and_is_no_failure() -> None:
    home = present.home(paused(), NOON)
    assert (home.tone, home.headline) == ("warn", "uk is paused")
    tv = _rows(home)["tv"]
    assert tv.trouble == (
        "uk is paused. Nothing of this device gets out until somebody resumes it, or you pick"
        " another way."
    )
    assert (tv.tone, tv.why, tv.way.word if tv.way else "") == ("warn", "way-uk", "Paused")


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
    home = present.home(dhcp_trouble(kind), NOON)
    assert (home.tone, home.headline) == ("warn", "Something needs attention")
    assert home.alerts == (alert,)


def test_stopped() -> None:
    home = present.home({**healthy(), "stopped": True}, NOON)
    assert (home.tone, home.headline) == ("bad", "The router is stopped")
    assert any("orchestrator up" in alert for alert in home.alerts)


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
    tv = _rows(present.home(report, NOON + later))["tv"]
    assert tv.receipt == f"Moved from direct to uk: 41 connections cut in 6 ms{when}"


@pytest.mark.parametrize("at", ["2025-12-31T12:00:00+00:00", "2026-01-01T12:00:00", "x"])
def test_other_times_show_no_receipt(at: str) -> None:
    report = healthy()
    report["devices"][0]["receipt"] = {**receipt(), "at": at}
    assert _rows(present.home(report, NOON))["tv"].receipt == ""


def _moved(old: str, new: str, cut: int, note: str = "", state: str = "ok") -> str:
    report = healthy()
    for way in report["destinations"]:
        way["state"] = state if way["name"] == new else way["state"]  # type: ignore[typeddict-item]
    tv = report["devices"][0]
    tv["destination"], tv["receipt"] = new, {**receipt(old, new, cut), "note": note}
    notice = moved(report, [tv["mac"]])
    return notice.text if notice else ""


def test_what_is_said_right_after_a_switch() -> None:
    assert _moved("direct", "uk", 1) == (
        "tv now uses uk: 1 connection cut in 6 ms; now seen from the United Kingdom."
    )
    assert _moved("uk", "direct", 0) == "tv now uses direct: 0 connections cut in 6 ms."
    assert _moved("uk", "uk", 0) == "tv stays with uk; nothing was cut."


def test_nobody_is_told_to_be_seen_from_where_nothing_gets_out() -> None:
    assert _moved("direct", "uk", 2, "uk is paused", "paused") == (
        "tv now uses uk: 2 connections cut in 6 ms. uk is paused, so nothing gets out."
    )
    assert "does not work right now" in _moved("direct", "uk", 2, state="down")
    assert "is starting" in _moved("direct", "uk", 2, state="starting")
    assert _moved("direct", "old", 2, "old no longer exists").endswith("Old no longer exists.")


def test_several_that_were_switched_at_one_instant_have_one_time_in_common() -> None:
    one, other = receipt("direct", "uk", 1), receipt("direct", "uk", 2)
    assert cut_of_all([one, other]) == "3 connections cut in 6 ms"
    later = {**other, "at": "2026-01-01T00:00:09+00:00"}
    assert cut_of_all([one, later]) == "3 connections cut in 12 ms"  # type: ignore[list-item]


def test_nothing_is_said_of_a_switch_that_nobody_knows() -> None:
    assert moved(healthy(), ["02:00:00:00:00:77"]) is None


def test_a_destinations_picture() -> None:
    direct, uk, _ = healthy()["destinations"]
    assert (symbol(direct), symbol(uk)) == (Symbol(icon="home"), Symbol(country="GB"))
    assert symbol({**uk, "country": ""}) == Symbol(icon="lock")
    assert (country("GB"), country("XX"), country("")) == ("the United Kingdom", "", "")
