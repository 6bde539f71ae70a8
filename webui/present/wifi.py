"""The Wi-Fi: its networks and who is on them, and how to join one."""

from __future__ import annotations

from dataclasses import dataclass

import segno
from markupsafe import Markup

from orchestrator.client import Invitation, Joined, Status, Wifi, WifiNetwork, heard
from webui.present.common import Tone, as_sentence
from webui.present.plain import plain
from webui.texts import texts

_TONES: dict[str, Tone] = {"on": "good", "starting": "warn", "waiting": "bad", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class Network:
    """One network, and what there is to know of it."""

    ssid: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """The Wi-Fi in the settings."""

    tone: Tone
    word: str
    message: str
    radio: tuple[str, ...]
    networks: tuple[Network, ...]


def card(status: Status) -> Card | None:
    """The Wi-Fi of one report; None when the router has none."""
    wifi = status["wifi"]
    if wifi is None:
        return None
    titles = {d["name"]: d["title"] for d in status["destinations"]}
    return Card(
        tone="warn" if wifi["state"] == "on" and wifi["message"] else _TONES[wifi["state"]],
        word=texts()(f"wifi.state.{wifi['state']}"),
        message=as_sentence(plain(wifi["message"])),
        radio=_radio(wifi),
        networks=tuple(_network(network, titles) for network in wifi["networks"]),
    )


def _radio(wifi: Wifi) -> tuple[str, ...]:
    t = texts()
    channel = () if wifi["channel"] is None else (t("wifi.channel", channel=wifi["channel"]),)
    most = wifi["max_stations"]
    return channel if most is None else (*channel, t("wifi.room", count=most))


def _network(network: WifiNetwork, titles: dict[str, str]) -> Network:
    t, way = texts(), network["destination"]
    leads = (t("wifi.leads", way=titles.get(way, way)),) if way else ()
    hidden = (t("wifi.hidden"),) if network["hidden"] else ()
    return Network(network["ssid"], (t("wifi.devices", count=network["stations"]), *leads, *hidden))


def signal(joined: Joined) -> tuple[str, str]:
    """How well a device is heard, in a word and as it was measured; empty when not known."""
    measured = joined["signal_dbm"]
    if measured is None:
        return "", ""
    return texts()(f"wifi.signal.{heard(measured)}"), f"{measured} dBm"


def code(invitation: Invitation) -> Markup:
    """The code that a phone's camera reads, as a picture in the page: dark on light, always."""
    made = segno.make_qr(invitation["text"], encoding="utf-8", error="m")
    # Of segno's own making; nothing of the text stands in it as text.
    return Markup(made.svg_inline(omitsize=True, dark="#000", light="#fff", border=4))
