"""What hostapd and iw say, as values. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # s between two starts of hostapd
STABLE = 60.0  # s after which a start counts as a success


@dataclass(frozen=True, slots=True)
class Radio:
    """A radio in this namespace. `phy` is its number; `interface` may be missing."""

    phy: int
    interface: str | None


def next_pause(pause: float, ran: float) -> float:
    """Return how long to wait after hostapd ended, having waited `pause` before it ran `ran` s."""
    return FIRST_PAUSE if ran > STABLE or not pause else min(pause * 2, LONGEST_PAUSE)


def parse_interface(settings: str) -> str:
    """Return the interface in hostapd's settings, "" when they name none."""
    found = re.search(r"^interface=(\S+)", settings, re.MULTILINE)
    return found[1] if found else ""


def parse_radio(iw_phy: str, iw_dev: str, wanted: str) -> Radio | None:
    """Return the radio with the interface `wanted`, or the first, of what iw prints."""
    for owner, names in _interfaces(iw_dev):
        if wanted in names:
            return Radio(owner, wanted)
    index = re.search(r"^\s*wiphy index: (\d+)", iw_phy, re.MULTILINE)
    # Older versions of iw leave the number to be read from the name.
    index = index or re.search(r"^Wiphy phy(\d+)", iw_phy, re.MULTILINE)
    if index is None:
        return None
    number = int(index[1])
    names = dict(_interfaces(iw_dev)).get(number, [])
    return Radio(number, next(iter(names), None))


def _interfaces(iw_dev: str) -> Iterable[tuple[int, list[str]]]:
    parts = re.split(r"^phy#(\d+)$", iw_dev, flags=re.MULTILINE)
    for number, text in zip(parts[1::2], parts[2::2], strict=True):
        # What is no interface of a network (a P2P device) has no such line.
        yield int(number), re.findall(r"^\s*Interface (\S+)", text, re.MULTILINE)


def parse_max_stations(iw_phy: str) -> int | None:
    """Return how many stations the radio says it can have; None when it says nothing."""
    found = re.search(r"Maximum associated stations in AP mode: (\d+)", iw_phy)
    return int(found[1]) if found else None


def parse_fields(answer: str) -> dict[str, str]:
    """Return the `name=value` lines of an answer of hostapd."""
    return dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)


def networks(status: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (interface, SSID) of each network in the answer to STATUS."""
    found: list[tuple[str, str]] = []
    while f"bss[{len(found)}]" in status:
        number = len(found)
        ssid = unescape(status.get(f"ssid[{number}]", ""))
        found.append((status[f"bss[{number}]"], ssid))
    return found


_ESCAPE = re.compile(rb'\\(x[0-9a-fA-F]{2}|["\\enrt])')
_ESCAPED = {b'"': b'"', b"\\": b"\\", b"e": b"\033", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def unescape(text: str) -> str:
    r"""Return an SSID as people write it; hostapd prints what is no ASCII as `\xNN`."""

    def plain(found: re.Match[bytes]) -> bytes:
        what = found[1]
        return _ESCAPED.get(what) or bytes.fromhex(what[1:].decode())

    return _ESCAPE.sub(plain, text.encode()).decode(errors="replace")


def channel(status: Mapping[str, str]) -> int | None:
    """Return the channel in the answer to STATUS; None while there is none."""
    text = status.get("channel", "")
    return int(text) if text.isdecimal() and text != "0" else None


def station(answer: str, now: float) -> dict[str, Any] | None:
    """Return a station of an answer to STA-FIRST or STA-NEXT; None when it tells of none.

    `now` is in seconds of CLOCK_BOOTTIME. One that is not authorised has not joined.
    """
    mac, _, rest = answer.partition("\n")
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac):
        return None
    fields = parse_fields(rest)
    signal, connected = fields.get("signal", ""), fields.get("connected_time", "")
    return {
        "mac": mac,
        "joined": "[AUTHORIZED]" in fields.get("flags", ""),
        "signal_dbm": int(signal) if re.fullmatch(r"-\d+", signal) else None,
        "since": now - int(connected) if connected.isdecimal() else now,
    }


def is_news(events: Iterable[str]) -> bool:
    """Say whether one of hostapd's events changes what the report says."""
    words = ("AP-STA-CONNECTED", "AP-STA-DISCONNECTED", "AP-ENABLED", "AP-DISABLED", "CHANNEL")
    return any(word in event for event in events for word in words)
