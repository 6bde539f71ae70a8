"""Who may be without service, and since when; everybody else must not notice anything.

An event names the devices that it concerns. They are excused from its beginning until the router
is healthy again and they have answers again. For the others, the steady datagrams (20 each second,
each with its answer) must have no pause longer than `PAUSE_S`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

# Containers start and stop on the same two cores; measured without events: below 0.2 s.
PAUSE_S = 2.0


class Excuses:
    """Per device the intervals in which it may be without answers."""

    def __init__(self) -> None:
        self._open: dict[str, float] = {}
        self._closed: dict[str, list[tuple[float, float]]] = {}
        self._last: dict[str, float] = {}
        self.worst = 0.0  # the longest pause of anybody without an excuse, seconds

    def begin(self, devices: Iterable[str], at: float) -> None:
        for device in devices:
            self._open.setdefault(device, at)

    def end(self, device: str, at: float) -> None:
        if device in self._open:
            self._closed.setdefault(device, []).append((self._open.pop(device), at))

    def excused(self) -> set[str]:
        return set(self._open)

    def pauses(self, device: str, answers: deque[float], now: float) -> list[str]:
        """Consume the answers; return a line for each pause without an excuse, until `now`."""
        found = []
        for at in answers:
            found += self._judge(device, at)
            self._last[device] = max(self._last.get(device, at), at)
        answers.clear()
        # Silence that still lasts is a pause as well, but `now` is not an answer.
        return found + self._judge(device, now)

    def _judge(self, device: str, until: float) -> list[str]:
        began = self._last.get(device, until)
        if self._open.get(device, until) < until:
            return []
        # What an event caused is forgiven up to its end; from there on the clock runs again.
        ends = [b for a, b in self._closed.get(device, []) if a <= until and b >= began]
        pause = until - max([began, *ends])
        self.worst = max(self.worst, pause)
        if pause <= PAUSE_S:
            return []
        return [f"{device} had no answer for {pause:.2f} s until {until:.3f}"]
