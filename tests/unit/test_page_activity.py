"""What happened, in sentences and days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import pytest

from orchestrator.client import Event
from tests.web.household import event
from tests.web.reports import TV, healthy
from webui.present import activity as present

pytestmark = pytest.mark.unit
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
TITLES = {"direct": "Home", "uk": "United Kingdom"}
KINDS = get_args(get_type_hints(Event)["kind"])


def _said(kind: str, **fields: Any) -> str:
    return present.said(event(1, kind, NOON, **fields), TITLES)


def _page(*events: Event, **more: Any) -> present.ActivityPage:
    told = {"events": list(events), "before": None}
    return present.page(told, healthy(), NOON, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sentence_and_a_sign(kind: str) -> None:
    fields = {"device": "Kitchen TV", "destination": "uk", "old": "direct", "new": "uk", "count": 2}
    (day,) = _page(event(1, kind, NOON, **fields)).days
    (line,) = day.lines
    assert line.said.endswith(".")
    assert "{" not in line.said
    assert line.icon


def test_joining_a_network_says_where_it_leads() -> None:
    joined = {"device": "Tablet", "message": "Home-UK"}
    begins = "Tablet joined the Wi-Fi network “Home-UK” and"
    said = _said("joined", **joined, old="direct", new="uk")
    assert said == f"{begins} now goes by United Kingdom instead of Home."
    assert _said("joined", **joined, new="uk") == f"{begins} now goes by United Kingdom."
    assert _said("joined", **joined, old="uk") == f"{begins} has no way out."


def test_a_switch_names_the_ways_as_people_do() -> None:
    said = _said("switched", device="Kitchen TV", old="direct", new="uk")
    assert said == "Kitchen TV now goes by United Kingdom instead of Home."
    assert (
        _said("switched", device="Kitchen TV", new="uk") == "Kitchen TV now goes by United Kingdom."
    )


def test_a_switch_for_a_time_says_when_it_ends() -> None:
    fields = {"device": "Kitchen TV", "old": "direct", "new": "uk"}
    (day,) = _page(event(1, "switched", NOON, **fields, message="2026-03-04T14:30:00+01:00")).days
    (line,) = day.lines
    assert line.said == "Kitchen TV now goes by uk instead of direct."
    assert (line.until_text, line.until_pattern) == ("Until 13:30 UTC.", "Until {time}.")


def test_a_switch_to_where_it_was_is_none() -> None:
    said = _said("switched", device="Kitchen TV", old="uk", new="uk")
    assert said == "Kitchen TV stays with United Kingdom."


def test_refused_attempts_are_counted() -> None:
    assert _said("dns_over_tls", device="Kitchen TV", count=14) == (
        "Kitchen TV tried 14 times to hide its DNS queries (DNS over TLS); refused."
    )
    assert "tried once" in _said("dns_over_tls", device="Kitchen TV", count=1)


def test_a_failure_tells_its_reason_in_plain_words() -> None:
    said = _said("fails", destination="uk", message="the endpoint has stopped answering")
    assert said == ("United Kingdom does not work. The VPN company's server has stopped answering.")


def test_a_key_is_told_by_its_name() -> None:
    said = _said("token_made", message="Home Assistant", by="Anna")
    assert said == "A key for programs was made: Home Assistant."


def test_a_start_says_which_version() -> None:
    assert _said("started") == "The router was started."
    assert _said("started", message="Manyways 0.2.0") == "Manyways 0.2.0 was started."


def test_a_way_that_is_gone_keeps_its_name() -> None:
    assert _said("destination_removed", destination="nl") == "nl was removed."


def test_a_device_without_a_name_is_told_by_its_address() -> None:
    assert _said("forgotten", mac=TV) == f"{TV} was forgotten."


def test_braces_in_a_name_are_only_text() -> None:
    assert _said("forgotten", device="{count} {0.x}") == "{count} {0.x} was forgotten."


def test_events_stand_below_their_days() -> None:
    ago = [0, 1, 24, 25, 24 * 40, 24 * 400]
    events = [event(9 - i, "started", NOON - timedelta(hours=h)) for i, h in enumerate(ago)]
    days = _page(*events).days
    assert [(day.name, len(day.lines)) for day in days] == [
        ("Today", 2),
        ("Yesterday", 2),
        ("Friday, 23 January", 1),
        ("Tuesday, 28 January 2025", 1),
    ]
    assert days[0].lines[1].time == "11:00 UTC"


def test_a_time_that_cannot_be_read_loses_no_event() -> None:
    broken = event(1, "started", NOON)
    broken["at"] = "yesterday"
    (day,) = _page(broken).days
    assert (day.name, day.lines[0].time) == ("At an unknown time", "")


def test_an_event_that_the_page_does_not_know_is_left_out() -> None:
    assert _page(event(1, "invented", NOON)).days == ()


def test_one_device_can_be_looked_at() -> None:
    page = _page(device=TV)
    assert page.title == "tv"
    assert (TV, "tv") in page.devices
