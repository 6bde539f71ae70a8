"""The words and signs that several views use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestrator.client import Destination, PauseReceipt, Receipt
from webui.texts import texts

Tone = Literal["good", "warn", "bad", "dim"]
TONES: dict[str, Tone] = {
    "ok": "good", "starting": "warn", "degraded": "warn", "down": "bad", "paused": "warn",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """What was just done. `undo`: the devices whose switch can be taken back."""

    text: str
    failed: bool = False
    undo: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Symbol:
    """A destination's picture: a country's flag, or an icon."""

    country: str = ""
    icon: str = ""


def way_id(name: str) -> str:
    """The id of a destination's element, for anchors and for the script."""
    return f"way-{name}"


def device_id(mac: str) -> str:
    """The id of a device's element, for anchors and for the script."""
    return "device-" + mac.replace(":", "-")


def symbol(destination: Destination) -> Symbol:
    """The picture of a destination."""
    if destination["kind"] == "direct":
        return Symbol(icon="home")
    return Symbol(country=destination["country"]) if destination["country"] else Symbol(icon="lock")


def state_word(destination: Destination) -> str:
    """How a destination is, in a word or two."""
    return texts()(f"state.{destination['state']}")


def country(code: str) -> str:
    """A country's name as one says it after "from"; empty when the page knows none."""
    try:
        return texts()(f"countries.{code}") if code else ""
    except KeyError:
        return ""


def cut(receipt: Receipt | PauseReceipt) -> str:
    """A receipt's measure: "41 connections cut in 6 ms"."""
    return measure(receipt["connections_cut"], receipt["milliseconds"])


def cut_of_all(receipts: Sequence[Receipt]) -> str:
    """The measure of several switches; those of one instant have one time in common."""
    total = sum(receipt["connections_cut"] for receipt in receipts)
    took = {(receipt["at"], receipt["milliseconds"]) for receipt in receipts}
    return measure(total, sum(milliseconds for _, milliseconds in took))


def measure(count: int, milliseconds: float) -> str:
    """How many connections were cut, and in what time."""
    took = f"{milliseconds:.0f}" if milliseconds >= 1 else texts()("receipt.under_1")
    return texts()("receipt.cut", count=count, ms=took)


def listed(names: Sequence[str]) -> str:
    """Names as one says them: "a, b and c"."""
    if len(names) == 1:
        return names[0]
    return texts()("common.and", most=", ".join(names[:-1]), last=names[-1])


def as_sentence(text: str) -> str:
    """`text`, which stands alone here, as a sentence."""
    return end(text[0].upper() + text[1:]) if text else ""


def end(text: str) -> str:
    """`text` with an end of a sentence."""
    return text if text[-1] in ".?!…" else f"{text}."


def moment(at: str | None) -> datetime | None:
    """A time of the daemon's; None for what is none, or has no zone."""
    try:
        found = datetime.fromisoformat(at or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def clock(at: str | None) -> str:
    """A time of day where the router is; the script puts in the time where the reader is."""
    found = moment(at)
    return f"{found.astimezone():%H:%M}" if found else ""


def ago(at: str, now: datetime) -> str:
    """How long ago within the last day, in a person's units; empty for any other time."""
    found = moment(at)
    seconds = (now - found).total_seconds() if found else -1e9
    if not -60 < seconds < 86400:  # in the future: the clock was set back
        return ""
    for unit, size in (("hours_ago", 3600), ("minutes_ago", 60)):
        count = int(seconds // size)
        if count >= 1:
            return texts()(f"time.{unit}", count=count)
    return texts()("time.just_now")
