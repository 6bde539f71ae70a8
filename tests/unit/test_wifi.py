"""The access point's configuration file, and what follows from the configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents import Document
from orchestrator.model import Band, Config, Radio, Security, Wifi, WifiNetwork
from orchestrator.render.hostapd import further_interface, render_hostapd
from orchestrator.wifi import (
    CHANNELS,
    band_of,
    channel_of,
    destination_for,
    find_radio,
    parse_status,
    security_of,
    ssid_of,
)
from tests.homes import HOME

HOSTAPD = shutil.which("hostapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
EVERY = {band: CHANNELS[band] for band in (Band.GHZ_2_4, Band.GHZ_5)}
RADIO = Radio(
    *("phy0", ("wlan0",)),
    access_point=True,
    channels=EVERY,
    max_networks=8,
    max_stations=32,
    wpa3=True,
    vht=True,
    country="GB",
)
PLAIN = Radio("phy0", ("wlan0",), access_point=True, channels=EVERY)
WIFI = Wifi("GB", (WifiNetwork("Home", "hunter2hunter2"),))
THREE = Wifi(
    "GB",
    (
        WifiNetwork('Café "at" home', "  pass=# word ", hidden=True),
        WifiNetwork("Home-UK", "#2345678", Security.WPA2, isolation=True, destination="uk"),
        WifiNetwork("ssid2=00\\", "x" * 63, Security.WPA3),
    ),
)
SSIDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1).filter(
    lambda text: len(text.encode()) <= 32
)
PASSPHRASES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63)
PHONE, TV = "9e:00:00:00:00:01", "9e:00:00:00:00:02"


def blocks(text: str) -> list[dict[str, str]]:
    """hostapd.conf as hostapd reads it: what is before the first `=`, and all behind it."""
    found: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "bss":
            found.append({})
        assert key not in found[-1]
        found[-1][key] = value
    return found


def test_the_file_of_one_network() -> None:
    (block,) = blocks(render_hostapd(WIFI, None))
    assert block == {
        "interface": "wlan0",
        "driver": "nl80211",
        "logger_syslog": "0",
        "logger_stdout": "-1",
        "logger_stdout_level": "2",
        "country_code": "GB",
        "ieee80211d": "1",
        "hw_mode": "g",
        "channel": "6",
        "ieee80211n": "1",
        "bridge": "br0",
        "ctrl_interface": "/run/hostapd",
        "ssid2": b"Home".hex(),
        "utf8_ssid": "1",
        "ignore_broadcast_ssid": "0",
        "ap_isolate": "0",
        "wmm_enabled": "1",
        "auth_algs": "1",
        "wpa": "2",
        "rsn_pairwise": "CCMP",
        "wpa_passphrase": "hunter2hunter2",
        "wpa_key_mgmt": "WPA-PSK",
        "ieee80211w": "0",
    }


def test_each_network_has_an_interface_and_a_security_of_its_own() -> None:
    first, second, third = blocks(render_hostapd(THREE, RADIO, "br1", "wlx00c0caab1234"))
    assert (first["interface"], first["use_driver_iface_addr"]) == ("wlx00c0caab1234", "1")
    assert (second["bss"], third["bss"]) == ("wlx00c0caab12-1", "wlx00c0caab12-2")
    assert [b["wpa_key_mgmt"] for b in (first, second, third)] == [
        "WPA-PSK SAE", "WPA-PSK", "SAE",
    ]  # fmt: skip
    assert [b["ieee80211w"] for b in (first, second, third)] == ["1", "0", "2"]
    assert [b["ignore_broadcast_ssid"] for b in (first, second, third)] == ["1", "0", "0"]
    assert [b["ap_isolate"] for b in (first, second, third)] == ["0", "1", "0"]
    assert {b["bridge"] for b in (first, second, third)} == {"br1"}
    assert {b["max_num_sta"] for b in (first, second, third)} == {"32"}
    assert "country_code" not in second  # what concerns the radio stands once


def test_names_of_interfaces_have_at_most_15_bytes() -> None:
    assert further_interface("wlan0", 1) == "wlan0-1"
    assert further_interface("wlx00c0caab1234", 10) == "wlx00c0caab1-10"


@given(SSIDS, PASSPHRASES)
def test_names_and_passphrases_arrive_as_they_are(ssid: str, passphrase: str) -> None:
    wifi = Wifi("GB", (WifiNetwork(ssid, passphrase), WifiNetwork("x", "12345678")))
    block, other = blocks(render_hostapd(wifi, RADIO))
    assert bytes.fromhex(block["ssid2"]).decode() == ssid
    assert block["wpa_passphrase"] == passphrase
    assert other["wpa_passphrase"] == "12345678"


@pytest.mark.skipif(HOSTAPD is None, reason="no hostapd on this machine")
class TestHostapd:
    """The real program reads the file before it looks for the radio, which is not there."""

    def run(self, tmp_path: Path, text: str) -> str:
        path = tmp_path / "hostapd.conf"
        path.write_text(text)
        assert HOSTAPD
        found = subprocess.run(
            [HOSTAPD, path], capture_output=True, text=True, timeout=60, check=False
        )
        assert found.returncode == 1
        return found.stdout + found.stderr

    def no_radio(self, wifi: Wifi) -> str:
        return render_hostapd(wifi, RADIO, interface="mw-no-radio")

    @pytest.mark.parametrize("wifi", [WIFI, THREE, replace(WIFI, band=Band.GHZ_5, channel=52)])
    def test_it_finds_no_mistake(self, tmp_path: Path, wifi: Wifi) -> None:
        said = self.run(tmp_path, self.no_radio(wifi))
        assert "errors found" not in said
        assert "Line " not in said
        assert "UNINITIALIZED->DISABLED" in said  # it got as far as the radio

    def test_it_would_tell_of_a_mistake(self, tmp_path: Path) -> None:
        said = self.run(tmp_path, self.no_radio(WIFI) + "bogus=1\n")
        assert "unknown configuration item 'bogus'" in said

    @settings(max_examples=20, deadline=None)
    @given(ssid=SSIDS, passphrase=PASSPHRASES)
    def test_any_name_and_passphrase_are_taken(
        self, tmp_path_factory: pytest.TempPathFactory, ssid: str, passphrase: str
    ) -> None:
        wifi = Wifi("GB", (WifiNetwork(ssid, passphrase),))
        assert "Line " not in self.run(tmp_path_factory.mktemp("conf"), self.no_radio(wifi))


@pytest.mark.parametrize(
    ("wifi", "radio", "band", "channel"),
    [
        (WIFI, None, Band.GHZ_2_4, 6),
        (WIFI, RADIO, Band.GHZ_2_4, 6),
        (WIFI, replace(RADIO, channels={Band.GHZ_5: (36,)}), Band.GHZ_5, 36),
        (replace(WIFI, channel=11), None, Band.GHZ_2_4, 11),
        (replace(WIFI, channel=44), RADIO, Band.GHZ_5, 44),
        (replace(WIFI, band=Band.GHZ_5), None, Band.GHZ_5, 36),
        # 36 is known to be forbidden there, and radars are avoided.
        (
            replace(WIFI, band=Band.GHZ_5),
            replace(RADIO, channels={Band.GHZ_5: (52, 100, 149)}),
            *(Band.GHZ_5, 149),
        ),
        # The radio follows other rules now than it will.
        (
            replace(WIFI, band=Band.GHZ_5),
            replace(RADIO, channels={Band.GHZ_5: (149,)}, country="US"),
            *(Band.GHZ_5, 36),
        ),
    ],
)
def test_band_and_channel(wifi: Wifi, radio: Radio | None, band: Band, channel: int) -> None:
    assert (band_of(wifi, radio), channel_of(wifi, radio)) == (band, channel)
    (block,) = blocks(render_hostapd(wifi, radio))
    assert block["channel"] == str(channel)
    assert block["hw_mode"] == ("a" if band is Band.GHZ_5 else "g")


def test_faster_modes_and_radars_only_where_they_are() -> None:
    five = replace(WIFI, band=Band.GHZ_5)
    assert "ieee80211ac=1\n" in render_hostapd(five, RADIO)
    assert "ieee80211ac" not in render_hostapd(five, PLAIN) + render_hostapd(WIFI, RADIO)
    assert "ieee80211h" not in render_hostapd(five, RADIO)
    assert "ieee80211h=1\n" in render_hostapd(replace(WIFI, channel=52), RADIO)


def test_the_security_of_a_network_that_leaves_it_open() -> None:
    (network,) = WIFI.networks
    assert security_of(network, RADIO) is Security.TRANSITION
    assert security_of(network, PLAIN) is security_of(network, None) is Security.WPA2
    assert security_of(replace(network, security=Security.WPA2), RADIO) is Security.WPA2


def test_which_radio_is_meant() -> None:
    other = replace(RADIO, phy="phy1", interfaces=("wlan1", "p2p0"))
    assert find_radio(WIFI, ()) is None
    assert find_radio(WIFI, (RADIO,)) is RADIO
    assert find_radio(WIFI, (RADIO, other)) is None
    for name in ("phy1", "wlan1", "p2p0"):
        assert find_radio(replace(WIFI, radio=name), (RADIO, other)) is other
    assert find_radio(replace(WIFI, radio="wlan2"), (RADIO, other)) is None


STATUS = {
    "updated": 12.5,
    "state": "on",
    "message": "",
    "radio": {"phy": "phy0", "interface": "wlan0", "max_stations": None},
    "channel": 6,
    "networks": [
        {
            "ssid": THREE.networks[0].ssid,
            "interface": "wlan0",
            "stations": [{"mac": PHONE, "signal_dbm": -40, "since": 11.0}],
        },
        {
            "ssid": "Home-UK",
            "interface": "wlan0-1",
            "stations": [{"mac": TV.upper(), "signal_dbm": None, "since": 3.0}],
        },
    ],
}


def test_a_device_goes_where_its_ssid_says() -> None:
    status, config = parse_status(json.dumps(STATUS)), replace(HOME, wifi=THREE)
    assert status is not None
    assert status.networks[0].stations[0].signal_dbm == -40
    assert ssid_of(TV, status) == "Home-UK"
    assert destination_for(TV, status, config) == "uk"
    assert destination_for(PHONE, status, config) is None  # on a network that names none
    assert destination_for("9e:00:00:00:00:03", status, config) is None  # on a cable
    assert destination_for(TV, None, config) is None
    assert destination_for(TV, status, replace(config, wifi=WIFI)) is None  # it is gone
    assert destination_for(TV, status, HOME) is None


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", json.dumps({**STATUS, "state": "odd"}), '{"updated": 1}']
)
def test_a_status_that_cannot_be_read(text: str | None) -> None:
    assert parse_status(text) is None


def test_the_last_good_configuration_keeps_wifi(tmp_path: Path) -> None:
    document = Document(tmp_path / "last-good.json", Config)
    config = replace(HOME, wifi=replace(THREE, band=Band.GHZ_5, channel=36, radio="wlan0"))
    document.write(config)
    assert document.read().value == config


def test_a_last_good_configuration_from_before_wifi_is_read(tmp_path: Path) -> None:
    document = Document(tmp_path / "last-good.json", Config)
    document.write(HOME)
    path = tmp_path / "last-good.json"
    old = json.loads(path.read_text())
    assert old.pop("wifi", "missing") is None
    path.write_text(json.dumps(old))
    assert document.read().value == HOME


def test_no_passphrase_in_what_is_shown_of_a_configuration() -> None:
    shown = repr(replace(HOME, wifi=WIFI))
    assert "Home" in shown
    assert "hunter2" not in shown


def test_an_address_more_belongs_to_manyways_when_the_lan_is_a_bridge() -> None:
    bridged = replace(HOME, wifi=WIFI)
    assert not HOME.lan_is_bridge
    assert bridged.lan_is_bridge
    assert set(bridged.service_addresses) - set(HOME.service_addresses) == {HOME.lan.access_point}
