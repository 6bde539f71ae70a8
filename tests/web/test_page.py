"""The page as a person uses it: by click, by key, on a phone, with and without the script."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from orchestrator.client import Status
from tests.web.conftest import Opener, Site
from tests.web.reports import TV, degraded, destination, device, empty, healthy
from tests.web.standin import Standin, serve

RECEIPT = "tv now uses de: 41 connections cut in 6 ms."
SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])


def _choice(page: Page, name: str, way: str) -> Locator:
    return page.get_by_role("group", name=f"Way out for {name}").get_by_role("button", name=way)


def _rename(page: Page, *, script: bool) -> Locator:
    """Open the renaming of tv and return its field, once the page has made it ready."""
    page.locator("summary", has_text="Rename tv").click()
    field = page.get_by_label("New name").filter(visible=True)
    if script:
        expect(field).to_be_focused()  # the name is put in by an event that comes a moment later
    return field


def _chosen(page: Page, name: str, way: str) -> None:
    expect(_choice(page, name, way)).to_have_attribute("aria-pressed", "true")


def _left_its_mark(page: Page) -> bool:
    """Whether the page is the same document that `window.mark` was set in."""
    return bool(page.evaluate("window.mark === 'here'"))


@SCRIPT
def test_one_click_switches_and_shows_the_receipt(
    visit: Opener, standin: Standin, script: bool
) -> None:
    page = visit(script=script)
    _chosen(page, "tv", "uk")
    _choice(page, "tv", "de").click()
    expect(page.get_by_role("status").filter(has_text=RECEIPT)).to_be_visible()
    _chosen(page, "tv", "de")
    assert standin.report["devices"][0]["destination"] == "de"


def test_with_the_script_nothing_is_reloaded(visit: Opener, standin: Standin) -> None:
    page = visit()
    page.evaluate("window.mark = 'here'")
    _choice(page, "tv", "de").click()
    expect(page.locator("#notice")).to_have_text(RECEIPT)
    assert _left_its_mark(page)
    assert page.url == visit.url


def test_many_quick_clicks_are_all_done_in_order(visit: Opener, standin: Standin) -> None:
    page = visit()
    for name, way in (("tv", "de"), ("laptop", "uk"), ("phone", "direct")):
        _choice(page, name, way).click()
    _chosen(page, "phone", "direct")
    _chosen(page, "laptop", "uk")
    _chosen(page, "tv", "de")
    changes = [path.split("/")[3] for method, path, _ in standin.asked if method == "POST"]
    assert [mac[-2:] for mac in changes] == ["01", "02", "03"]


def test_by_keyboard_alone(visit: Opener, standin: Standin) -> None:
    page = visit()
    _choice(page, "tv", "uk").focus()
    page.keyboard.press("Tab")
    expect(_choice(page, "tv", "de")).to_be_focused()
    page.keyboard.press("Enter")
    _chosen(page, "tv", "de")
    expect(_choice(page, "tv", "de")).to_be_focused()


@SCRIPT
def test_renaming_in_place(visit: Opener, standin: Standin, script: bool) -> None:
    page = visit(script=script)
    field = _rename(page, script=script)
    expect(field).to_have_value("tv")
    field.fill("kitchen-tv")
    field.press("Enter")
    expect(page.get_by_role("heading", name="kitchen-tv")).to_be_visible()
    expect(page.locator("#notice")).to_contain_text("now called kitchen-tv")
    expect(page.get_by_label("New name").filter(visible=True)).to_have_count(0)


@SCRIPT
def test_a_refused_name_can_be_corrected(visit: Opener, standin: Standin, script: bool) -> None:
    visit.expected.add("409")
    page = visit(script=script)
    field = _rename(page, script=script)
    field.fill("laptop")
    field.press("Enter")
    expect(page.locator("#notice")).to_have_text("'laptop' is taken. Choose another name.")
    expect(field).to_have_value("laptop")
    assert standin.report["devices"][0]["name"] == "tv"


def test_a_switch_that_failed_says_why(visit: Opener, standin: Standin) -> None:
    failed = {"error": "the router's rules can't be changed", "hint": "nothing was changed"}
    standin.answers[f"/api/v1/devices/{quote(TV, '')}/assign"] = (503, failed)
    page = visit()
    _choice(page, "tv", "de").click()
    expect(page.locator("#notice")).to_have_text(
        "The router's rules can't be changed. Nothing was changed."
    )
    _chosen(page, "tv", "uk")


def test_escape_leaves_renaming(visit: Opener, standin: Standin) -> None:
    page = visit()
    summary = page.locator("summary", has_text="Rename tv")
    _rename(page, script=True).press("Escape")
    expect(page.get_by_label("New name").filter(visible=True)).to_have_count(0)
    expect(summary).to_be_focused()


def test_it_refreshes_itself_and_disturbs_nobody(visit: Opener, standin: Standin) -> None:
    page = visit(width=360, height=500)
    field = _rename(page, script=True)
    field.fill("half-typ")
    scrolled = page.evaluate("scrollY")
    assert scrolled > 0
    phone = standin.report["devices"][2]
    phone["online"], phone["address"], phone["destination"] = True, "192.168.77.103", "uk"
    standin.report["devices"].append(device("02:00:00:00:00:09", "zebra", "de", "192.168.77.109"))
    expect(page.get_by_text("192.168.77.103")).to_be_attached()
    expect(page.get_by_role("heading", name="zebra")).to_be_attached()
    _chosen(page, "phone", "uk")
    expect(field).to_be_focused()
    expect(field).to_have_value("half-typ")
    assert page.evaluate("scrollY") == scrolled


def test_focus_survives_a_change_of_order(visit: Opener, standin: Standin) -> None:
    page = visit()
    _choice(page, "tv", "uk").focus()
    standin.report["devices"][0]["name"] = "aaa"
    expect(page.get_by_role("heading", level=3).first).to_have_text("aaa")
    expect(_choice(page, "aaa", "uk")).to_be_focused()


def test_what_vanishes_vanishes(visit: Opener, standin: Standin) -> None:
    standin.report = degraded()
    page = visit()
    expect(page.locator("#alerts")).to_be_visible()
    standin.report = healthy()
    expect(page.locator("#top")).to_contain_text("Everything works")
    expect(page.locator("#alerts")).to_have_count(0)
    expect(page.locator(".trouble")).to_have_count(0)
    expect(page.get_by_text("old-tablet")).to_have_count(0)


@SCRIPT
def test_many_destinations_are_a_list(visit: Opener, standin: Standin, script: bool) -> None:
    standin.report["destinations"] += [destination(f"vpn{n}") for n in range(6)]
    page = visit(script=script)
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="tv"))
    card.get_by_label("Way out").select_option("vpn4")
    card.get_by_role("button", name="Switch").click()
    expect(page.locator("#notice")).to_contain_text("tv now uses vpn4")
    expect(card.get_by_label("Way out")).to_have_value("vpn4")


@pytest.mark.parametrize("report", [healthy, degraded, empty], ids=lambda f: f.__name__)
@pytest.mark.parametrize("width", [320, 360, 768, 1100])
def test_no_width_scrolls_sideways(
    visit: Opener, standin: Standin, report: Callable[[], Status], width: int
) -> None:
    standin.report = report()
    standin.report["devices"].append(device("02:00:00:00:00:09", "x" * 63, "uk", "192.168.77.109"))
    page = visit(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_everything_to_touch_is_big_enough(visit: Opener, standin: Standin) -> None:
    page = visit(width=360)
    targets = page.locator("button, summary, select").filter(visible=True).all()
    assert len(targets) > 9
    for target in targets:
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44, target
        assert box["width"] >= 44, target


def _contrast(page: Page) -> list[tuple[str, float]]:
    """Every text's contrast with what is behind it (WCAG 2: relative luminance), lowest first."""
    found = page.evaluate(
        """() => {
          const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
          const lum = (c) => rgb(c).slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const behind = (e) => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (rgb(c)[3] !== 0) return c; } return "rgb(255,255,255)"; };
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const all = [];
          for (let t = walk.nextNode(); t; t = walk.nextNode()) {
            if (!t.data.trim() || !t.parentElement.checkVisibility()) continue;
            const e = t.parentElement;
            const a = lum(getComputedStyle(e).color), b = lum(behind(e));
            all.push([t.data.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
          }
          return all.sort((x, y) => x[1] - y[1]);
        }"""
    )
    return [(str(text), float(ratio)) for text, ratio in found]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read(visit: Opener, standin: Standin, dark: bool) -> None:
    standin.report = degraded()
    ratios = _contrast(visit(dark=dark))
    assert len(ratios) > 30
    assert ratios[0][1] >= 4.5, ratios[:3]


def test_the_empty_house(visit: Opener, standin: Standin) -> None:
    standin.report = empty()
    page = visit()
    expect(page.get_by_role("heading", name="No device yet")).to_be_visible()
    standin.report = healthy()
    expect(page.get_by_role("heading", name="laptop")).to_be_visible()


def test_a_hostile_name_is_only_text(visit: Opener, standin: Standin) -> None:
    evil = "<script>window.owned=1</script><img src=x onerror='window.owned=1'>"
    standin.report["devices"][0]["name"] = evil
    page = visit()
    expect(page.get_by_role("heading", name=evil)).to_be_visible()
    page.get_by_role("group", name=f"Way out for {evil}").get_by_role("button", name="de").click()
    expect(page.locator("#notice")).to_contain_text(evil)
    assert page.evaluate("window.owned") is None
    assert page.locator("img[src=x]").count() == 0


def test_a_dead_daemon_is_said_and_its_return_noticed(visit: Opener, site: Site) -> None:
    with serve(Standin(site.socket, healthy())):
        page = visit()
        _chosen(page, "tv", "uk")
    expect(page.locator("#stale")).to_be_visible()
    _choice(page, "tv", "de").click()
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
