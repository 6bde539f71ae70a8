"""The ways out in plain words: health, reasons, remedies and what can be done with them."""

from __future__ import annotations

import re

import pytest

from orchestrator.client import Destination, Status
from tests.web.household import on_trial
from tests.web.reports import degraded, healthy, paused
from webui.pages.destinations import suggested_name
from webui.present import destinations as present
from webui.present.plain import plain, reason_and_remedy

pytestmark = pytest.mark.unit
JARGON = re.compile(r"\b(endpoint|uplink|egress|container|resolver)s?\b")


def _cards(status: Status) -> dict[str, present.WayCard]:
    page = present.page(status, None)
    return {card.name: card for card in (*page.ways, *page.trials)}


def _with(way: Destination) -> Status:
    status = healthy()
    status["destinations"].append(way)
    return status


def test_a_way_that_is_well_says_so_and_no_more() -> None:
    card = _cards(healthy())["uk"]
    assert (card.tone, card.word, card.reason, card.remedy) == ("good", "Works", "", "")
    assert card.kind == "Through a VPN"
    assert [user.title for user in card.users] == ["tv"]
    assert [check.word for check in card.checks] == ["works"] * 6


def test_what_is_not_known_is_not_shown() -> None:
    status = healthy()
    status["destinations"][1]["public_address"] = "203.0.113.7"
    status["destinations"][1]["latency_ms"] = 31.4
    cards = _cards(status)
    assert (cards["uk"].address, cards["uk"].latency) == ("203.0.113.7", "31 ms")
    assert (cards["direct"].address, cards["direct"].latency) == ("", "")


def test_a_broken_way_says_why_and_what_to_do() -> None:
    status = healthy()
    way = status["destinations"][1]
    way["state"] = "down"
    way["message"] = (
        "the provider refused user name or password; check the credentials file, and that no "
        "other machine uses up the account's connections"
    )
    way["checks"][3]["state"] = "failed"
    card = _cards(status)["uk"]
    assert card.reason == "The provider refused user name or password."
    assert card.remedy == (
        "Check user name and password, and that no other machine uses up the account's connections."
    )


def test_a_reason_without_advice_gets_that_of_its_check() -> None:
    status = healthy()
    way = status["destinations"][0]
    way["state"], way["message"] = "down", "no address yet"
    way["checks"][1]["state"] = "failed"
    card = _cards(status)["direct"]
    assert card.reason == "No address yet."
    assert card.remedy.startswith("Check the cable")


def test_what_only_explains_is_no_advice() -> None:
    said = "the endpoint does not answer; it may be down, or the local provider may block the port"
    assert reason_and_remedy(said) == (
        "The VPN company's server does not answer; it may be down, or the local provider may "
        "block the port.",
        "",
    )


@pytest.mark.parametrize(
    "said",
    [
        "waits for the uplink",
        "waits for the egress",
        "its container does not run",
        "its container is starting",
        "there is no way to the endpoint; it may be down, or the uplink may lead nowhere",
        "the endpoint's machine answers, but no VPN server listens there",
        "the resolver does not answer",
    ],
)
def test_no_word_of_the_trade_reaches_the_page(said: str) -> None:
    assert not JARGON.search(plain(said))


def test_names_of_files_stay_as_they_are() -> None:
    assert plain("put it into uk.credentials") == "put it into uk.credentials"


def test_a_degraded_report_holds_no_jargon() -> None:
    for card in _cards(degraded()).values():
        texts = (card.reason, card.remedy, *(c.name + c.message for c in card.checks))
        assert not any(JARGON.search(text) for text in texts), texts


def test_a_paused_way_says_what_that_means() -> None:
    card = _cards(paused())["uk"]
    assert (card.word, card.paused) == ("Paused", True)
    assert card.reason == "Nothing of its devices gets out until you resume it."


def test_a_running_trial_is_no_trouble_yet() -> None:
    card = _cards(_with(on_trial("nl")))["nl"]
    assert (card.word, card.reason, card.on_trial, card.failed) == ("Being tried…", "", True, False)


def test_a_trial_that_waits_for_the_house_has_not_failed() -> None:
    way = on_trial("nl")
    way["state"], way["message"] = "down", "waiting for an address"
    way["checks"][1]["state"] = "failed"
    card = _cards(_with(way))["nl"]
    assert (card.word, card.failed, card.reason) == ("Being tried…", False, "")


def test_a_trial_that_failed_says_why() -> None:
    way = on_trial("nl")
    way["state"], way["message"] = "down", "the server says no"
    way["checks"][3]["state"] = "failed"
    card = _cards(_with(way))["nl"]
    assert (card.word, card.failed, card.reason) == ("Did not work", True, "The server says no.")
    assert card.remedy.startswith("Check the file, the user name and the password")


def test_only_what_was_added_here_and_is_not_used_can_be_removed() -> None:
    status = healthy()
    cards = _cards(status)
    assert "settings file" in cards["de"].stays
    for way in status["destinations"]:
        way["added"] = True
    cards = _cards(status)
    assert cards["uk"].stays == (
        "tv goes this way. Let it go another way first; then it can be removed."
    )
    status["devices"].clear()
    cards = _cards(status)
    assert cards["direct"].stays == "New devices start here, so it can't be removed."
    assert cards["uk"].stays == ""


def test_a_pause_is_announced_with_its_measure() -> None:
    way = paused()["destinations"][1]
    assert present.paused(way, 41, 6, changed=True) == (
        "uk is paused: nothing of its devices gets out. 41 connections cut in 6 ms."
    )
    assert present.paused(way, 0, 6, changed=False) == "uk is paused already."


def test_a_trial_is_announced_as_far_as_it_is() -> None:
    way = on_trial("nl")
    assert present.added(way).startswith("nl is being tried now")
    way["state"] = "down"
    assert present.added(way) == "nl did not work when it was tried."
    way["offered"], way["state"] = True, "ok"
    assert present.added(way) == "nl works: devices can use it now."


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("uk.ovpn", "uk"),
        ("UK London (fast).ovpn", "uk-london-fast"),
        ("C:\\Users\\Anna\\Downloads\\se-sto-007.ovpn", "se-sto-007"),
        ("../../etc/passwd", "passwd"),
        ("a very long name of a server.ovpn", "a-very-long-nam"),
        ("été.ovpn", "t"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_name_is_suggested_by_the_file(file: str | None, name: str) -> None:
    assert suggested_name(file) == name
