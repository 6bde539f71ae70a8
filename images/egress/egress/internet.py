"""Whether anything beyond the provider answers, and what follows: decisions without effects.

A VPN server may live, answer pings and DNS, and forward nothing. That is seen only by asking
somebody beyond it. Two things are proof: an answer of one of the addresses that are asked in
turn, and a reply to a device; so a busy line is never asked anything, and never looks dead.

Silence counts only after a proof through the same connection: a company's network may lead to
no internet at all. And it keeps devices out for a minute at most: a provider that begins to
block our questions shall not lock the house out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address

SILENCE = 12.0  # s without a proof after which a connection that had one is dead
PATIENCE = 60.0  # s for which devices are kept out at most
CALM, URGENT = 4.0, 2.0  # s from a proof, or from an unanswered question, to the next question
_SHOWN = 3  # addresses in a message


@dataclass(frozen=True, slots=True)
class Internet:
    """What is known of the internet behind one way out. Times are of the boot clock (s).

    `asked` are asked in turn; nobody: nothing is ever concluded. `guarded` is a VPN: its
    silence keeps devices out. `since` is when the present connection began, None without one;
    `proved` the last proof through it; `lost` since when proof is missing that was there
    before, through however many connections.
    """

    asked: tuple[IPv4Address, ...]
    guarded: bool
    since: float | None = None
    proved: float | None = None
    question: float | None = None
    lost: float | None = None

    # --- what happens -------------------------------------------------------------------------

    def connected(self, now: float) -> Internet:
        return replace(self, since=now, proved=None, question=None)

    def ended(self) -> Internet:
        return replace(self, since=None, proved=None, question=None)

    def heard(self, now: float) -> Internet:
        """Take note of a proof; one that comes after the connection's end is none."""
        return self if self.since is None else replace(self, proved=now, lost=None)

    def questioned(self, now: float) -> Internet:
        return replace(self, question=now)

    def given_up(self, now: float) -> Internet:
        """Keep devices out from now on; who is kept out already stays so from then."""
        return replace(self.ended(), lost=now if self.lost is None else self.lost)

    # --- what follows -------------------------------------------------------------------------

    def due(self, now: float) -> bool:
        """Whether to ask the next question now."""
        if not self.asked or self.since is None:
            return False
        if self.question is None:
            return True
        quiet = self.proved is not None and self.proved >= self.question
        hopeless = now - (self.proved or self.since) > PATIENCE
        return now - max(self.question, self.proved or 0.0) >= (
            CALM if quiet or hopeless else URGENT
        )

    def dead(self, now: float) -> bool:
        """Whether the connection no longer leads anywhere, so that a new one is due."""
        return (
            self.guarded
            and bool(self.asked)
            and self.proved is not None
            and now - self.proved >= SILENCE
        )

    def closed(self, now: float) -> bool:
        """Whether devices are kept out."""
        return self.lost is not None and now - self.lost < PATIENCE

    def stuck(self, now: float) -> bool:
        """Whether another endpoint should be tried while devices are kept out anyway."""
        return (
            self.closed(now)
            and self.proved is None
            and self.since is not None
            and now - self.since >= SILENCE
        )

    def state(self, now: float) -> str:
        """Return "ok", "failing", "unknown", or "off" when nobody is asked."""
        if not self.asked:
            return "off"
        if self.since is None:
            return "unknown"
        if now - (self.proved or self.since) >= SILENCE:
            return "failing"
        if self.proved is not None:
            return "ok"
        return "unknown" if self.lost is None else "failing"

    def message(self, now: float) -> str:
        if self.state(now) != "failing":
            return ""
        found = f"nothing outside answers (asked {_listed(self.asked)})"
        if self.closed(now):
            return f"{found}; devices are refused meanwhile, for {PATIENCE:.0f} s at most"
        if self.lost is not None:
            return f"{found}; devices are let in all the same, as the questions may be blocked"
        if self.guarded:
            return f"{found}; if this VPN leads to a company's network only, set internet_probe: []"
        return found


def _listed(addresses: tuple[IPv4Address, ...]) -> str:
    shown = ", ".join(map(str, addresses[:_SHOWN]))
    return shown if len(addresses) <= _SHOWN else f"{shown} and {len(addresses) - _SHOWN} more"
