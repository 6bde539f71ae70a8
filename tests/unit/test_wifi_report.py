"""How the access point is, in words with a cure; and how to join, which nothing else tells."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from orchestrator.access_point import access_point
from orchestrator.api import make_app
from orchestrator.model import ObservedContainer, WifiNetwork
from orchestrator.stations import join_text
from orchestrator.wifi import parse_status
from tests.homes import HOME, LAPTOP, PHONE, TV, WIFI, WIRELESS
from tests.unit.orchestra import Orchestra

NOW = 1000.0
RUNS = ObservedContainer("manyways-hostapd", "x", True)


def _status(**changes: Any) -> str:
    stations = [{"mac": PHONE, "signal_dbm": -55, "since": 3.0}, {"mac": LAPTOP, "since": 4.0}]
    networks = [{"ssid": "Home", "stations": stations}, {"ssid": "Home-UK", "stations": []}]
    radio = {"phy": "phy0", "interface": "wlan0", "max_stations": 8}
    said = {"updated": NOW - 5, "state": "on", "radio": radio, "channel": 6, "networks": networks}
    return json.dumps({**said, **changes})


def _point(container: ObservedContainer | None = RUNS, **changes: Any) -> Any:
    return access_point(WIRELESS, container, parse_status(_status(**changes)), NOW)


def test_without_wifi_there_is_nothing_to_tell() -> None:
    assert access_point(HOME, RUNS, parse_status(_status()), NOW) is None


def test_all_is_well() -> None:
    point = _point()
    assert point.service() == ("ok", "")
    assert point.report() == {
        "state": "on", "message": "", "channel": 6, "max_stations": 8,
        "networks": [
            {"ssid": "Home", "hidden": False, "security": "auto", "destination": "", "stations": 2},
            {"ssid": "Home-UK", "hidden": True, "security": "auto", "destination": "uk",
             "stations": 0},
        ],
    }  # fmt: skip
    assert point.joined(PHONE) == {"ssid": "Home", "signal_dbm": -55}
    assert point.joined(LAPTOP) == {"ssid": "Home", "signal_dbm": None}
    assert point.joined(TV) is None


@pytest.mark.parametrize(
    ("changes", "service", "words"),
    [
        ({"state": "waiting"}, "failed", "its radio is not there; to learn what holds it, type"),
        ({"state": "waiting", "message": "rfkill: soft."}, "failed", "rfkill: soft; to learn"),
        ({"state": "failed", "message": "no IR"}, "failed", "no IR; check country, band and"),
        ({"state": "starting"}, "degraded", "it is starting"),
        ({"updated": NOW - 61}, "failed", "silent for 61 s"),
        ({"updated": NOW + 500}, "degraded", "it has not said anything yet"),
        (
            {"radio": {"phy": "phy0", "max_stations": 2}},
            "degraded",
            "takes 2 devices at once and has 2",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_helps(
    changes: dict[str, Any], service: str, words: str
) -> None:
    state, message = _point(**changes).service()
    assert state == service
    assert words in message


@pytest.mark.parametrize(
    ("container", "words"),
    [(None, "is not there"), (replace(RUNS, running=False), "does not run")],
)
def test_without_its_container_nobody_is_on_it(
    container: ObservedContainer | None, words: str
) -> None:
    point = _point(container)
    assert words in point.service()[1]
    assert point.report()["state"] == "failed"
    assert point.joined(PHONE) is None


def test_what_cannot_be_read_is_not_said_yet() -> None:
    point = access_point(WIRELESS, RUNS, parse_status("{"), NOW)
    assert point is not None
    assert point.service()[0] == "degraded"


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (WifiNetwork("Home", "plain words"), "WIFI:T:WPA;S:Home;P:plain words;;"),
        (WifiNetwork('a;b,c:d\\e"', "x" * 8), 'WIFI:T:WPA;S:a\\;b\\,c\\:d\\\\e\\";P:xxxxxxxx;;'),
        (WifiNetwork("Küche", "x" * 8, hidden=True), "WIFI:T:WPA;S:Küche;P:xxxxxxxx;H:true;;"),
    ],
)
def test_a_phone_reads_the_code(network: WifiNetwork, text: str) -> None:
    assert join_text(network) == text


# --- the API -------------------------------------------------------------------------------------


@pytest.fixture
def api(orchestra: Orchestra) -> FlaskClient:
    orchestra.wireless(WIFI)
    orchestra.lease(f"{PHONE} 192.168.77.120 phone")
    orchestra.stations({"Home": {PHONE: -60}, "Home-UK": {}}, most=8)
    orchestra.reconciler.take_in_leases()
    return make_app(orchestra.service).test_client()


def _get(api: FlaskClient, path: str) -> Any:
    return api.get(f"/api/v1/{path}").get_json()


def test_the_status_tells_who_is_on_which_network(api: FlaskClient) -> None:
    report = _get(api, "status")
    assert report["wifi"]["channel"] == 6
    assert [n["stations"] for n in report["wifi"]["networks"]] == [1, 0]
    assert {"name": "hostapd", "state": "ok", "message": ""} in report["services"]
    phone = next(d for d in report["devices"] if d["mac"] == PHONE)
    assert phone["wifi"] == {"ssid": "Home", "signal_dbm": -60}
    assert _get(api, "logs/hostapd")["lines"]


def test_without_wifi_nothing_of_it_shows(orchestra: Orchestra) -> None:
    api = make_app(orchestra.service).test_client()
    report = _get(api, "status")
    assert report["wifi"] is None
    assert "hostapd" not in [s["name"] for s in report["services"]]
    assert all(d["wifi"] is None for d in report["devices"])
    answer = api.get("/api/v1/wifi/join?ssid=Home")
    assert answer.status_code == 404
    assert answer.get_json()["error"] == "there is no Wi-Fi"
    assert api.get("/api/v1/logs/hostapd").status_code == 404


def test_how_to_join_is_told_to_who_asks(api: FlaskClient) -> None:
    assert _get(api, "wifi/join?ssid=Home-UK") == {
        "ssid": "Home-UK",
        "passphrase": "staple; of, a: horse",
        "text": "WIFI:T:WPA;S:Home-UK;P:staple\\; of\\, a\\: horse;H:true;;",
    }
    missing = api.get("/api/v1/wifi/join?ssid=Hom")
    assert (missing.status_code, missing.get_json()["hint"]) == (404, "did you mean 'Home'?")
    assert api.get("/api/v1/wifi/join").status_code == 400


def test_the_passphrase_is_in_nothing_else(
    api: FlaskClient, orchestra: Orchestra, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.get("/api/v1/wifi/join?ssid=Home")
    orchestra.stations({"Home": {}, "Home-UK": {PHONE: -60}})
    orchestra.reconciler.take_in_leases()
    told = [api.get(f"/api/v1/{path}").text for path in ("status", "devices", "activity", "live")]
    told += [str(orchestra.document.read().value), repr(orchestra.reconciler.config), caplog.text]
    assert "Home-UK" in told[2], "the activity tells that the phone moved"
    for network in WIFI.networks:
        assert not [text for text in told if network.passphrase in text]
