"""The destinations and how they are."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.client import Check, Destination, Status
from webui.present.common import TONES, Symbol, Tone, as_sentence, listed, state_word, symbol
from webui.texts import texts

_CHECKS: dict[str, Tone] = {"ok": "good", "failed": "bad", "unknown": "dim"}


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
    title: str
    symbol: Symbol
    kind: str
    tone: Tone
    word: str
    message: str
    checks: tuple[CheckLine, ...]
    users: str


def way_id(destination: str) -> str:
    """The id of a destination's element."""
    return f"way-{destination}"


def way(destination: Destination, status: Status) -> WayCard:
    """One destination; `status` says who uses it."""
    t, name = texts(), destination["name"]
    users = sorted(
        (d["title"] for d in status["devices"] if d["destination"] == name), key=str.lower
    )
    said = destination["message"]
    return WayCard(
        id=way_id(name),
        name=name,
        title=destination["title"],
        symbol=symbol(destination),
        kind=t("ways.direct" if destination["kind"] == "direct" else "ways.vpn"),
        tone=TONES[destination["state"]],
        word=state_word(destination),
        # A name at the beginning stays as it is.
        message=said if said.startswith(name) else as_sentence(said),
        checks=tuple(_check(check) for check in destination["checks"]),
        users=t("ways.used_by", names=listed(users)) if users else t("ways.unused"),
    )


def _check(check: Check) -> CheckLine:
    t = texts()
    word = t(f"checks.{check['state']}")
    return CheckLine(t(f"checks.{check['name']}"), _CHECKS[check["state"]], word, check["message"])
