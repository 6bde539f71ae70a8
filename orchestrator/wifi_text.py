"""The access point as text for a person: its networks, who is on them, and a code to join."""

from __future__ import annotations

import io
from collections.abc import Sequence

from orchestrator.client import Device, Invitation, Joined, Status, Wifi, heard
from orchestrator.tree import Node, Style, Tone, clean, draw

_TONES: dict[str, Tone] = {"on": "good", "starting": "warn", "waiting": "bad", "failed": "bad"}


def networks(wifi: Wifi, devices: Sequence[Device] = ()) -> tuple[Node, ...]:
    """The networks as parts of a tree; with `devices`, those on them below."""
    return tuple(
        Node(
            f"{n['ssid']} (hidden)" if n["hidden"] else n["ssid"],
            _count(n["stations"]),
            "" if n["stations"] else "dim",
            f"leads to {n['destination']}" if n["destination"] else "",
            tuple(_station(d) for d in devices if d["wifi"] and d["wifi"]["ssid"] == n["ssid"]),
        )
        for n in wifi["networks"]
    )


def joined_text(joined: Joined) -> str:
    """Where a device is and how well it is heard: "on Home, strong (-52 dBm)"."""
    signal = joined["signal_dbm"]
    return ", ".join([f"on {joined['ssid']}", *([] if signal is None else [_signal(signal)])])


def wifi_text(status: Status, style: Style) -> str:
    """The access point with its networks and everybody on them."""
    wifi = status["wifi"]
    if wifi is None:
        return "There is no Wi-Fi: the section `wifi` in router.yaml makes one."
    state = wifi["state"]
    word = state.upper() if _TONES[state] == "bad" else state
    message, parts = wifi["message"] or radio(wifi), networks(wifi, status["devices"])
    lines = draw([Node("Wi-Fi", word, _TONES[state], message, parts)], style)
    return "\n".join([*lines, "", "How to join: orchestrator wifi --join SSID"])


def invitation_text(invitation: Invitation, style: Style) -> str:
    """How to join: a QR code where the terminal can show one, and the words for all others."""
    name, secret = clean(invitation["ssid"]), clean(invitation["passphrase"])
    words = [
        f"Network:    {name}",
        f"Passphrase: {secret}",
        f"As a code:  {clean(invitation['text'])}",
    ]
    return "\n".join([*(_code(invitation["text"], style) if style.unicode else []), *words])


def _code(text: str, style: Style) -> list[str]:
    import segno  # only who asks for a code waits for it

    drawn = io.StringIO()
    segno.make_qr(text, encoding="utf-8").terminal(drawn, border=4, compact=True)
    lines = drawn.getvalue().splitlines()
    # Its light parts are drawn: right on dark terminals, and with colours on all.
    return [f"\x1b[97;40m{line}\x1b[0m" for line in lines] if style.colour else lines


def _station(device: Device) -> Node:
    signal = device["wifi"]["signal_dbm"] if device["wifi"] else None
    named = device["name"]
    return Node(named, "here" if signal is None else heard(signal), "", _dbm(signal))


def _signal(signal: int) -> str:
    return f"{heard(signal)} ({_dbm(signal)})"


def _dbm(signal: int | None) -> str:
    return "" if signal is None else f"{signal} dBm"


def radio(wifi: Wifi) -> str:
    """How much of the radio is used: "channel 6, 2 of at most 8 devices"."""
    count, most = sum(n["stations"] for n in wifi["networks"]), wifi["max_stations"]
    channel = [] if wifi["channel"] is None else [f"channel {wifi['channel']}"]
    room = _count(count) if most is None else f"{count} of at most {most} devices"
    return ", ".join([*channel, room])


def _count(devices: int) -> str:
    return "1 device" if devices == 1 else f"{devices} devices"
