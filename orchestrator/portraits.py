"""Who a device is to the people of the home: its name, its picture, what may be done with it.

Pure. Where its packets go, and whether they arrive, is told by `health`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from orchestrator import kinds, naming, store, succession
from orchestrator.model import Config
from orchestrator.naming import Maker
from orchestrator.receipts import until
from orchestrator.store import KnownDevice, State


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that a new one may have been."""

    mac: str
    title: str


@dataclass(frozen=True, slots=True)
class Portrait:
    """A device as people know it; the fields are those of the API's Device."""

    title: str
    kind: str
    maker: str
    private: bool
    new: bool
    until: str | None
    back_to: str
    can_undo: bool
    maybe: tuple[Candidate, ...]


def portraits(
    config: Config,
    state: State,
    maker: Maker,
    *,
    present: Collection[str],
    undoable: Collection[str],
) -> dict[str, Portrait]:
    """Return {MAC: portrait} of every device.

    `present` are the MAC addresses of those that are here now, `undoable` of those whose last
    switch can be taken back.
    """
    titles = naming.titles(config, state, maker)

    def portrait(device: KnownDevice) -> Portrait:
        private = naming.is_private(device.mac)
        made_by = "" if private else maker(device.mac)
        known_as = (device.name or "", device.hostname, titles[device.mac])
        return Portrait(
            title=titles[device.mac],
            kind=device.kind or kinds.guess(known_as, made_by),
            maker=made_by,
            private=private,
            new=succession.is_unnamed(config, device),
            until=until(device),
            back_to=_back_to(config, state, device),
            can_undo=device.mac in undoable,
            maybe=tuple(
                Candidate(other.mac, titles[other.mac])
                for other in succession.candidates(config, state, device, present)
            ),
        )

    return {device.mac: portrait(device) for device in state.devices}


def _back_to(config: Config, state: State, device: KnownDevice) -> str:
    if device.timer is None:
        return ""
    before = replace(device, choice=device.timer.back_to, timer=None)
    return store.wanted_destination(config, state, before) or ""
