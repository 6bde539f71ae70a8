"""The radios of this machine: in the host's network, or already with the access point.

A radio is at home nowhere for a moment whenever it moves, and at a start its driver may come late.
What was last seen of it is therefore kept, so that its settings do not change for that.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterable
from dataclasses import replace

from orchestrator.config.radio import parse_radios
from orchestrator.documents import Document
from orchestrator.model import Radio, Wifi
from orchestrator.runtime import host
from orchestrator.runtime.engine import Engine, EngineFailed
from orchestrator.runtime.namespace import NamespaceGone, NamespaceThread
from orchestrator.runtime.volume import Volume
from orchestrator.segment import HOSTAPD, PORTER_STATUS_FILE
from orchestrator.wifi import find_radio

_PATIENCE = 10  # s


class Radios:
    """Looks for radios, and remembers the one that was meant."""

    def __init__(self, engine: Engine, volume: Volume, memory: Document[Radio]) -> None:
        self._engine = engine
        self._volume = volume
        self._memory = memory
        self._known = memory.read().value

    def all(self) -> tuple[Radio, ...]:
        """Return what is there now, and the known one if it is nowhere. Raises NamespaceGone."""
        seen = tuple(self._look())
        known = self._known
        if known is None or any(_same(radio, known) for radio in seen):
            return seen
        return (*seen, known)

    def find(self, wifi: Wifi | None) -> Radio | None:
        """Return the radio that is meant, as well as it is known. Raises OSError."""
        if wifi is None:
            return None
        try:
            radio = find_radio(wifi, tuple(self._look()))
        except NamespaceGone:
            radio = None
        known = self._known
        if radio is None:
            return known and find_radio(wifi, (known,))
        if known is not None and _same(radio, known) and _better(known, radio, wifi):
            return known
        if radio != known:
            self._memory.write(radio)
            self._known = radio
        return radio

    def _look(self) -> Iterable[Radio]:
        for radio in host.in_host_namespace(look):
            yield replace(radio, can_move=False) if self._refused(radio) else radio
        with contextlib.suppress(EngineFailed, NamespaceGone):
            pid = self._engine.process(HOSTAPD)
            if pid is not None:
                yield from _look_into(pid)

    def _refused(self, radio: Radio) -> bool:
        # The porter has tried.
        try:
            told = json.loads(self._volume.read(PORTER_STATUS_FILE) or "{}")["radio"]
            return told["phy"] == radio.phy and told["can_move"] is False
        except (ValueError, LookupError, TypeError):
            return False


def look() -> tuple[Radio, ...]:
    """Return the radios of the calling thread's network namespace; none when iw fails."""
    return parse_radios(_iw("phy"), _iw("dev"), _iw("reg", "get"))


def _look_into(pid: int) -> tuple[Radio, ...]:
    thread = NamespaceThread(pid)
    try:
        # One that shares the host's network was looked at already.
        shared = thread.inode == host.in_host_namespace(host.own_inode)
        return () if shared else thread.run(look)
    finally:
        thread.close()


def _iw(*words: str) -> str:
    try:
        done = subprocess.run(["iw", *words], capture_output=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def _same(one: Radio, other: Radio) -> bool:
    return one.phy == other.phy or bool(set(one.interfaces) & set(other.interfaces))


def _better(known: Radio, now: Radio, wifi: Wifi) -> bool:
    """What was seen under the rules of the country says more than what is seen without them."""
    rules = known.country == wifi.country != now.country
    return rules and known.can_move == now.can_move
