"""The Wi-Fi on the page: who may look sees it, its passphrase only who may say who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from orchestrator.client import Control
from tests.homes import WIFI
from tests.unit.orchestra import Orchestra
from tests.unit.served import served
from tests.unit.test_page_access import GOOD, HOST, Browser
from tests.web.reports import INVITATION, healthy, no_radio, wireless
from webui.app import create_app
from webui.present import devices, overall, wifi

PASSPHRASE = WIFI.networks[0].passphrase
JOIN = "/settings/wifi?ssid=Home"


@pytest.fixture
def app(orchestra: Orchestra, tmp_path: Path) -> Iterator[Flask]:
    with served(orchestra.service, tmp_path / "control.sock") as path:
        yield create_app(Control(str(path)), HOST)


@pytest.fixture
def wireless_home(orchestra: Orchestra) -> Orchestra:
    orchestra.wireless(WIFI)
    return orchestra


@pytest.mark.usefixtures("wireless_home")
def test_without_a_password_everybody_may_see_how_to_join(app: Flask) -> None:
    browser = Browser(app)
    assert f'href="{JOIN}"' in browser.get("/settings").text
    shown = browser.get(JOIN)
    assert shown.status_code == 200
    assert PASSPHRASE in shown.text
    assert "<svg" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("policy", ["everybody", "own", "password"])
@pytest.mark.usefixtures("wireless_home")
def test_with_a_password_only_who_knows_it_sees_how_to_join(app: Flask, policy: str) -> None:
    keeper, guest = Browser(app), Browser(app)
    keeper.set_password()
    assert keeper.post("/settings/policy", policy=policy).status_code == 303
    assert PASSPHRASE in keeper.get(JOIN).text
    turned = guest.get(JOIN)
    assert (turned.status_code, turned.location) == (303, "/login?next=/settings/wifi?ssid%3DHome")
    assert guest.get("/api/v1/wifi/join?ssid=Home").status_code == 401
    for path in ("/", "/settings", "/activity", "/api/v1/status"):
        assert PASSPHRASE not in guest.get(path).text
    guest.log_in(GOOD)
    assert PASSPHRASE in guest.get(JOIN).text


@pytest.mark.usefixtures("wireless_home")
def test_no_other_view_holds_a_passphrase_even_for_who_may_see_it(app: Flask) -> None:
    browser = Browser(app)
    for path in ("/", "/settings", "/destinations", "/activity", "/live", "/api/v1/status"):
        assert PASSPHRASE not in browser.get(path).text


@pytest.mark.usefixtures("wireless_home")
def test_a_token_lets_no_program_read_a_passphrase(app: Flask, orchestra: Orchestra) -> None:
    secret = orchestra.service.access.make_token("house")["secret"]
    headers = {"Host": HOST, "Authorization": f"Bearer {secret}"}
    answer = app.test_client().get("/api/v1/wifi/join?ssid=Home", headers=headers)
    assert answer.status_code == 403
    assert PASSPHRASE not in answer.text


@pytest.mark.usefixtures("wireless_home")
def test_a_network_that_is_gone_is_said_in_the_settings(app: Flask) -> None:
    answer = Browser(app).get("/settings/wifi?ssid=Hom")
    assert answer.status_code == 404
    assert "No Wi-Fi network is called &#39;Hom&#39;. Did you mean &#39;Home&#39;?" in answer.text


def test_without_wifi_nothing_of_it_shows(app: Flask) -> None:
    browser = Browser(app)
    for path in ("/", "/settings"):
        assert "Wi-Fi" not in browser.get(path).text
    assert wifi.card(healthy()) is None


# --- the words -----------------------------------------------------------------------------------


def test_the_card_says_what_there_is() -> None:
    card = wifi.card(wireless())
    assert card is not None
    assert (card.tone, card.word, card.message) == ("good", "On", "")
    assert card.radio == ("Channel 6", "room for 8 devices at once")
    assert [n.facts for n in card.networks] == [
        ("2 devices",), ("0 devices", "leads to uk", "hidden"),
    ]  # fmt: skip


def test_what_is_wrong_is_said_with_what_helps() -> None:
    card = wifi.card(no_radio())
    assert card is not None
    assert (card.tone, card.word) == ("bad", "Off")
    assert card.message.startswith("Its radio is not there; to learn what holds it")
    (alert,) = overall.alerts(no_radio())
    assert alert.startswith("The Wi-Fi does not work. Its radio is not there;")


def test_a_full_radio_is_no_failure_but_said() -> None:
    report = wireless(2)
    assert report["wifi"]
    report["wifi"]["message"] = "the radio takes 2 devices at once and has 2"
    card = wifi.card(report)
    assert card is not None
    assert (card.tone, card.word) == ("warn", "On")


def test_a_device_shows_its_network_and_its_signal() -> None:
    page = devices.home(wireless(), datetime(2026, 1, 1, tzinfo=UTC))
    rows = {row.name: row for group in page.groups for row in group.rows}
    assert (rows["tv"].ssid, rows["tv"].signal, rows["tv"].dbm) == (
        "Home", "strong signal", "-48 dBm",
    )  # fmt: skip
    assert (rows["laptop"].ssid, rows["laptop"].signal) == ("Home", ""), "how well is not known"


@pytest.mark.parametrize(
    ("dbm", "word"),
    [(-60, "strong signal"), (-61, "fair signal"), (-72, "fair signal"), (-73, "weak signal")],
)
def test_a_signal_in_a_word(dbm: int, word: str) -> None:
    assert wifi.signal({"ssid": "Home", "signal_dbm": dbm}) == (word, f"{dbm} dBm")


def test_the_code_is_a_picture_and_holds_no_words() -> None:
    drawn = wifi.code(INVITATION)
    assert drawn.startswith("<svg ")
    assert "<script" not in drawn
    assert INVITATION["passphrase"] not in drawn
