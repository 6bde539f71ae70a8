"""Home keeps its head: while it refreshes, without its daemon, and with hostile input."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.web.acts import edit, goes, switch
from tests.web.conftest import Opener, Site
from tests.web.reports import TV, degraded, device, healthy
from tests.web.standin import Standin, serve

SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])


def test_many_quick_switches_are_all_done_in_order(visit: Opener, standin: Standin) -> None:
    page = visit()
    page.locator("#away-summary").click()
    for name, way in (("tv", "de"), ("laptop", "uk"), ("phone", "direct")):
        switch(page, name, way)
    goes(page, "phone", "direct")
    goes(page, "laptop", "uk")
    goes(page, "tv", "de")
    posts = [path.split("/")[4] for method, path, _ in standin.asked if method == "POST"]
    assert [mac[-2:] for mac in posts] == ["01", "02", "03"]


def test_a_switch_that_failed_says_why(visit: Opener, standin: Standin) -> None:
    failed = {"error": "the router's rules can't be changed", "hint": "nothing was changed"}
    standin.answers[f"/api/v1/devices/{quote(TV, '')}/assign"] = (503, failed)
    page = visit()
    switch(page, "tv", "de")
    expect(page.locator("#notice")).to_contain_text(
        "The router's rules can't be changed. Nothing was changed."
    )
    goes(page, "tv", "uk")


def test_a_hostile_name_is_only_text(visit: Opener, standin: Standin) -> None:
    evil = "<script>window.owned=1</script><img src=x onerror='window.owned=1'>"
    standin.report["devices"][0]["title"] = evil
    page = visit()
    switch(page, evil, "de")
    expect(page.locator("#notice")).to_contain_text(evil)
    assert page.evaluate("window.owned") is None
    assert page.locator("img[src=x]").count() == 0


def test_a_dead_daemon_is_said_and_its_return_noticed(visit: Opener, site: Site) -> None:
    with serve(Standin(site.socket, healthy())):
        page = visit()
        goes(page, "tv", "uk")
    expect(page.locator("#stale")).to_be_visible()
    switch(page, "tv", "de")
    expect(page.locator("#notice")).to_contain_text("may not have been done")
    with serve(Standin(site.socket, healthy())):
        expect(page.locator("#stale")).to_be_hidden(timeout=20_000)


@SCRIPT
def test_a_page_opened_without_daemon_comes_by_itself(
    visit: Opener, site: Site, script: bool
) -> None:
    page = visit(script=script)
    expect(page.get_by_role("heading", name="One moment, please")).to_be_visible()
    with serve(Standin(site.socket, healthy())):
        expect(page.get_by_role("heading", name="laptop")).to_be_visible(timeout=20_000)


def test_another_site_changes_nothing(visit: Opener, standin: Standin) -> None:
    """A page of another origin that posts our form gets a refusal."""
    visit.expected |= {"403", "404"}  # the refusal, and the icon that a plain text has not
    page = visit()
    target = f"{visit.url}devices/tv/assign"
    page.goto("about:blank")
    page.set_content(
        f"<form method=post action={target}><input name=destination value=de><button>Go</button>"
    )
    with page.expect_navigation():
        page.get_by_role("button").click()
    expect(page.locator("body")).to_contain_text("only accepted from this router's own page")
    assert standin.report["devices"][0]["destination"] == "uk"


def test_what_vanishes_vanishes(visit: Opener, standin: Standin) -> None:
    standin.report = degraded()
    page = visit()
    expect(page.locator("#alerts")).to_be_visible()
    standin.report = healthy()
    expect(page.locator("#top")).to_contain_text("Everything works")
    expect(page.locator("#alerts")).to_have_count(0)
    expect(page.locator(".trouble")).to_have_count(0)
    expect(page.get_by_text("old-tablet")).to_have_count(0)


def test_it_refreshes_itself_and_disturbs_nobody(visit: Opener, standin: Standin) -> None:
    page = visit(width=360, height=500)
    field = edit(page, "tv")
    field.fill("half-typ")
    scrolled = page.evaluate("scrollY")
    assert scrolled > 0
    laptop = standin.report["devices"][1]
    laptop["address"], laptop["destination"] = "192.168.77.103", "uk"
    standin.report["devices"].append(device("02:00:00:00:00:09", "zebra", "de", "192.168.77.109"))
    expect(page.get_by_text("192.168.77.103").first).to_be_attached()
    expect(page.get_by_role("heading", name="zebra")).to_be_attached()
    goes(page, "laptop", "uk")
    expect(field).to_be_focused()
    expect(field).to_have_value("half-typ")
    assert page.evaluate("scrollY") == scrolled
