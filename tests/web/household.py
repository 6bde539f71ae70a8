"""What a lively household looks like to the stand-in: what flows, and what happened.

What flows follows from the time alone, so that two questions about one second agree.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from orchestrator.client import (
    Access,
    Destination,
    Event,
    History,
    Live,
    NewToken,
    Speed,
    Status,
    Token,
)
from tests.web.reports import INVITATION, destination

Answer = tuple[int, object]

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
    if number % 7 == 0:  # a film, in pieces
        piece = max(0.0, math.sin((second + number * 3) / 2.6)) ** 0.5
        down = 3.4e6 * piece * (0.75 + 0.5 * chance) + 20e3 * chance
        up = down / 45
    elif number % 7 == 1:  # a call
        down = 310e3 * (0.9 + 0.2 * chance) + 60e3 * math.sin(second / 9)
        up = 210e3 * (0.9 + 0.2 * chance)
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
        (1510, "token_made", {"message": "Home Assistant", "by": second["device"]}),
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


class Keys:
    """Who may use the page, and the keys for programs."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.password = ""
        self.tokens: list[Token] = []

    def answer(self, method: str, parts: Sequence[str], body: dict[str, str]) -> Answer | None:
        """What the daemon would say at /`parts`; None when it is none of these routes."""
        match method, parts:
            case "GET", ["tokens"]:
                return 200, {"tokens": self.tokens}
            case "POST", ["tokens"]:
                return 200, self._make(body["name"])
            case "POST", ["tokens", token, "revoke"]:
                self.tokens = [one for one in self.tokens if one["id"] != token]
                return 200, {}
            case "POST", ["access"]:
                self.access["policy"] = body["policy"]  # type: ignore[typeddict-item]
                return 200, self.access
            case "POST", ["password"]:
                return self._set(body)
            case "POST", ["login"] if body["password"] == self.password:
                return 200, self.access
            case "POST", ["login"]:
                return 403, {"error": "that is not the password", "hint": ""}
        return None

    def _make(self, name: str) -> NewToken:
        made: Token = {"id": f"k{len(self.tokens)}", "name": name,
                       "made_at": "2026-01-01T12:00:00+00:00", "used_at": None}  # fmt: skip
        self.tokens.append(made)
        return {**made, "secret": f"mw_{name.lower()}_9f2c71d04be8a35560"}

    def _set(self, body: dict[str, str]) -> Answer:
        if body["old"] != self.password:
            return 403, {"error": "that is not the password", "hint": ""}
        self.password = body["password"]
        self.access["password"] = bool(self.password)
        self.access["generation"] += 1
        return 200, self.access


# --- the routes ----------------------------------------------------------------------------------


def answer(report: Status, parts: Sequence[str], query: str, body: dict[str, str]) -> Answer | None:
    """What the daemon would say at /`parts`; None when it is none of these routes."""
    match parts:
        case ["live"]:
            return 200, live(report, time.monotonic())
        case ["live", "history"]:
            return 200, history(report, time.monotonic())
        case ["activity"]:
            return 200, _activity_page(report, parse_qs(query))
        case ["wifi", "join"]:
            return _join(report, parse_qs(query)["ssid"][0])
        case ["destinations"]:
            return _add(report, body)
        case ["destinations", name, verb]:
            return _with_destination(report, name, _VERBS[verb])
    return None


def _activity_page(report: Status, query: dict[str, list[str]]) -> object:
    before, device = int(query.get("before", ["999999"])[0]), query.get("device", [""])[0]
    limit = int(query["limit"][0])
    told = [e for e in activity(report) if e["id"] < before and device in ("", e["mac"])]
    more = told[limit - 1]["id"] if len(told) > limit else None
    return {"events": told[:limit], "before": more}


def _join(report: Status, ssid: str) -> Answer:
    networks = report["wifi"]["networks"] if report["wifi"] else []
    if ssid not in [network["ssid"] for network in networks]:
        return 404, {"error": f"no Wi-Fi network is called '{ssid}'", "hint": "there is 'Home'"}
    return 200, {**INVITATION, "ssid": ssid}


def _with_destination(
    report: Status, name: str, verb: Callable[[Status, Destination], Answer]
) -> Answer:
    for way in report["destinations"]:
        if way["name"] == name:
            return verb(report, way)
    return 404, {"error": f"no destination is called '{name}'", "hint": "there is 'uk'"}


def _paused(report: Status, way: Destination, *, pause: bool) -> Answer:
    changed = (way["state"] == "paused") != pause
    way["state"] = "paused" if pause else "ok"
    users = [d for d in report["devices"] if d["destination"] == way["name"]]
    for device in users:
        device["state"] = "rejected" if pause else "ok"
        device["message"] = "its destination is paused" if pause else ""
    return 200, {
        "destination": way["name"],
        "paused": pause,
        "changed": changed,
        "devices": len(users),
        "connections_cut": 12 if pause and changed else 0,
        "milliseconds": 4.2,
        "at": datetime.now(UTC).isoformat(),
    }


def _remove(report: Status, way: Destination) -> Answer:
    if not way["added"]:
        return 409, {"error": f"{way['name']} stands in router.yaml", "hint": "remove it there"}
    report["destinations"].remove(way)
    return 200, {}


_VERBS: dict[str, Callable[[Status, Destination], Answer]] = {
    "pause": lambda report, way: _paused(report, way, pause=True),
    "resume": lambda report, way: _paused(report, way, pause=False),
    "remove": _remove,
}


def _add(report: Status, body: dict[str, str]) -> Answer:
    name = body["name"]
    if any(way["name"] == name for way in report["destinations"]):
        return 409, {"error": f"'{name}' is taken", "hint": "choose another name"}
    if "remote " not in body["profile"]:
        problems = ["line 2: up: programs are never run", "no line 'remote': whose server is it?"]
        return 200, {"name": name, "accepted": False, "problems": problems, "notes": []}
    report["destinations"].append(on_trial(name))
    return 200, {"name": name, "accepted": True, "problems": [], "notes": []}


def on_trial(name: str) -> Destination:
    """A destination that was added a moment ago."""
    way = destination(name)
    way["added"], way["offered"] = True, False
    way["state"], way["message"] = "starting", "connecting to the provider"
    for check in way["checks"][3:]:
        check["state"], check["message"] = "unknown", "waits for the tunnel"
    return way
