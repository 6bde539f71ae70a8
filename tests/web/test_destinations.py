"""The ways out in the browser: health, pause, adding a VPN and removing it."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.web.conftest import Opener
from tests.web.household import on_trial
from tests.web.looks import assert_accessible, assert_nothing_runs_off
from tests.web.reports import degraded, healthy
from tests.web.standin import Standin

pytestmark = pytest.mark.web
SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
SECRET = "correct horse battery"
PROFILE = "client\nremote vpn.example 1194 udp\n"


def _card(page: Page, name: str) -> Locator:
    return page.locator(f"#way-{name}")


def _file(text: str, name: str = "NL Amsterdam.ovpn") -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def _open_form(page: Page) -> None:
    page.locator("#add-summary").click()


def _upload(page: Page, text: str, name: str = "") -> None:
    _open_form(page)
    page.get_by_label("VPN file").set_input_files(_file(text))
    if name:
        page.get_by_label("Name for example").fill(name)
    page.get_by_label("User name").fill("anna")
    page.get_by_label("Password").fill(SECRET)
    page.get_by_role("button", name="Add and try it").click()


def test_each_way_shows_its_health_and_its_devices(visit: Opener, standin: Standin) -> None:
    standin.report = degraded()
    standin.report["destinations"][0]["public_address"] = "203.0.113.7"
    page = visit("destinations")
    expect(_card(page, "direct")).to_contain_text("Works")
    expect(_card(page, "direct")).to_contain_text("203.0.113.7")
    expect(_card(page, "uk")).to_contain_text("Does not work")
    expect(_card(page, "uk")).to_contain_text("What to do:")
    expect(_card(page, "uk")).not_to_contain_text("Seen as")
    _card(page, "uk").get_by_role("link", name="tv").click()
    expect(page).to_have_url(f"{visit.url}#device-02-00-00-00-00-01")


@SCRIPT
def test_a_way_is_paused_and_resumed(visit: Opener, standin: Standin, script: bool) -> None:
    page = visit("destinations", script=script)
    _card(page, "uk").get_by_role("button", name="Pause").click()
    expect(page.locator("#notice")).to_contain_text(
        "uk is paused: nothing of its devices gets out. 12 connections cut in 4 ms."
    )
    expect(_card(page, "uk")).to_contain_text("Paused")
    assert standin.report["destinations"][1]["state"] == "paused"
    _card(page, "uk").get_by_role("button", name="Resume").click()
    expect(page.locator("#notice")).to_contain_text("uk works for its devices again.")
    expect(_card(page, "uk").get_by_role("button", name="Pause")).to_be_visible()


def test_an_address_can_not_make_the_page_say_what_is_not_so(
    visit: Opener, standin: Standin
) -> None:
    page = visit("destinations?paused=uk&cut=9&ms=9&removed=de&added=<b>x</b>")
    expect(_card(page, "uk")).to_contain_text("Works")
    expect(page.locator("#notice")).to_be_empty()


@SCRIPT
def test_a_vpn_is_added_tried_and_then_offered(
    visit: Opener, standin: Standin, script: bool
) -> None:
    page = visit("destinations", script=script)
    _upload(page, PROFILE, "" if script else "nl-amsterdam")
    card = _card(page, "nl-amsterdam")
    expect(card).to_contain_text("Being tried…")
    expect(page.locator("#notice")).to_contain_text("is being tried now")
    sent = next(body for _, path, body in standin.asked if path.endswith("/destinations"))
    assert sent == {
        "name": "nl-amsterdam", "profile": PROFILE, "username": "anna", "password": SECRET,
    }  # fmt: skip
    assert SECRET not in page.content()
    added = standin.report["destinations"][-1]
    added["offered"], added["state"] = True, "ok"
    if not script:
        page.goto(f"{visit.url}destinations")
    expect(card).to_contain_text("Works", timeout=5000)
    expect(card.get_by_role("button", name="Pause")).to_be_visible()


def test_a_name_is_suggested_by_the_file_even_without_a_script(
    visit: Opener, standin: Standin
) -> None:
    page = visit("destinations", script=False)
    _upload(page, PROFILE)
    expect(_card(page, "nl-amsterdam")).to_contain_text("Being tried…")


@SCRIPT
def test_a_file_with_mistakes_names_each_and_keeps_what_was_typed(
    visit: Opener, standin: Standin, script: bool
) -> None:
    visit.expected.add("422")
    page = visit("destinations", script=script)
    _upload(page, "client\nup /bin/sh\n", "nl")
    problems = page.locator("#add-problems")
    expect(problems.get_by_role("listitem")).to_have_text(
        ["line 2: up: programs are never run", "no line 'remote': whose server is it?"]
    )
    expect(page.get_by_label("User name")).to_have_value("anna")
    expect(page.get_by_label("Name for example")).to_have_value("nl")
    expect(page.get_by_label("Password")).to_have_value("")
    assert SECRET not in page.content()
    assert len(standin.report["destinations"]) == 3
    if script:  # what is typed and said stays while the rest of the page is renewed
        standin.report["destinations"][1]["title"] = "Another"
        expect(_card(page, "uk")).to_contain_text("Another", timeout=8000)
        expect(problems).to_be_visible()


def test_a_name_that_is_taken_is_said(visit: Opener, standin: Standin) -> None:
    visit.expected.add("409")
    page = visit("destinations")
    _upload(page, PROFILE, "uk")
    expect(page.locator("#add-problems")).to_contain_text("'uk' is taken. Choose another name.")


def test_a_file_that_is_too_big_is_refused_before_and_after_sending(
    visit: Opener, standin: Standin
) -> None:
    visit.expected.add("413")
    large = "remote x\n" + "#" * 300_000
    page = visit("destinations")
    _open_form(page)
    page.get_by_label("VPN file").set_input_files(_file(large))
    expect(page.locator("#add-file-problem")).to_have_text(
        "That file is too big for a VPN file: at most 256 kB."
    )
    page = visit("destinations", script=False)
    _upload(page, large, "nl")
    expect(page.locator("#add-problems")).to_contain_text("too big")
    assert not any(path.endswith("/destinations") for _, path, _ in standin.asked)


def test_a_picture_is_no_vpn_file(visit: Opener, standin: Standin) -> None:
    visit.expected.add("400")
    page = visit("destinations", script=False)
    _open_form(page)
    payload: FilePayload = {"name": "a.ovpn", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\xff"}
    page.get_by_label("VPN file").set_input_files(payload)
    page.get_by_role("button", name="Add and try it").click()
    expect(page.locator("#add-problems")).to_contain_text("That file is no text")


def test_a_file_is_dropped_on_the_page(visit: Opener, standin: Standin) -> None:
    page = visit("destinations")
    page.evaluate(
        """text => {
          const carried = new DataTransfer();
          carried.items.add(new File([text], "Home NL.ovpn"));
          const drop = new DragEvent("drop", { dataTransfer: carried, bubbles: true });
          document.querySelector("#main").dispatchEvent(drop);
        }""",
        PROFILE,
    )
    expect(page.locator("#add-file-name")).to_have_text("Home NL.ovpn")
    expect(page.get_by_label("Name for example")).to_have_value("home-nl")
    page.get_by_role("button", name="Add and try it").click()
    expect(_card(page, "home-nl")).to_contain_text("Being tried…")


@SCRIPT
def test_a_vpn_that_was_added_here_is_removed_after_a_question(
    visit: Opener, standin: Standin, script: bool
) -> None:
    way = on_trial("nl")
    way["state"], way["message"] = "down", "the server says no"
    standin.report["destinations"].append(way)
    page = visit("destinations", script=script)
    expect(_card(page, "nl")).to_contain_text("The server says no.")
    _card(page, "nl").get_by_text("Remove", exact=False).first.click()
    _card(page, "nl").get_by_role("button", name="Yes, remove it").click()
    expect(_card(page, "nl")).to_have_count(0)
    expect(page.locator("#notice")).to_contain_text("It is removed")
    assert [way["name"] for way in standin.report["destinations"]] == ["direct", "uk", "de"]


def test_a_failed_trial_can_be_repeated_with_another_password(
    visit: Opener, standin: Standin
) -> None:
    way = on_trial("nl")
    way["state"], way["message"] = "down", "the server says no"
    standin.report["destinations"].append(way)
    page = visit("destinations")
    page.get_by_role("link", name="Try with another password").click()
    expect(page.get_by_label("Name for example")).to_have_value("nl")
    expect(page.locator("#add-file")).to_be_visible()


def test_a_way_that_devices_use_says_why_it_stays(visit: Opener, standin: Standin) -> None:
    standin.report["destinations"][1]["added"] = True
    page = visit("destinations")
    expect(_card(page, "uk")).to_contain_text("tv goes this way. Let it go another way first")
    expect(page.locator("#way-uk-remove")).to_have_count(0)


def test_throughput_is_renewed_each_second(visit: Opener, standin: Standin) -> None:
    page = visit("destinations")
    numbers = _card(page, "de").locator("[data-part=down]")
    expect(numbers).to_have_text("0 kB/s")
    standin.report["devices"][1]["destination"] = "de"
    expect(numbers).not_to_have_text("0 kB/s", timeout=5000)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it(visit: Opener, standin: Standin, dark: bool) -> None:
    standin.report = degraded()
    standin.report["destinations"] += [on_trial("nl"), {**on_trial("se"), "state": "down"}]
    standin.report["destinations"][1]["added"] = True
    standin.report["destinations"][2]["state"] = "paused"
    page = visit("destinations?again=nl", dark=dark)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert_accessible(page)
    assert_nothing_runs_off(page)


def test_without_any_way_there_is_still_the_form(visit: Opener, standin: Standin) -> None:
    standin.report = {**healthy(), "destinations": [], "devices": []}
    page = visit("destinations")
    expect(page.get_by_role("heading", name="No way out yet")).to_be_visible()
    expect(page.locator("#add-summary")).to_be_visible()
