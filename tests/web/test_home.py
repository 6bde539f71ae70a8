"""Home as a person uses it: by tap, by key, with and without the script."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.web.acts import choice, edit, goes, row, switch, way_out
from tests.web.conftest import Opener
from tests.web.family import DAD, IPAD, KITCHEN, NEWCOMER, TELEVISION, family
from tests.web.reports import TV
from tests.web.standin import Standin

RECEIPT = "tv now uses de: 41 connections cut in 6 ms; now seen from Germany."
SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])


def _member(standin: Standin, mac: str) -> dict[str, object]:
    return dict(next(d for d in standin.report["devices"] if d["mac"] == mac))


def _posts(standin: Standin) -> list[tuple[str, object]]:
    return [(path, body) for method, path, body in standin.asked if method == "POST"]


def _left_its_mark(page: Page) -> bool:
    """Whether the page is the same document that `window.mark` was set in."""
    return bool(page.evaluate("window.mark === 'here'"))


@SCRIPT
def test_two_taps_switch_and_show_the_receipt(
    visit: Opener, standin: Standin, script: bool
) -> None:
    page = visit(script=script)
    expect(choice(page, "tv", "de")).to_be_hidden()
    switch(page, "tv", "de")
    expect(page.get_by_role("status").filter(has_text=RECEIPT)).to_be_visible()
    goes(page, "tv", "de")
    expect(choice(page, "tv", "de")).to_be_hidden()
    assert _member(standin, TV)["destination"] == "de"


def test_with_the_script_nothing_is_reloaded(visit: Opener, standin: Standin) -> None:
    page = visit()
    page.evaluate("window.mark = 'here'")
    switch(page, "tv", "de")
    expect(page.locator("#notice")).to_contain_text(RECEIPT)
    assert _left_its_mark(page)
    assert page.url == visit.url


@SCRIPT
def test_undo_stands_beside_the_receipt(visit: Opener, standin: Standin, script: bool) -> None:
    page = visit(script=script)
    switch(page, "tv", "de")
    page.locator("#notice").get_by_role("button", name="Undo").click()
    goes(page, "tv", "uk")
    expect(page.locator("#notice")).to_contain_text("tv now uses uk")
    expect(page.locator("#notice").get_by_role("button")).to_have_count(0)


def test_undo_stands_in_a_devices_details_too(visit: Opener, standin: Standin) -> None:
    standin.report = family()
    page = visit()
    edit(page, "Grandma's iPad")
    details = row(page, "Grandma's iPad")
    expect(details).to_contain_text("Moved from Direct to United Kingdom: 12 connections cut")
    details.get_by_role("button", name="Undo").click()
    goes(page, "Grandma's iPad", "Direct")
    assert _posts(standin) == [(f"/api/v1/devices/{quote(IPAD, '')}/undo", {})]


@SCRIPT
@pytest.mark.parametrize(("span", "minutes"), [("30 min", 30), ("2 hours", 120)])
def test_a_switch_for_a_while(
    visit: Opener, standin: Standin, script: bool, span: str, minutes: int
) -> None:
    page = visit(script=script)
    switch(page, "laptop", "de", span)
    expect(row(page, "laptop").locator(".timed")).to_contain_text("then back to direct")
    assert _posts(standin)[0][1] == {"destination": "de", "minutes": minutes}
    row(page, "laptop").get_by_role("button", name="Go back now").click()
    goes(page, "laptop", "direct")
    expect(row(page, "laptop").locator(".timed")).to_have_count(0)


def test_midnight_is_where_the_reader_is(visit: Opener, standin: Standin) -> None:
    page = visit(zone="Asia/Kolkata")
    switch(page, "laptop", "de", "Midnight")
    expect(row(page, "laptop").locator(".timed")).to_contain_text("Until 00:00, then back")
    body = _posts(standin)[0][1]
    assert isinstance(body, dict)
    assert str(body["until"]).endswith("T18:30:00Z")


def test_without_the_script_midnight_is_the_routers(visit: Opener, standin: Standin) -> None:
    page = visit(script=False)
    switch(page, "laptop", "de", "Midnight")
    expect(row(page, "laptop").locator(".timed")).to_be_visible()
    assert _posts(standin)[0][1] == {"destination": "de", "until": "midnight"}


def test_a_way_for_a_while_can_stay(visit: Opener, standin: Standin) -> None:
    standin.report = family()
    page = visit()
    row(page, "Dad's phone").get_by_role("button", name="Stay").click()
    expect(row(page, "Dad's phone").locator(".timed")).to_have_count(0)
    assert (_member(standin, DAD)["destination"], _member(standin, DAD)["until"]) == ("de", None)


def test_a_time_is_chosen_anew_each_time(visit: Opener, standin: Standin) -> None:
    page = visit()
    way_out(page, "tv").click()
    row(page, "tv").get_by_role("radio", name="2 hours").check()
    page.keyboard.press("Escape")
    switch(page, "tv", "de")
    goes(page, "tv", "de")
    assert _posts(standin)[0][1] == {"destination": "de"}


@SCRIPT
def test_several_at_once(visit: Opener, standin: Standin, script: bool) -> None:
    page = visit(script=script)
    page.get_by_role("link", name="Choose several").click()
    for name in ("tv", "laptop"):
        page.get_by_role("checkbox", name=name).check()
    page.get_by_label("Way out").select_option("de")
    page.get_by_label("For how long?").select_option("120")
    page.get_by_role("button", name="Switch").click()
    expect(page.locator("#notice")).to_contain_text("2 devices now use de: 82 connections cut")
    goes(page, "laptop", "de")
    page.locator("#notice").get_by_role("button", name="Undo").click()
    expect(page.locator("#notice")).to_contain_text("2 devices are back on their ways")
    goes(page, "laptop", "direct")
    goes(page, "tv", "uk")


@SCRIPT
def test_choosing_nobody_is_said(visit: Opener, standin: Standin, script: bool) -> None:
    visit.expected.add("400")
    page = visit("?several=1", script=script)
    page.get_by_label("Way out").select_option("de")
    page.get_by_role("button", name="Switch").click()
    expect(page.locator("#notice")).to_contain_text("Choose at least one device")
    expect(page.get_by_role("checkbox", name="tv")).to_be_visible()


def test_what_is_ticked_stays_ticked_while_the_page_refreshes(
    visit: Opener, standin: Standin
) -> None:
    page = visit("?several=1")
    page.get_by_role("checkbox", name="tv").check()
    standin.report["devices"][1]["title"] = "Another laptop"
    expect(page.get_by_role("checkbox", name="Another laptop")).to_be_visible()
    expect(page.get_by_role("checkbox", name="tv")).to_be_checked()


@SCRIPT
def test_a_new_device_gets_its_name_and_leaves_the_top(
    visit: Opener, standin: Standin, script: bool
) -> None:
    standin.report = family()
    page = visit(script=script)
    new = page.get_by_role("region", name="New here")
    new.get_by_label("Name").fill("Ben's phone")
    new.get_by_label("What is it?").select_option("tablet")
    new.get_by_role("button", name="Save").click()
    expect(page.locator("#notice")).to_contain_text("Saved. It is called Ben's phone.")
    expect(new).to_have_count(0)
    expect(row(page, "Ben's phone")).to_be_visible()
    assert _member(standin, NEWCOMER)["kind"] == "tablet"


@SCRIPT
def test_an_old_device_with_a_new_address_is_recognised(
    visit: Opener, standin: Standin, script: bool
) -> None:
    standin.report = family()
    page = visit(script=script)
    expect(page.get_by_text("Is this the device that you called “Kitchen phone”?")).to_be_visible()
    page.get_by_role("button", name="Yes, it is").click()
    expect(page.locator("#notice")).to_contain_text("Kitchen phone has its name and its way out")
    goes(page, "Kitchen phone", "United Kingdom")
    path = f"/api/v1/devices/{quote(NEWCOMER, '')}/take-over"
    assert _posts(standin) == [(path, {"old": KITCHEN})]


def test_a_device_that_is_no_old_one_is_not_asked_for_again(
    visit: Opener, standin: Standin
) -> None:
    standin.report = family()
    page = visit()
    page.get_by_role("button", name="No, it is new").click()
    expect(page.locator(".question")).to_have_count(0)
    expect(page.get_by_role("region", name="New here").get_by_label("Name")).to_be_visible()


@SCRIPT
def test_renaming_in_place(visit: Opener, standin: Standin, script: bool) -> None:
    page = visit(script=script)
    field = edit(page, "tv")
    expect(field).to_have_value("tv")
    field.fill("Kitchen TV")
    field.press("Enter")
    expect(row(page, "Kitchen TV")).to_be_visible()
    expect(page.locator("#notice")).to_contain_text("It is called Kitchen TV")
    expect(page.get_by_label("Name", exact=True).filter(visible=True)).to_have_count(0)


@SCRIPT
def test_a_refused_name_can_be_corrected(visit: Opener, standin: Standin, script: bool) -> None:
    visit.expected.add("409")
    page = visit(script=script)
    field = edit(page, "tv")
    field.fill("laptop")
    field.press("Enter")
    expect(page.locator("#notice")).to_contain_text("'laptop' is taken. Choose another name.")
    expect(field).to_have_value("laptop")
    assert _member(standin, TV)["title"] == "tv"


@SCRIPT
def test_a_device_that_is_gone_can_be_forgotten(
    visit: Opener, standin: Standin, script: bool
) -> None:
    page = visit(script=script)
    page.get_by_text("Not here now").first.click()
    edit(page, "phone")
    row(page, "phone").get_by_role("button", name="Forget this device").click()
    expect(page.locator("#notice")).to_contain_text("Forgotten")
    expect(page.get_by_role("heading", name="phone", exact=True)).to_have_count(0)


def test_the_device_that_looks_stands_first_and_is_told_the_truth(
    visit: Opener, standin: Standin
) -> None:
    standin.report = family()
    standin.me = TELEVISION
    page = visit()
    first = page.get_by_role("region").first
    expect(first).to_contain_text("This device")
    expect(first).to_contain_text("United Kingdom works. Seen from the United Kingdom.")
    uk = standin.report["destinations"][1]
    uk["state"] = standin.report["devices"][3]["state"] = "down"
    uk["message"] = standin.report["devices"][3]["message"] = "its server does not answer"
    expect(first).to_contain_text("United Kingdom does not work right now: its server does not")
    expect(first).to_contain_text("or you pick another way")
    assert page.get_by_role("heading", name="Living room TV").count() == 1


def test_a_stranger_sees_the_page_without_a_device_of_its_own(
    visit: Opener, standin: Standin
) -> None:
    standin.answers["/api/v1/whoami"] = (500, {"error": "it is unwell", "hint": ""})
    page = visit()
    goes(page, "tv", "uk")
    expect(page.get_by_role("region", name="This device")).to_have_count(0)
