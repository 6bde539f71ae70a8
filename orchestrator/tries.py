"""How often a password may be guessed: by one visitor, and by all of them together.

A password that a family can remember is found by whoever may try often enough. The first tries
are free, because people mistype; each failure after them doubles the wait. What is
remembered of visitors is bounded, since an address on a network of one's own costs nothing.

A gadget with many addresses could use up every try that all of them have together, so who has known
the password before waits for nobody's failures but its own.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FREE_TRIES = 5
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 900.0
FREE_TRIES_OF_ALL = 25
# A gadget that guesses on and on must not keep the family out for long.
LONGEST_WAIT_OF_ALL_S = 30.0
FORGOTTEN_AFTER_S = 3600.0
VISITORS_AT_MOST = 64


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0

    def wait(self, now: float, free: int, longest: float) -> float:
        """Return how many seconds are left until the next try."""
        if now - self.last > FORGOTTEN_AFTER_S:
            self.count = 0
        if self.count < free:
            return 0.0
        doublings = min(self.count - free, 20)
        pause = min(FIRST_WAIT_S * 2.0**doublings, longest)
        return max(0.0, self.last + pause - now)

    def note(self, now: float) -> None:
        self.count += 1
        self.last = now


class Tries:
    """The failures so far. Not thread-safe; times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._visitors: OrderedDict[str, _Failures] = OrderedDict()
        self._all = _Failures()
        self._proven: OrderedDict[str, None] = OrderedDict()

    def wait(self, visitor: str, now: float) -> float:
        """Return how many seconds `visitor` has to wait before a try; 0.0: none."""
        mine = self._visitors.get(visitor, _Failures()).wait(now, FREE_TRIES, LONGEST_WAIT_S)
        if visitor in self._proven:
            return mine
        return max(mine, self._all.wait(now, FREE_TRIES_OF_ALL, LONGEST_WAIT_OF_ALL_S))

    def begin(self, visitor: str, now: float) -> None:
        """Count a try as failed, before it is judged: tries at the same time count, too."""
        mine = self._visitors.setdefault(visitor, _Failures())
        self._visitors.move_to_end(visitor)
        mine.note(now)
        self._all.note(now)
        while len(self._visitors) > VISITORS_AT_MOST:
            self._visitors.popitem(last=False)

    def succeeded(self, visitor: str) -> None:
        """Take the failures of `visitor` back, who knows the password."""
        self._proven[visitor] = None
        self._proven.move_to_end(visitor)
        if len(self._proven) > VISITORS_AT_MOST:
            self._proven.popitem(last=False)
        mine = self._visitors.pop(visitor, _Failures())
        self._all.count = max(0, self._all.count - mine.count)
