"""The Wi-Fi in the browser: the card, a device's network, and the code to join."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Opener
from tests.web.looks import assert_accessible, assert_nothing_runs_off
from tests.web.reports import INVITATION, TV, no_radio, wireless
from tests.web.standin import Standin
from webui.present.common import device_id

pytestmark = pytest.mark.web
SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])


@SCRIPT
def test_the_code_to_join_is_two_taps_away(visit: Opener, standin: Standin, script: bool) -> None:
    standin.report = wireless()
    page = visit("settings", script=script)
    card = page.locator("#wifi")
    expect(card).to_contain_text("Channel 6, room for 8 devices at once")
    expect(card).to_contain_text("0 devices, leads to uk, hidden")
    assert INVITATION["passphrase"] not in page.content()
    card.get_by_role("link", name="How to join Home-UK").click()
    expect(page.get_by_role("heading", name="Join Home-UK")).to_be_visible()
    code = page.get_by_role("img", name="Code for joining Home-UK")
    expect(code).to_be_visible()
    box = code.bounding_box()
    assert box
    assert box["width"] == pytest.approx(box["height"], abs=1)
    assert box["width"] > 200
    expect(page.locator("#passphrase")).to_have_text(INVITATION["passphrase"])
    page.get_by_role("link", name="Back to the settings").click()
    expect(page.locator("#wifi")).to_be_visible()


def test_without_wifi_there_is_no_card(visit: Opener, standin: Standin) -> None:
    page = visit("settings")
    expect(page.get_by_role("heading", name="About")).to_be_visible()
    expect(page.locator("#wifi")).to_have_count(0)


def test_a_device_tells_its_network_and_its_signal(visit: Opener, standin: Standin) -> None:
    standin.report = wireless()
    page = visit()
    row = page.locator(f"#{device_id(TV)}")
    row.locator("summary").first.click()
    expect(row).to_contain_text("Home, strong signal")
    expect(row.get_by_text("strong signal")).to_have_attribute("title", "-48 dBm")


def test_a_missing_radio_is_said_where_people_look(visit: Opener, standin: Standin) -> None:
    standin.report = no_radio()
    page = visit()
    expect(page.locator("main")).to_contain_text("The Wi-Fi does not work. Its radio is not there")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it(visit: Opener, standin: Standin, dark: bool) -> None:
    standin.report = wireless()
    for path in ("settings", "settings/wifi?ssid=Home-UK"):
        page = visit(path, dark=dark)
        assert_accessible(page)
        assert_nothing_runs_off(page)
    standin.report = no_radio()
    page = visit("settings", dark=dark)
    assert_accessible(page)
    assert_nothing_runs_off(page)
