"""What happened, in the browser: the reader's own time, one device, older pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Opener
from tests.web.household import event
from tests.web.looks import assert_accessible, assert_nothing_runs_off
from tests.web.reports import TV
from tests.web.standin import Standin

pytestmark = pytest.mark.web
ACTIVITY = "/api/v1/activity?limit=50"
LATE = datetime(2026, 1, 10, 23, 30, tzinfo=UTC)


def _one_late_event(standin: Standin) -> None:
    told = event(7, "switched", LATE, mac=TV, device="tv", old="direct", new="uk", by="Anna")
    standin.answers["/api/v1/activity"] = (200, {"events": [told], "before": None})


def test_what_happened_is_told_by_day(visit: Opener, standin: Standin) -> None:
    page = visit("activity")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    expect(page.get_by_role("heading", name="Yesterday")).to_be_visible()
    expect(page.locator("#days")).to_contain_text("tv tried 14 times to hide its DNS queries")


def test_the_script_says_times_and_days_where_the_reader_is(
    visit: Opener, standin: Standin
) -> None:
    _one_late_event(standin)
    page = visit("activity", zone="Europe/Berlin")
    expect(page.locator("#event-7 time")).to_have_text("00:30")
    expect(page.locator("#days h2")).to_have_text("Sunday 11 January")


def test_without_a_script_the_zone_is_said(visit: Opener, standin: Standin) -> None:
    _one_late_event(standin)
    page = visit("activity", script=False)
    expect(page.locator("#event-7 time")).to_have_text("23:30 UTC")
    expect(page.locator("#days h2")).to_have_text("Saturday, 10 January")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_one_device_can_be_looked_at(visit: Opener, standin: Standin, script: bool) -> None:
    page = visit("activity", script=script)
    page.get_by_label("Show", exact=True).select_option(label="tv")
    if not script:
        page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(f"{visit.url}activity?device={TV.replace(':', '%3A')}")
    expect(page.locator("#days")).to_contain_text("tv now goes by")
    expect(page.locator("#days")).not_to_contain_text("laptop went back")


def test_older_pages_and_the_way_back(visit: Opener, standin: Standin) -> None:
    events = [event(n, "renamed", LATE, old=f"a{n}", new=f"b{n}") for n in (9, 8)]
    standin.answers["/api/v1/activity"] = (200, {"events": events[:1], "before": 9})
    older = "/api/v1/activity?limit=50&before=9"
    standin.answers[older] = (200, {"events": events[1:], "before": None})
    page = visit("activity")
    page.get_by_role("link", name="Older").click()
    expect(page).to_have_url(f"{visit.url}activity?before=9")
    expect(page.locator("#event-8")).to_be_visible()
    assert any("before=9" in path for _, path, _ in standin.asked)
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.get_by_role("link", name="Back to the newest").click()
    expect(page).to_have_url(f"{visit.url}activity")


def test_nonsense_in_the_address_shows_the_newest(visit: Opener, standin: Standin) -> None:
    page = visit("activity?before=DROP&device=nobody")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    assert any(path == ACTIVITY for _, path, _ in standin.asked)


def test_an_empty_activity_says_so(visit: Opener, standin: Standin) -> None:
    standin.answers["/api/v1/activity"] = (200, {"events": [], "before": None})
    page = visit("activity")
    expect(page.get_by_role("heading", name="Nothing yet")).to_be_visible()


def test_a_hostile_name_is_only_text(visit: Opener, standin: Standin) -> None:
    evil = "<img src=x onerror='window.owned=1'>"
    told = event(7, "renamed", LATE, old=evil, new=evil, by=evil)
    standin.answers["/api/v1/activity"] = (200, {"events": [told], "before": None})
    page = visit("activity")
    expect(page.locator("#event-7")).to_contain_text(evil)
    assert page.evaluate("window.owned") is None


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it(visit: Opener, standin: Standin, dark: bool) -> None:
    page = visit("activity", dark=dark)
    assert_accessible(page)
    assert_nothing_runs_off(page)
