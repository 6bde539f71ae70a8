"""What a switch says of itself afterwards. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator import store
from orchestrator.model import Config, Receipt
from orchestrator.runtime.router import Cut
from orchestrator.store import KnownDevice, State


def receipt(
    config: Config, states: tuple[State, State], mac: str, name: str, cut: Cut, now: datetime
) -> Receipt:
    """Return the receipt of a device that was switched between two states of the memory."""
    before, after = states
    old, new = before.device(mac), after.device(mac)
    assert old is not None
    assert new is not None
    was_wanted = store.wanted_destination(config, before, old)
    wanted = store.wanted_destination(config, after, new)
    return Receipt(
        mac=mac,
        device=name,
        old=was_wanted if was_wanted in before.paused else old.active,
        new=wanted,
        connections_cut=cut.of_device(new.number),
        milliseconds=round(cut.milliseconds, 1),
        at=now.astimezone(UTC).isoformat(timespec="seconds"),
        until=until(new),
        note=_why_refused(config, after, wanted),
    )


def as_event(made: Receipt) -> dict[str, str | int]:
    """Return a receipt as the fields of an event; `message` is the end of a switch for a time."""
    return {
        "mac": made.mac,
        "old": made.old or "",
        "new": made.new or "",
        "count": made.connections_cut,
        "message": made.until or "",
    }


def until(device: KnownDevice) -> str | None:
    """Return when a device goes back by itself, as the API says it."""
    return device.timer.until.isoformat(timespec="seconds") if device.timer else None


def _why_refused(config: Config, state: State, destination: str | None) -> str:
    if destination in state.paused:
        return f"{destination} is paused"
    if destination is not None and config.destination(destination) is None:
        return f"{destination} no longer exists"
    return ""
