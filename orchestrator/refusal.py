"""A request that can't be met: what is wrong, and what would be right.

Whoever decides, from the pure rules to the hot path, refuses with the same exception, and the
control API turns it into an answer.
"""

from __future__ import annotations

from difflib import get_close_matches


class Refused(Exception):
    """A request that can't be met; nothing was changed. `hint` says what would be right."""

    def __init__(self, message: str, hint: str = "", *, unknown: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.unknown = unknown


def nearest(wanted: str, known: list[str]) -> str:
    """Return a hint that names what was probably meant, or else all there is."""
    close = get_close_matches(wanted.lower(), known, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    if not known:
        return "there is none yet"
    return f"there {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known))}"
