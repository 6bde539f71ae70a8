"""What flows now, by device and by destination, for as long as somebody looks.

The kernel counts anyway; to look costs a little, so nobody looks while nobody asks. The first
question starts a thread that takes a sample each second; ten seconds after the last one it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.client import words
from orchestrator.model import Config
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.namespace import NamespaceGone
from orchestrator.switch import RouterSource, Switchboard

log = logging.getLogger(__name__)

SAMPLE_EVERY_S = 1.0
REST_AFTER_S = 10.0
KEPT = 120  # samples: two minutes
_TRACKS_AT_MOST = 250

Pair = tuple[int, int]  # bytes, or bytes a second: to the home, from it


@dataclass(frozen=True, slots=True)
class Totals:
    """Bytes since some beginning. A device has as many counters as it has had marks."""

    devices: Mapping[tuple[str, int], Pair] = field(default_factory=dict)  # by (MAC, mark)
    destinations: Mapping[str, Pair] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Speeds:
    """Bytes a second."""

    devices: Mapping[str, Pair] = field(default_factory=dict)
    destinations: Mapping[str, Pair] = field(default_factory=dict)


class Counters:
    """The kernel's counters by the names of devices and destinations."""

    def __init__(
        self, switchboard: Switchboard, router: RouterSource, config: Callable[[], Config | None]
    ) -> None:
        self._switchboard = switchboard
        self._router = router
        self._config = config

    def totals(self) -> Totals | None:
        """Return what has flowed; None while the router has no rules.

        Raises EngineFailed, NamespaceGone, OSError.
        """
        router, config = self._router.current(), self._config()
        traffic = router.traffic() if router is not None else None
        if router is None or traffic is None or config is None:
            return None
        legs, slots = router.legs(config.transit_pool), self._switchboard.slots
        return Totals(
            {key: (traffic.received.get(key[1], 0), n) for key, n in traffic.sent.items()},
            {name: legs[slot] for name, slot in slots.items() if slot in legs},
        )


class _Track:
    """The last samples of one line of the picture, round and round."""

    __slots__ = ("down", "last", "up")

    def __init__(self) -> None:
        self.down = array("Q", bytes(8 * KEPT))
        self.up = array("Q", bytes(8 * KEPT))
        self.last = 0  # the number of the latest sample in which anything flowed


class _History:
    """The last two minutes of those who sent or received anything in them."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._count = 0

    def add(self, speeds: Mapping[str, Pair]) -> None:
        for name in speeds.keys() - self._tracks.keys():
            if len(self._tracks) < _TRACKS_AT_MOST:
                self._tracks[name] = _Track()
        at = self._count % KEPT
        for name, track in tuple(self._tracks.items()):
            track.down[at], track.up[at] = speeds.get(name, (0, 0))
            if name in speeds:
                track.last = self._count
            elif self._count - track.last >= KEPT:
                del self._tracks[name]
        self._count += 1

    def lines(self) -> dict[str, list[words.Speed]]:
        order = [n % KEPT for n in range(max(0, self._count - KEPT), self._count)]
        return {
            name: [{"down": track.down[at], "up": track.up[at]} for at in order]
            for name, track in tuple(self._tracks.items())
        }


class Samples:
    """The samples since the last rest: a picture with a hole would show two moments as one."""

    def __init__(self, at: float) -> None:
        self._at = at
        self._speeds = Speeds()
        self._devices = _History()
        self._destinations = _History()
        self._before: Totals | None = None
        self._begun = False

    def add(self, totals: Totals | None, now: float) -> None:
        """Take in one sample; None: nothing could be read."""
        speeds = Speeds()
        if self._before is not None and totals is not None:
            speeds = _speeds(self._before, totals, now - self._at)
        if self._begun:
            self._devices.add(speeds.devices)
            self._destinations.add(speeds.destinations)
        self._at, self._speeds, self._before, self._begun = now, speeds, totals, True

    def live(self, revision: str) -> words.Live:
        """Return what flowed between the last two samples."""
        return {
            "at": self._at,
            "revision": revision,
            "devices": _spoken(self._speeds.devices),
            "destinations": _spoken(self._speeds.destinations),
        }

    def history(self) -> words.History:
        """Return the last two minutes."""
        return {"devices": self._devices.lines(), "destinations": self._destinations.lines()}


class Meter:
    """Speeds and their history, sampled while somebody asks."""

    def __init__(
        self,
        totals: Callable[[], Totals | None],
        revision: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`revision` returns a text that changes when the status has something new to say."""
        self._totals = totals
        self._revision = revision
        self._clock = clock
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._runs = False
        self._samples = Samples(self._clock())

    def live(self) -> words.Live:
        """Return what flows now; nothing yet in the first second after a rest."""
        self._wake()
        revision = self._revision()
        with self._lock:
            return self._samples.live(revision)

    def history(self) -> words.History:
        """Return the last two minutes, as far as somebody looked without a pause."""
        self._wake()
        with self._lock:
            return self._samples.history()

    @property
    def runs(self) -> bool:
        """Say whether samples are being taken."""
        return self._runs

    def _read(self) -> Totals | None:
        try:
            return self._totals()
        except (EngineFailed, NamespaceGone, OSError) as error:
            log.debug("what flows could not be read: %s", error)
            return None

    def _wake(self) -> None:
        with self._lock:
            self._asked.set()
            if self._runs:
                return
            self._runs = True
            self._samples = Samples(self._clock())
        threading.Thread(target=self._run, name="meter", daemon=True).start()

    def _run(self) -> None:
        due = last_asked = self._clock()
        while True:
            totals = self._read()
            with self._lock:
                self._samples.add(totals, self._clock())
            due = max(due + SAMPLE_EVERY_S, self._clock())
            time.sleep(max(0.0, due - self._clock()))
            with self._lock:
                if self._asked.is_set():
                    self._asked.clear()
                    last_asked = self._clock()
                elif self._clock() - last_asked > REST_AFTER_S:
                    self._runs = False
                    return


def _spoken(speeds: Mapping[str, Pair]) -> dict[str, words.Speed]:
    return {name: {"down": down, "up": up} for name, (down, up) in speeds.items()}


def _speeds(before: Totals, totals: Totals, seconds: float) -> Speeds:
    devices: dict[str, Pair] = {}
    for key, total in totals.devices.items():
        # A mark that was not there has been given since, and has counted from zero.
        speed = _speed(before.devices.get(key, (0, 0)), total, seconds)
        if any(speed):
            devices[key[0]] = speed
    return Speeds(
        devices,
        {
            # But a leg that was not there has counted for who knows how long.
            name: _speed(before.destinations.get(name, total), total, seconds)
            for name, total in totals.destinations.items()
        },
    )


def _speed(before: Pair, total: Pair, seconds: float) -> Pair:
    """Return bytes a second; a counter that is smaller than it was has begun anew."""
    down, up = (new - old if new >= old else new for old, new in zip(before, total, strict=True))
    seconds = max(seconds, 0.001)
    return round(down / seconds), round(up / seconds)
