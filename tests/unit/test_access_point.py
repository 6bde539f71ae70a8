"""What the access point and the porter read from hostapd and iw."""

from __future__ import annotations

from pathlib import Path

import pytest

from accesspoint import words
from accesspoint.health import healthy
from porter import words as porter
from porter.memory import Memory

SAMPLES = Path(__file__).parents[1] / "radio_samples"
BRCM = (SAMPLES / "brcmfmac.phy").read_text(), (SAMPLES / "brcmfmac.dev").read_text()
MT76 = (SAMPLES / "mt76.phy").read_text(), (SAMPLES / "mt76.dev").read_text()
STATUS = """state=ENABLED
freq=2437
channel=6
bss[0]=wlan0
ssid[0]=Home
num_sta[0]=1
bss[1]=wlan0-1
ssid[1]=Caf\\xc3\\xa9 \\"UK\\"
"""
STATION = """02:00:00:00:00:42
flags=[AUTH][ASSOC][AUTHORIZED][WMM][HT]
aid=1
connected_time=25
signal=-51
"""


def test_the_status_of_hostapd() -> None:
    status = words.parse_fields(STATUS)
    assert words.channel(status) == 6
    assert words.networks(status) == [("wlan0", "Home"), ("wlan0-1", 'Café "UK"')]
    assert words.channel({"channel": "0"}) is None
    assert words.networks({}) == []


def test_a_station() -> None:
    found = words.station(STATION, 100.0)
    expected = {"mac": "02:00:00:00:00:42", "joined": True, "signal_dbm": -51, "since": 75.0}
    assert found == expected
    wrong_key = words.station(STATION.replace("[AUTHORIZED]", ""), 100.0)
    assert wrong_key is not None
    assert not wrong_key["joined"]


@pytest.mark.parametrize("answer", ["", "FAIL\n", "UNKNOWN COMMAND\n"])
def test_no_station(answer: str) -> None:
    assert words.station(answer, 1.0) is None


def test_a_station_of_which_little_is_said() -> None:
    found = words.station("02:00:00:00:00:42\nflags=[AUTHORIZED]\nsignal=0\n", 5.0)
    assert found is not None
    assert (found["signal_dbm"], found["since"]) == (None, 5.0)


def test_the_radio_of_a_namespace() -> None:
    assert words.parse_radio(*BRCM, "wlan0") == words.Radio(0, "wlan0")
    assert words.parse_radio("", "", "wlan0") is None
    two = "phy#0\n\tInterface wlan0-1\n\t\ttype AP\n\tInterface wlan0\n\t\ttype AP\n"
    assert words.parse_radio(BRCM[0], two, "wlan0") == words.Radio(0, "wlan0")
    assert words.parse_radio(BRCM[0], "", "wlan0") == words.Radio(0, None)


def test_the_interface_in_the_settings() -> None:
    assert words.parse_interface("# a word\ninterface=wlan1\nbridge=br0\n") == "wlan1"
    assert words.parse_interface("") == ""


def test_pauses_grow_to_an_end_and_start_again_after_a_good_run() -> None:
    pauses, pause = [], 0.0
    for _ in range(7):
        pause = words.next_pause(pause, ran=0.5)
        pauses.append(pause)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert words.next_pause(30.0, ran=3600.0) == 1


def test_health() -> None:
    assert healthy({"updated": 50.0, "state": "on"}, 100.0)
    assert healthy({"updated": 50.0, "state": "waiting"}, 100.0)
    assert not healthy({"updated": 50.0, "state": "failed"}, 100.0)
    assert not healthy({"updated": 30.0, "state": "on"}, 100.0)
    assert not healthy({}, 100.0)


def test_the_hosts_radios() -> None:
    (built_in,) = porter.parse_radios(*BRCM)
    assert (built_in.number, built_in.phy, built_in.interfaces) == (0, "phy0", ("wlan0",))
    assert built_in.can_move
    assert [r.number for r in porter.parse_radios(*MT76)] == [1, 0]
    stubborn = BRCM[0].replace("* set_wiphy_netns", "")
    assert not porter.parse_radios(stubborn, BRCM[1])[0].can_move


def test_a_radio_is_known_by_its_name_and_then_by_its_address() -> None:
    first = porter.Radio(0, "phy0", ("wlan0",), ("02:00:00:00:00:42",), True)
    other = porter.Radio(1, "phy1", ("wlan1",), ("02:00:00:00:00:43",), True)
    back = porter.Radio(7, "phy7", ("wlan5",), ("02:00:00:00:00:42",), True)
    assert porter.chosen([first, other], "wlan1", ()) == other
    assert porter.chosen([first, other], "phy0", ()) == first
    assert porter.chosen([first, other], "", ()) is None
    assert porter.chosen([first], "", ()) == first
    assert porter.chosen([other, back], "wlan0", first.macs) == back
    assert porter.chosen([other], "wlan0", first.macs) is None


def test_another_radio_in_the_settings_is_not_the_one_that_was_known(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    Memory(path).keep_radio("wlan0", ("02:00:00:00:00:42",))
    assert Memory(path).radio_macs("wlan0") == ("02:00:00:00:00:42",)
    assert Memory(path).radio_macs("wlan1") == ()
    path.write_text('{"radio": {"name": "wlan0", "macs": 5}, "ports": []}')
    assert Memory(path).radio_macs("wlan0") == ()


def test_a_driver_that_refuses() -> None:
    assert porter.cannot_move("command failed: Operation not supported (-95)")
    assert not porter.cannot_move("command failed: No such process (-3)")


@pytest.mark.parametrize("text", ["", "{", "{}", '{"bridge": "b", "ports": [], "radio": 3}'])
def test_an_order_that_is_none(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        porter.parse_order(text)
