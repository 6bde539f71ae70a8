"""What a radio can do, read from the text of `iw phy`, `iw dev` and `iw reg get`.

iw says of its output that it is for people and may change. So nothing here fails: what is not
found counts as "cannot", apart from the number of SSIDs, of which one is always possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from orchestrator.model import Band, Radio

_CHANNEL = re.compile(r"\* (\d+)(?:\.\d+)? MHz \[(\d+)\](.*)")
_LIMIT = re.compile(r"#\{([^}]*)\} <= (\d+)")
_TOTAL = re.compile(r"total <= (\d+)")
_STATIONS = re.compile(r"Maximum associated stations in AP mode: (\d+)")
_COMBINATIONS = re.compile(r"valid interface combinations:\n((?:[ \t]+(?:\*|#\{|total).*\n?)+)")
_PHY = re.compile(r"^Wiphy (\S+)$", re.MULTILINE)
_DOMAIN = re.compile(r"^(?:(global)|phy#(\d+).*)\ncountry ([A-Z]{2}):", re.MULTILINE)
_SAE = "Device supports SAE with AUTHENTICATE command"


def parse_radios(phys: str, devices: str = "", rules: str = "") -> tuple[Radio, ...]:
    """Return the radios of `iw phy` (or `iw phy NAME info`), of which there may be none.

    `devices` is the text of `iw dev`, for the names of the interfaces; `rules` that of
    `iw reg get`, for the country whose rules are in force.
    """
    interfaces, countries = _interfaces(devices), _countries(rules)
    parts = _PHY.split(phys)[1:]
    return tuple(
        _radio(name, text, interfaces, countries)
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    )


def _radio(
    name: str,
    text: str,
    interfaces: Mapping[str, tuple[str, ...]],
    countries: Mapping[str, str],
) -> Radio:
    # A phy may have another name than its number says (`iw phy NAME set name`).
    number = re.search(r"wiphy index: (\d+)", text) or re.fullmatch(r"phy(\d+)", name)
    index = number[1] if number else ""
    commands = _list(text, "Supported commands")
    stations = _STATIONS.search(text)
    return Radio(
        name,
        interfaces.get(index, ()),
        access_point="AP" in _list(text, "Supported interface modes"),
        channels=_channels(text),
        max_networks=_max_networks(text),
        max_stations=int(stations[1]) if stations else None,
        wpa3=_wpa3(text, commands),
        vht="VHT Capabilities" in text,
        country=countries.get(index, countries.get("global", "")),
        can_move="set_wiphy_netns" in commands,
    )


def _wpa3(text: str, commands: Iterable[str]) -> bool:
    """Whether hostapd can let stations in by SAE; a guess, as no line says so.

    It needs management frame protection (the cipher CMAC) and to see the authentication frames
    itself. Drivers built on mac80211 leave those to hostapd, and have the command `authenticate`
    by the same token. Those whose firmware is the access point (brcmfmac of the Raspberry Pi)
    may say the line on SAE too, but mean stations: their hostapd sees no authentication frame.
    """
    return "00-0f-ac:6)" in text and _SAE in text and "authenticate" in commands


def _list(text: str, title: str) -> frozenset[str]:
    """The words of a list of `* WORD` below a title."""
    found = re.search(rf"^[ \t]*{title}:\n((?:[ \t]+\* .*\n?)+)", text, re.MULTILINE)
    lines = found[1].splitlines() if found else ()
    return frozenset(line.strip().removeprefix("* ") for line in lines)


def _channels(text: str) -> dict[Band, tuple[int, ...]]:
    """Each band that the radio has, with the channels on which an access point may begin."""
    channels: dict[Band, list[int]] = {}
    for megahertz, number, rest in _CHANNEL.findall(text):
        band = _band(int(megahertz))
        if band is None:
            continue
        usable = channels.setdefault(band, [])
        if "disabled" not in rest and "no IR" not in rest and int(number) not in usable:
            usable.append(int(number))
    return {band: tuple(found) for band, found in channels.items()}


def _band(megahertz: int) -> Band | None:
    if 2400 <= megahertz < 2480:  # channel 14 is for the oldest devices of one country
        return Band.GHZ_2_4
    return Band.GHZ_5 if 5170 <= megahertz <= 5885 else None


def _max_networks(text: str) -> int:
    """How many interfaces may be access points at once: the most that any combination allows."""
    found = _COMBINATIONS.search(text)
    most = 1
    for combination in re.split(r"\n[ \t]+\* ", f"\n{found[1]}") if found else ():
        total = _TOTAL.search(combination)
        for kinds, limit in _LIMIT.findall(combination):
            if total and "AP" in (kind.strip() for kind in kinds.split(",")):
                most = max(most, min(int(limit), int(total[1])))
    return most


def _interfaces(devices: str) -> dict[str, tuple[str, ...]]:
    """The interfaces of each phy, by the phy's number."""
    parts = re.split(r"^phy#(\d+)$", devices, flags=re.MULTILINE)[1:]
    return {
        number: tuple(re.findall(r"^\s+Interface (\S+)$", text, re.MULTILINE))
        for number, text in zip(parts[::2], parts[1::2], strict=True)
    }


def _countries(rules: str) -> dict[str, str]:
    """The country of each phy with rules of its own, and of all others ("global").

    Instead of a country there may be 00 (the whole world's), 98 or 99 (a driver's own, within
    those of "global").
    """
    return {number or whole: country for whole, number, country in _DOMAIN.findall(rules)}
