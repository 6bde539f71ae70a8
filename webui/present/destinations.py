"""The ways out of the home, in words that need no knowledge of networks.

Pure. What stands on a card is decided here: which button it has, why a way can't be removed, and
what to do about one that does not work.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.client import Check, Destination, Live, Speed, Status
from webui.present.common import (
    TONES,
    Symbol,
    Tone,
    as_sentence,
    device_id,
    listed,
    measure,
    state_word,
    symbol,
    way_id,
)
from webui.present.live import SILENCE, megabits, speed
from webui.present.plain import plain, reason_and_remedy
from webui.texts import texts

_CHECKS: dict[str, Tone] = {"ok": "good", "failed": "bad", "unknown": "dim"}


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One link of the chain from the home to the internet."""

    name: str
    tone: Tone
    word: str
    message: str


@dataclass(frozen=True, slots=True)
class User:
    """A device that goes this way, and its place on the home view."""

    title: str
    kind: str
    anchor: str


@dataclass(frozen=True, slots=True)
class WayCard:
    """One destination."""

    id: str
    name: str
    title: str
    symbol: Symbol
    kind: str
    vpn: bool
    tone: Tone
    word: str
    reason: str
    remedy: str
    address: str
    latency: str
    down: str
    up: str
    megabits: str
    users: tuple[User, ...]
    is_default: bool
    checks: tuple[CheckLine, ...]
    paused: bool
    added: bool
    on_trial: bool
    failed: bool  # a trial that has failed; a running one is neither good nor bad
    stays: str  # why it can't be removed; empty when it can


@dataclass(frozen=True, slots=True)
class WaysPage:
    """Everything on the view: the ways, and those that no device can pick yet."""

    ways: tuple[WayCard, ...]
    trials: tuple[WayCard, ...]


def page(status: Status, live: Live | None) -> WaysPage:
    """The view; `live` is None when nobody counts."""
    flows = live["destinations"] if live else {}
    cards = [_card(d, status, flows.get(d["name"], SILENCE)) for d in status["destinations"]]
    return WaysPage(
        ways=tuple(card for card in cards if not card.on_trial),
        trials=tuple(card for card in cards if card.on_trial),
    )


def paused(way: Destination, cut: int, milliseconds: int, *, changed: bool) -> str:
    """What a person is told after pausing or resuming."""
    t = texts()
    done = "paused" if way["state"] == "paused" else "resumed"
    if not changed:
        return t(f"ways.already_{done}", way=way["title"])
    said = t(f"ways.{done}", way=way["title"])
    return f"{said} {as_sentence(measure(cut, milliseconds))}" if cut else said


def added(way: Destination) -> str:
    """What a person is told after a VPN was taken, and while it is tried."""
    key = "trying" if _is_tried(way) else "trial_failed" if not way["offered"] else "works_now"
    return texts()(f"ways.{key}", way=way["title"])


def _card(way: Destination, status: Status, flow: Speed) -> WayCard:
    users = _users(way["name"], status)
    is_default = way["name"] == status["default_destination"]
    reason, remedy = _trouble(way)
    tried = _is_tried(way)
    return WayCard(
        id=way_id(way["name"]),
        name=way["name"],
        title=way["title"],
        symbol=symbol(way),
        kind=texts()("ways.direct" if way["kind"] == "direct" else "ways.vpn"),
        vpn=way["kind"] != "direct",
        tone="warn" if tried else TONES[way["state"]],
        word=_word(way),
        reason="" if tried else reason,
        remedy="" if tried else remedy,
        address=way["public_address"] or "",
        latency=_latency(way["latency_ms"]),
        down=speed(flow["down"]),
        up=speed(flow["up"]),
        megabits=megabits(flow),
        users=users,
        is_default=is_default,
        checks=tuple(map(_check, way["checks"])),
        paused=way["state"] == "paused",
        added=way["added"],
        on_trial=not way["offered"],
        failed=not way["offered"] and not tried,
        stays=_stays(way, users, is_default),
    )


def _is_tried(way: Destination) -> bool:
    """Whether a trial goes on. One that has trouble may still come to work, but is worth a word.

    It begins without an address of the house's network; that says nothing about the VPN.
    """
    cause = next((c["name"] for c in way["checks"] if c["state"] == "failed"), "")
    return not way["offered"] and (
        way["state"] in ("starting", "ok") or cause in ("egress", "uplink")
    )


def _users(name: str, status: Status) -> tuple[User, ...]:
    found = (
        User(d["title"], d["kind"], device_id(d["mac"]))
        for d in status["devices"]
        if d["destination"] == name
    )
    return tuple(sorted(found, key=lambda user: user.title.lower()))


def _word(way: Destination) -> str:
    if way["offered"]:
        return state_word(way)
    return texts()("ways.being_tried" if _is_tried(way) else "ways.did_not_work")


def _trouble(way: Destination) -> tuple[str, str]:
    """Why it does not work and what to do; empty for a way that is well."""
    t = texts()
    if way["state"] == "ok":
        return "", ""
    if way["state"] == "paused":
        return t("ways.paused_reason"), ""
    reason, remedy = reason_and_remedy(way["message"])
    failed = next((c["name"] for c in way["checks"] if c["state"] == "failed"), "")
    if failed and not remedy:
        remedy = t(f"ways.remedies.{failed}" if way["offered"] else "ways.remedies.trial")
    return reason, remedy


def _latency(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds:.0f} ms" if milliseconds >= 1 else "<1 ms"


def _stays(way: Destination, users: tuple[User, ...], is_default: bool) -> str:
    t = texts()
    if not way["added"]:
        return t("ways.stays.file")
    if users:
        return t("ways.stays.used", devices=listed([u.title for u in users]), count=len(users))
    return t("ways.stays.default") if is_default else ""


def _check(check: Check) -> CheckLine:
    message = check["message"]
    return CheckLine(
        name=texts()(f"checks.{check['name']}"),
        tone=_CHECKS[check["state"]],
        word=texts()(f"checks.{check['state']}"),
        message=message if check["state"] == "ok" else as_sentence(plain(message)),
    )
