"""What a radio can do, from what `iw` said of real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config.radio import parse_radios
from orchestrator.model import Band, Radio

SAMPLES = Path(__file__).parents[1] / "radio_samples"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text("utf-8")


def test_the_radio_of_a_raspberry_pi() -> None:
    (radio,) = parse_radios(*(sample(f"brcmfmac.{kind}") for kind in ("phy", "dev", "reg")))
    assert radio == Radio(
        "phy0",
        ("wlan0",),
        access_point=True,
        channels={Band.GHZ_2_4: tuple(range(1, 14)), Band.GHZ_5: (36, 40, 44, 48)},
        max_networks=1,
        max_stations=None,
        wpa3=False,
        vht=True,
        country="DE",  # of all radios: 99 is the driver's own, within those rules
        can_move=True,
    )


def test_two_radios_before_a_country_is_known() -> None:
    fast, slow = parse_radios(sample("mt76.phy"), sample("mt76.dev"))
    assert (fast.phy, fast.interfaces, fast.vht) == ("phy1", ("wlan1",), True)
    assert (slow.phy, slow.interfaces, slow.vht) == ("phy0", ("wlan0",), False)
    # The band is there, though the rules of the whole world allow no access point in it.
    assert fast.channels == {Band.GHZ_5: ()}
    assert slow.channels == {Band.GHZ_2_4: tuple(range(1, 12))}
    for radio in (fast, slow):
        assert (radio.access_point, radio.wpa3, radio.can_move) == (True, True, True)
        assert (radio.max_networks, radio.country) == (16, "")


def test_the_text_of_a_single_phy_is_enough() -> None:
    (radio,) = parse_radios(sample("brcmfmac.phy"))
    assert (radio.phy, radio.interfaces, radio.country) == ("phy0", (), "")


def test_a_phy_with_rules_of_its_own() -> None:
    rules = "global\ncountry 00: DFS-UNSET\n\t(755 - 928 @ 2)\n\n"
    rules += "phy#0 (self-managed)\ncountry US: DFS-UNSET\n\t(2402 - 2437 @ 40)\n"
    fast, slow = parse_radios(sample("mt76.phy"), rules=rules)
    assert (fast.country, slow.country) == ("", "US")


def test_a_radio_that_was_given_another_name() -> None:
    text = sample("mt76.phy").replace("Wiphy phy1", "Wiphy upstairs")
    assert parse_radios(text, sample("mt76.dev"))[0].interfaces == ("wlan1",)


@pytest.mark.parametrize(
    ("combinations", "most"),
    [
        # mac80211_hwsim
        (
            "\t\t * #{ IBSS } <= 1, #{ managed, AP, mesh point, P2P-client, P2P-GO } <= 2048, "
            "#{ P2P-device } <= 1,\n\t\t   total <= 2050, #channels <= 1\n",
            2048,
        ),
        # rtl8821cu, mt7612u, ath9k
        (
            "\t\t * #{ managed } <= 1, #{ AP, P2P-client, P2P-GO } <= 1,\n"
            "\t\t   total <= 2, #channels <= 1\n",
            1,
        ),
        (
            "\t\t * #{ IBSS } <= 1, #{ managed, AP, mesh point, P2P-client, P2P-GO } <= 2,\n"
            "\t\t   total <= 2, #channels <= 1, STA/AP BI must match\n",
            2,
        ),
        (
            "\t\t * #{ managed, WDS, P2P-client } <= 2048, #{ AP, mesh point, P2P-GO } <= 8,\n"
            "\t\t   total <= 2048, #channels <= 1, STA/AP BI must match\n",
            8,
        ),
        # The total is the smaller one, and AP/VLAN is not AP.
        ("\t\t * #{ AP } <= 4,\n\t\t   total <= 3, #channels <= 1\n", 3),
        ("\t\t * #{ AP/VLAN } <= 4,\n\t\t   total <= 4, #channels <= 1\n", 1),
        (
            "\t\t * #{ AP } <= 2,\n\t\t   total <= 2, #channels <= 1\n"
            "\t\t * #{ AP } <= 4,\n\t\t   total <= 4, #channels <= 1\n",
            4,
        ),
    ],
)
def test_how_many_networks_at_once(combinations: str, most: int) -> None:
    text = f"Wiphy phy0\n\tvalid interface combinations:\n{combinations}\tDevice supports scan.\n"
    (radio,) = parse_radios(text)
    assert radio.max_networks == most


def test_one_network_where_nothing_is_said_of_combinations() -> None:
    (radio,) = parse_radios("Wiphy phy0\n\tinterface combinations are not supported\n")
    assert radio == Radio("phy0", (), access_point=False, channels={}, can_move=False)


def test_how_many_stations() -> None:
    text = sample("brcmfmac.phy") + "\tMaximum associated stations in AP mode: 32\n"
    assert parse_radios(text)[0].max_stations == 32


def test_a_driver_that_only_joins_wpa3_networks() -> None:
    # Newer firmware of the Raspberry Pi says the line on SAE, and still is no WPA3 access point.
    text = sample("brcmfmac.phy") + "\tDevice supports SAE with AUTHENTICATE command\n"
    assert not parse_radios(text)[0].wpa3


@pytest.mark.parametrize("line", ["AP\n", "set_wiphy_netns\n", "authenticate\n"])
def test_what_is_not_said_it_cannot(line: str) -> None:
    text = sample("mt76.phy")
    before, after = parse_radios(text)[0], parse_radios(text.replace(f" * {line}", " * other\n"))[0]
    assert before != after
    assert before.access_point + before.can_move + before.wpa3 == 3
    assert after.access_point + after.can_move + after.wpa3 == 2


@given(st.text(), st.text(), st.text())
def test_any_text_is_survived(phys: str, devices: str, rules: str) -> None:
    parse_radios(f"Wiphy phy0\n{phys}", f"phy#0\n{devices}", f"global\n{rules}")
