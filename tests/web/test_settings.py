"""Settings and the login, in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Opener
from tests.web.looks import assert_accessible, assert_nothing_runs_off
from tests.web.standin import Standin

pytestmark = pytest.mark.web
SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
PASSWORD = "correct horse battery"


def _set_password(page: Page) -> None:
    page.get_by_label("New password (").fill(PASSWORD)
    page.get_by_label("The new password again").fill(PASSWORD)
    page.get_by_role("button", name="Set a password").click()
    expect(page.locator("#notice")).to_contain_text("The password is set.")


@SCRIPT
def test_a_password_is_set_and_asked_for(visit: Opener, standin: Standin, script: bool) -> None:
    page = visit("settings", script=script)
    expect(page.locator("main")).to_contain_text("everybody on your home network can use")
    _set_password(page)
    expect(page.locator("main")).to_contain_text("A password is set.")
    other = visit("settings", script=script)
    expect(other.get_by_role("button", name="Make a key")).to_have_count(0)
    visit.expected.add("403")
    other.locator("#log-in").click()
    other.get_by_label("The page's password").fill("wrong")
    other.get_by_role("button", name="Log in").click()
    expect(other.get_by_role("alert")).to_contain_text("That is not the password.")
    other.get_by_label("The page's password").fill(PASSWORD)
    other.get_by_role("button", name="Log in").click()
    expect(other.get_by_role("button", name="Make a key")).to_be_visible()


def test_who_may_do_what_is_a_choice_of_three(visit: Opener, standin: Standin) -> None:
    page = visit("settings")
    _set_password(page)
    page.get_by_label("Look, and switch their own device").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    assert standin.access["policy"] == "own"


@SCRIPT
def test_a_key_is_shown_once_and_can_be_withdrawn(
    visit: Opener, standin: Standin, script: bool
) -> None:
    page = visit("settings", script=script)
    page.get_by_label("Which program is it for?").fill("Lamp")
    page.get_by_role("button", name="Make a key").click()
    expect(page.locator("#secret")).to_have_text("mw_lamp_9f2c71d04be8a35560")
    if script:
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        page.reload()
        expect(page.locator("#secret")).to_have_count(0)
    page.goto(f"{visit.url}settings")
    expect(page.locator("main")).to_contain_text("Lamp")
    assert "mw_lamp" not in page.content()
    page.get_by_role("button", name="Revoke Lamp").click()
    expect(page.locator("main")).to_contain_text("There is no key.")


def test_programs_find_the_document_and_an_example(visit: Opener, standin: Standin) -> None:
    page = visit("settings")
    link = page.get_by_role("link", name="Description of the API")
    expect(link).to_have_attribute("href", "/api/v1/openapi.json")
    page.locator("#example > summary").click()
    expect(page.locator("pre")).to_contain_text("http://192.168.77.1/api/v1/devices/{{ device }}")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_them(visit: Opener, standin: Standin, dark: bool) -> None:
    page = visit("settings", dark=dark)
    page.get_by_label("Which program is it for?").fill("Lamp")
    page.get_by_role("button", name="Make a key").click()
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert_accessible(page)
    assert_nothing_runs_off(page)
    _set_password(page)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert_accessible(page)
    assert_nothing_runs_off(page)
    login = visit("login", dark=dark)
    assert_accessible(login)
    assert_nothing_runs_off(login)
