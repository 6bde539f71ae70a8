"""What a lively household looks like to the stand-in: what flows, and what happened.

What flows follows from the time alone, so that two questions about one second agree.
"""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.client import Event, History, Live, Speed, Status

SECONDS = 120


def live(report: Status, at: float) -> Live:
    """What flows in the household at `at`; the revision follows from the report alone."""
    second = int(at)
    devices = _devices(report, second)
    said = json.dumps(report, sort_keys=True).encode()
    return {
        "at": at,
        "revision": hashlib.sha1(said, usedforsecurity=False).hexdigest(),
        "devices": {mac: flow for mac, flow in devices.items() if flow["down"] + flow["up"]},
        "destinations": _destinations(report, devices),
    }


def history(report: Status, at: float) -> History:
    seconds = [_devices(report, int(at) - age) for age in reversed(range(SECONDS))]
    ways = [_destinations(report, devices) for devices in seconds]
    return {
        "devices": {
            d["mac"]: [devices[d["mac"]] for devices in seconds]
            for d in report["devices"]
            if any(devices[d["mac"]]["down"] for devices in seconds)
        },
        "destinations": {
            d["name"]: [way[d["name"]] for way in ways] for d in report["destinations"]
        },
    }


def _devices(report: Status, second: int) -> dict[str, Speed]:
    return {
        d["mac"]: _flow(number, second) if d["online"] else {"down": 0.0, "up": 0.0}
        for number, d in enumerate(report["devices"])
    }


def _flow(number: int, second: int) -> Speed:
    """A film in pieces, a call, some reading, and things that only sleep."""
    chance = _chance(number, second)
    down = up = 0.0
    if number % 7 == 0:  # a film: a piece each six seconds
        down = 4.6e6 * (0.8 + 0.4 * chance) if (second + number) % 6 < 2 else 20e3 * chance
        up = down / 45
    elif number % 7 == 1:  # a call
        down = 310e3 * (0.85 + 0.3 * chance) + 60e3 * math.sin(second / 9)
        up = 260e3 * (0.8 + 0.4 * chance)
    elif number % 7 == 3 and second % 40 < 14:  # a page is opened, then read
        down = 900e3 * chance * chance
        up = 30e3 * chance
    return {"down": float(round(down)), "up": float(round(up))}


def _chance(number: int, second: int) -> float:
    return int(hashlib.md5(f"{number} {second}".encode()).hexdigest()[:6], 16) / 0xFFFFFF


def _destinations(report: Status, devices: dict[str, Speed]) -> dict[str, Speed]:
    def total(name: str, way: str) -> float:
        return sum(
            devices[d["mac"]]["down" if way == "down" else "up"]
            for d in report["devices"]
            if d["destination"] == name
        )

    return {
        d["name"]: {"down": total(d["name"], "down"), "up": total(d["name"], "up")}
        for d in report["destinations"]
    }


def event(number: int, kind: Any, at: datetime, **fields: Any) -> Event:
    blank = {"mac": "", "device": "", "destination": "", "old": "", "new": "", "by": ""}
    made: Any = {"id": number, "at": at.isoformat(), "kind": kind, "count": 0, "message": ""}
    return {**made, **blank, **fields}  # type: ignore[typeddict-item]


def activity(report: Status, now: datetime | None = None) -> list[Event]:
    """Three days of a family, newest first."""
    now = now or datetime.now(UTC)
    first, second, third = (
        {"mac": d["mac"], "device": d["title"]} for d in report["devices"][:3]
    )  # fmt: skip
    told: list[tuple[int, str, dict[str, Any]]] = [
        (4, "switched", {**first, "old": "direct", "new": "uk", "by": second["device"]}),
        (9, "dns_over_tls", {**first, "count": 14}),
        (26, "works", {"destination": "de"}),
        (27, "fails", {"destination": "de", "message": "the endpoint does not answer; it may be"
                       " down, or the local provider may block the port"}),
        (70, "renamed", {"mac": third["mac"], "device": third["device"], "old": "android-7f3a",
                         "new": third["device"], "by": second["device"]}),
        (75, "new_device", {**third, "device": "android-7f3a"}),
        (1300, "switched_back", {**second, "old": "uk", "new": "direct"}),
        (1420, "switched", {**second, "old": "direct", "new": "uk", "by": second["device"]}),
        (1460, "resumed", {"destination": "uk", "by": "Home Assistant"}),
        (1500, "paused", {"destination": "uk", "by": "Home Assistant"}),
        (1510, "token_made", {"new": "Home Assistant", "by": second["device"]}),
        (1530, "password_changed", {"by": second["device"]}),
        (2900, "took_over", {**third, "old": "old phone", "by": second["device"]}),
        (2950, "undone", {**first, "old": "uk", "new": "direct", "by": second["device"]}),
        (2980, "dns_elsewhere", {**third, "count": 212}),
        (4300, "destination_added", {"destination": "de", "by": second["device"]}),
        (4400, "started", {}),
    ]  # fmt: skip
    count = len(told)
    return [
        event(count - index, kind, now - timedelta(minutes=ago), **fields)
        for index, (ago, kind, fields) in enumerate(told)
    ]
