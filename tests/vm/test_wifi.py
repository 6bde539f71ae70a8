"""Wi-Fi with this project's images and simulated radios, on Debian's own kernel."""

from __future__ import annotations

import pytest

from tests.vm.home import CONFIG, MACS, Home
from tests.vm.machine import Machine

PASSPHRASE = "correct horse battery"
WIFI = f"""\
wifi:
  country: GB
  band: 2.4
  channel: 6
  networks:
    - {{ssid: Home, passphrase: {PASSPHRASE}}}
    - {{ssid: Home-Other, passphrase: another long secret, destination: other}}
"""


@pytest.fixture(scope="module")
def home(machine: Machine) -> Home:
    home = Home(machine)
    home.install(CONFIG + WIFI)
    return home


def test_a_station_joins_and_browses_and_is_switched(home: Home) -> None:
    home.join("tablet", "Home", PASSPHRASE)
    assert home.lease("tablet", "wlan1").startswith("192.168.77.")
    home.browse("tablet", by="direct")
    assert home.ask("assign", home.name_of("tablet"), "other")["new"] == "other"
    home.browse("tablet", by="other")
    home.ask("assign", home.name_of("tablet"), "direct")
    home.browse("tablet", by="direct")


def test_a_wrong_passphrase_is_refused(home: Home) -> None:
    home.start_joining("phone", "Home", "correct horse batterz")
    home.machine.until("grep -q 'reason=WRONG_KEY' /run/phone/wpa.log", 90)
    home.machine.must("! grep -q CTRL-EVENT-CONNECTED /run/phone/wpa.log")


def test_who_joins_the_second_network_gets_its_destination(home: Home) -> None:
    home.join("phone", "Home-Other", "another long secret")
    home.lease("phone", "wlan2")
    home.browse("phone", by="other")


def test_wired_and_wireless_devices_see_each_other(home: Home) -> None:
    home.join("tablet", "Home", PASSPHRASE)
    wireless, wired = home.lease("tablet", "wlan1"), home.lease("wired1", "eth0")
    home.machine.until(f"ip netns exec wired1 ping -c 1 -W 2 {wireless}", 30)
    home.machine.until(f"ip netns exec tablet ping -c 1 -W 2 {wired}", 30)


def test_status_tells_who_is_on_which_network(home: Home) -> None:
    home.join("tablet", "Home", PASSPHRASE)
    home.join("phone", "Home-Other", "another long secret")
    networks = {n["ssid"]: n["stations"] for n in home.ask("status")["wifi"]["networks"]}
    assert networks == {"Home": 1, "Home-Other": 1}
    on = {d["mac"]: d["wifi"] for d in home.ask("devices")["devices"]}
    assert on[MACS["tablet"]]["ssid"] == "Home"
    assert on[MACS["phone"]]["ssid"] == "Home-Other"
    assert -100 < on[MACS["tablet"]]["signal_dbm"] < 0
    assert on.get(MACS["wired1"]) is None


TROUBLES = {
    "hostapd's container is killed": "kill -9 $(docker inspect -f {{.State.Pid}} manyways-hostapd)",
    "hostapd's program dies": "kill -9 $(pgrep -x hostapd)",
    "hostapd's container is restarted": "docker restart manyways-hostapd",
    "the porter is killed with hostapd": (
        "kill -9 $(docker inspect -f {{.State.Pid}} manyways-porter manyways-hostapd)"
    ),
    "Docker's daemon is restarted": "engine stop; engine start",
    "Docker's daemon is killed": "engine kill; engine start",
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_wifi_is_back_after(home: Home, trouble: str) -> None:
    home.join("tablet", "Home", PASSPHRASE)
    home.lease("tablet", "wlan1")
    home.machine.must(TROUBLES[trouble], 300)
    # A device that was asleep meanwhile: it begins anew.
    home.leave("tablet")
    home.join("tablet", "Home", PASSPHRASE, seconds=400)
    home.lease("tablet", "wlan1", seconds=240)
    home.browse("tablet", by="direct", seconds=240)


def test_wifi_is_back_after_a_reboot_without_the_orchestrator(home: Home) -> None:
    home.machine.must("docker rm -f manyways-orchestrator", 200)
    home.machine.reboot()
    home.join("tablet", "Home", PASSPHRASE, seconds=600)
    home.lease("tablet", "wlan1", seconds=240)
    home.browse("tablet", by="direct", seconds=240)
    home.compose_up()
    home.await_healthy()


def test_wifi_is_back_after_a_power_cut(home: Home) -> None:
    home.machine.power_cut()
    home.join("tablet", "Home", PASSPHRASE, seconds=600)
    home.lease("tablet", "wlan1", seconds=240)
    home.browse("tablet", by="direct", seconds=240)


def test_down_gives_the_radio_and_the_port_back(home: Home) -> None:
    machine = home.machine
    machine.must("docker exec manyways-orchestrator orchestrator down", 180)
    machine.until("ip link show wlan0", 30)
    assert "master" not in machine.must("ip link show lan1")
    machine.must("! ip link show mw-lan")
