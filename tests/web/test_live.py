"""Live numbers, and news that reach every open page by themselves."""

from __future__ import annotations

import re
import time
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Opener, Site
from tests.web.looks import assert_accessible, assert_nothing_runs_off
from tests.web.reports import TV, healthy
from tests.web.standin import Standin, serve
from webui.events import STREAMS_EACH

pytestmark = pytest.mark.web
TV_ROW = f"[data-flow='device:{TV}']"
SPEED = re.compile(r"^<?[\d.]+ [kM]B/s$")


def _asked(standin: Standin, what: str = "/live") -> int:
    return sum(path.endswith(what) for _, path, _ in standin.asked)


def _until(standin: Standin, count: int, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while _asked(standin) < count:
        assert time.monotonic() < deadline, "nobody asks what flows"
        time.sleep(0.05)


def _hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_numbers_and_pictures_are_renewed_each_second(visit: Opener, standin: Standin) -> None:
    page = visit("live")
    row = page.locator(TV_ROW)
    expect(row.locator("[data-part=down]")).to_have_text(SPEED)
    before = row.locator("path.down").get_attribute("d")
    assert before is not None
    expect(row.locator("path.down")).not_to_have_attribute("d", before, timeout=5000)
    after = row.locator("path.down").get_attribute("d")
    assert after is not None
    assert len(after.split()) == len(before.split()), "the script draws as the server does"


def test_the_numbers_do_not_chatter(visit: Opener, standin: Standin) -> None:
    page = visit("live")
    assert page.locator("#main [aria-live], #main [role=status]").count() == 0
    expect(page.locator(f"{TV_ROW} svg.picture")).to_have_attribute(
        "aria-label", re.compile("The last two minutes: at most .* down and .* up")
    )


def test_quiet_devices_are_folded_away_and_come_out_when_they_wake(
    visit: Opener, standin: Standin
) -> None:
    standin.report["devices"][0]["online"] = False
    page = visit("live")
    row = page.locator(TV_ROW)
    expect(row).to_have_attribute("data-quiet", "")
    expect(row).to_be_hidden()
    standin.report["devices"][0]["online"] = True
    expect(row).not_to_have_attribute("data-quiet", "", timeout=15_000)
    expect(row).to_be_visible()


def test_without_a_script_there_are_the_numbers_of_the_last_second(
    visit: Opener, standin: Standin
) -> None:
    page = visit("live", script=False)
    expect(page.locator(TV_ROW).locator("[data-part=down]")).to_have_text(SPEED)
    page.get_by_role("link", name="Show the latest numbers").click()
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()


def test_two_browsers_see_each_others_change_within_a_second_or_so(
    visit: Opener, standin: Standin
) -> None:
    mine, hers = visit("destinations"), visit("destinations")
    _until(standin, 2)
    mine.locator("#way-uk").get_by_role("button", name="Pause").click()
    expect(hers.locator("#way-uk")).to_contain_text("Paused", timeout=2500)


def test_a_change_that_comes_before_the_stream_is_not_missed(
    visit: Opener, standin: Standin
) -> None:
    visit("destinations")
    _until(standin, 2)  # the page's server has begun to tell changes, to the browser above
    hers = visit(wait=False)

    def late(route: Route) -> None:
        standin.report["destinations"][1]["state"] = "paused"
        _until(standin, _asked(standin) + 2)  # it is told now, and not again
        route.continue_()

    hers.route("**/events", late)
    hers.goto(visit.url + "destinations")
    expect(hers.locator("#way-uk")).to_contain_text("Paused", timeout=3500)  # asked for every 4 s


def test_nothing_is_asked_while_nobody_looks(visit: Opener, standin: Standin) -> None:
    page = visit("live")
    _until(standin, 3)
    _hide(page, True)
    seen, quiet_since = _asked(standin), time.monotonic()
    deadline = time.monotonic() + 15
    while time.monotonic() - quiet_since < 2.5:
        assert time.monotonic() < deadline, "somebody goes on asking"
        if _asked(standin) != seen:
            seen, quiet_since = _asked(standin), time.monotonic()
        time.sleep(0.1)
    _hide(page, False)
    _until(standin, seen + 2)


def test_a_daemon_that_goes_is_said_at_once_and_its_return_noticed(
    visit: Opener, site: Site
) -> None:
    with serve(Standin(site.socket, healthy())) as standin:
        page = visit("live")
        _until(standin, 2)
    expect(page.locator("#stale")).to_be_visible(timeout=5000)
    with serve(Standin(site.socket, healthy())):
        expect(page.locator("#stale")).to_be_hidden(timeout=20_000)


def _stream(site: Site) -> HTTPResponse:
    host = urlsplit(site.url).netloc
    connection = HTTPConnection("127.0.0.1", urlsplit(site.url).port or 80, timeout=10)
    # The response holds the connection, and closes it with itself.
    connection.request("GET", "/events", headers={"Host": host, "Connection": "close"})
    return connection.getresponse()


def test_one_address_has_a_bounded_number_of_streams(site: Site, standin: Standin) -> None:
    open_ones: list[HTTPResponse] = []
    deadline = time.monotonic() + 10
    while len(open_ones) < STREAMS_EACH:
        response = _stream(site)
        if response.status == 200:
            open_ones.append(response)
            assert response.headers["Content-Type"].startswith("text/event-stream")
        else:  # one of an earlier test has just ended
            response.close()
            assert time.monotonic() < deadline
    refused = _stream(site)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    for one in (*open_ones, refused):
        one.close()


def test_a_refused_page_asks_for_its_numbers_instead(visit: Opener, standin: Standin) -> None:
    pages = [visit("live") for _ in range(STREAMS_EACH + 1)]
    row = pages[-1].locator(f"{TV_ROW} path.down")
    before = row.get_attribute("d")
    assert before is not None
    expect(row).not_to_have_attribute("d", before, timeout=15_000)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it(visit: Opener, standin: Standin, dark: bool) -> None:
    page = visit("live", dark=dark)
    page.locator("#quiet-summary").click()
    assert_accessible(page)
    assert_nothing_runs_off(page)
