"""From the daemon's report to what a person reads: pure, and in plain words.

Templates only place what stands here, so every sentence of the page can be tested without
a browser, and every decision (what is a problem, which button is the current one) is made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestrator.client import Check, Destination, Device, Receipt, Status, describe_cut

Tone = Literal["good", "warn", "bad", "dim"]
BUTTONS_AT_MOST = 6  # with more destinations a list takes less room than buttons

_STATES: dict[str, tuple[Tone, str]] = {
    "ok": ("good", "Works"),
    "starting": ("warn", "Starting…"),
    "degraded": ("warn", "Works, with trouble"),
    "down": ("bad", "Does not work"),
    "paused": ("warn", "Paused"),
}
_CHECKS: dict[str, tuple[Tone, str]] = {
    "ok": ("good", "works"),
    "failed": ("bad", "fails"),
    "unknown": ("dim", "not tested"),
}
_CHECK_NAMES = {
    "uplink": "The house's network",
    "egress": "This way's own part of the router",
    "endpoint": "The VPN company's server",
    "tunnel": "The VPN connection",
    "dns": "Finding addresses (DNS)",
    "internet": "The internet beyond",
}
_SERVICES = {
    "router": "The part that sends traffic on its way has stopped, so nothing gets out.",
    "dhcp": "New devices get no address. Those that have one go on working.",
    "webui": "This page's own part of the router has trouble.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One destination as a device can pick it."""

    name: str
    current: bool
    tone: Tone
    word: str


@dataclass(frozen=True, slots=True)
class DeviceCard:
    """One device; `ref` is what the control API knows it by."""

    ref: str
    id: str
    name: str
    address: str
    online: bool
    destination: str
    choices: tuple[Choice, ...]
    trouble: str
    why: str  # the element that explains the trouble
    tone: Tone
    receipt: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One link of a destination's chain."""

    name: str
    tone: Tone
    word: str
    message: str


@dataclass(frozen=True, slots=True)
class WayCard:
    """One destination and how it is."""

    id: str
    name: str
    kind: str
    tone: Tone
    word: str
    message: str
    checks: tuple[CheckLine, ...]
    users: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page."""

    tone: Tone
    headline: str
    alerts: tuple[str, ...]
    notes: tuple[str, ...]
    devices: tuple[DeviceCard, ...]
    ways: tuple[WayCard, ...]
    default: str
    version: str
    buttons: bool


def page(status: Status, now: datetime) -> Page:
    """The whole page for one report; `now` is an aware time."""
    alerts = _alerts(status)
    ways = tuple(_way(destination, status) for destination in status["destinations"])
    tone, headline = _headline(status, alerts)
    devices = sorted(status["devices"], key=lambda d: (d["name"].lower(), d["mac"]))
    return Page(
        tone=tone,
        headline=headline,
        alerts=alerts,
        notes=tuple(status["config"]["notes"]),
        devices=tuple(_device(d, status["destinations"], now) for d in devices),
        ways=ways,
        default=status["default_destination"],
        version=status["version"],
        buttons=len(ways) <= BUTTONS_AT_MOST,
    )


def device_id(mac: str) -> str:
    """The id of a device's element, for anchors and for the script."""
    return "device-" + mac.replace(":", "-")


def way_id(destination: str) -> str:
    """The id of a destination's element."""
    return f"way-{destination}"


def moved(receipt: Receipt) -> str:
    """What the person is told right after a switch."""
    if receipt["old"] == receipt["new"]:
        return f"{receipt['device']} uses {receipt['new']} already; nothing was cut."
    said = f"{receipt['device']} now uses {receipt['new']}: {describe_cut(receipt)}."
    return f"{said} {_sentence(receipt['note'])}".strip()


def _alerts(status: Status) -> tuple[str, ...]:
    """What is wrong with the router as a whole; a single destination's trouble stands there."""
    alerts = []
    if status["stopped"]:
        alerts.append(
            "The router was told to stop, so no device gets out."
            " To start it again, type on the router: orchestrator up"
        )
    for service in status["services"]:
        if service["state"] == "failed":
            usual = _SERVICES.get(service["name"], f"{service['name']} has stopped.")
            alerts.append(f"{usual} {_sentence(service['message'])}".strip())
        elif service["state"] == "degraded":
            alerts.append(_sentence(service["message"]))
        elif service["state"] == "unknown":
            alerts.append(f"The part that gives addresses to devices: {_end(service['message'])}")
    alerts += map(_sentence, status["problems"])
    if status["config"]["errors"]:
        kept = ", so the last good settings stay in use:" if status["destinations"] else ":"
        alerts.append(f"The settings file has mistakes{kept}")
        alerts += status["config"]["errors"]  # as they are: they begin with a file's name
    return tuple(alerts)


def _headline(status: Status, alerts: Sequence[str]) -> tuple[Tone, str]:
    if status["stopped"]:
        return "bad", "The router is stopped"
    broken = [d["name"] for d in status["destinations"] if d["state"] == "down"]
    if broken:
        verb = "does" if len(broken) == 1 else "do"
        return "bad", f"{_listed(broken)} {verb} not work"
    if alerts:
        return "warn", "Something needs attention"
    starting = [d["name"] for d in status["destinations"] if d["state"] == "starting"]
    if starting:
        return "warn", f"{_listed(starting)} {'is' if len(starting) == 1 else 'are'} starting"
    if status["state"] != "healthy":
        return "warn", "Something needs attention"
    paused = [d["name"] for d in status["destinations"] if d["state"] == "paused"]
    if paused:
        return "warn", f"{_listed(paused)} {'is' if len(paused) == 1 else 'are'} paused"
    return "good", "Everything works"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _device(device: Device, destinations: Sequence[Destination], now: datetime) -> DeviceCard:
    choices = tuple(
        Choice(d["name"], d["name"] == device["destination"], *_STATES[d["state"]])
        for d in destinations
    )
    receipt = device["receipt"]
    return DeviceCard(
        ref=device["mac"],
        id=device_id(device["mac"]),
        name=device["name"],
        address=device["address"] or ("no address yet" if device["online"] else ""),
        online=device["online"],
        destination=device["destination"],
        choices=choices,
        trouble=_trouble(device),
        why=way_id(device["destination"])
        if device["state"] != "ok" and any(choice.current for choice in choices)
        else "",
        tone="warn" if device["state"] == "starting" else "bad",
        receipt=_remembered(receipt, now) if receipt else "",
    )


def _trouble(device: Device) -> str:
    """Why a device cannot get out, and what to do; empty when it can."""
    way, said = device["destination"], device["message"]
    if device["state"] == "ok":
        return ""
    if device["state"] == "starting":
        return f"{way} is starting: {said or 'this takes a moment'}."
    if device["state"] == "down":
        why = f"{way} does not work right now" + (f": {said}" if said else "")
        return (
            f"{_end(why)} Nothing of this device gets out until it does, or you pick another way."
        )
    return _sentence(said) or f"Blocked: there is no “{way}” any more. Pick another way."


def _remembered(receipt: Receipt, now: datetime) -> str:
    """The last switch, for the device's own card; after a day it is no news any more."""
    when = _ago(receipt["at"], now)
    moved_text = f"Moved from {receipt['old']} to {receipt['new']}: {describe_cut(receipt)}"
    return f"{moved_text}, {when}" if when else ""


def _ago(at: str, now: datetime) -> str:
    """How long ago within the last day, in a person's units; empty for any other time."""
    try:
        seconds = (now - datetime.fromisoformat(at)).total_seconds()
    except (ValueError, TypeError):  # TypeError: a time without a zone
        return ""
    if not -60 < seconds < 86400:  # in the future: the clock was set back
        return ""
    for unit, size in (("hour", 3600), ("minute", 60)):
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _way(destination: Destination, status: Status) -> WayCard:
    name = destination["name"]
    tone, word = _STATES[destination["state"]]
    kind = "Straight to your provider" if destination["kind"] == "direct" else "Through a VPN"
    users = [d["name"] for d in status["devices"] if d["destination"] == name]
    return WayCard(
        id=way_id(name),
        name=name,
        kind=kind,
        tone=tone,
        word=word,
        message=_said(destination),
        checks=tuple(_check(check) for check in destination["checks"]),
        users=f"Used by {_listed(sorted(users, key=str.lower))}" if users else "Used by nobody now",
    )


def _said(destination: Destination) -> str:
    """What the orchestrator says of it, and how a pause ends, for which the page has no button."""
    if destination["state"] == "paused":
        said = _sentence(destination["message"])
        return f"{said} To resume it, type on the router: orchestrator resume {destination['name']}"
    return destination["message"] if _names(destination) else _sentence(destination["message"])


def _names(destination: Destination) -> bool:
    """Whether the message begins with the destination's own name, which stays as it is."""
    return destination["message"].startswith(destination["name"])


def _sentence(text: str) -> str:
    """`text`, which stands alone here, as a sentence."""
    if not text:
        return ""
    return _end(text[0].upper() + text[1:])


def _end(text: str) -> str:
    """`text` with an end of a sentence."""
    return text if text[-1] in ".?!" else f"{text}."


def _check(check: Check) -> CheckLine:
    name = _CHECK_NAMES.get(check["name"], check["name"])
    tone, word = _CHECKS[check["state"]]
    return CheckLine(name, tone, word, check["message"])
