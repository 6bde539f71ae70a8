"""A change that could cut the home network off is applied on probation.

It stays when somebody says so, or when a device of the home reaches the page with it; else the
router goes back by itself to what it was. All of it is on disk before anything is applied, so
that neither a crash nor a power cut leaves a home locked out: after a restart of the machine,
which is what people try when nothing works any more, a change that nobody had confirmed is gone.
What was taken back is remembered, and is not applied again until the files change or somebody
says `up` again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from orchestrator.client import words
from orchestrator.documents import Document
from orchestrator.model import Config
from orchestrator.risk import risky
from orchestrator.timers import Moment

log = logging.getLogger(__name__)

PROBATION_S = 60.0
JUDGED_AFTER_S = 30.0  # what the router itself needs after a change, on a slow machine
NOBODY = "nobody at home could open the page within a minute"
RESTARTED = "the machine was restarted before anybody had confirmed it"

_CONFIG = TypeAdapter(Config)


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that waits. `ends_at` is the uptime (s) in the machine's run `boot`; None: it is
    not applied yet. `previous` is what the router goes back to.
    """

    previous: Config
    change: str
    reasons: tuple[str, ...]
    since: datetime
    boot: str
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A change that was taken back."""

    change: str
    reasons: tuple[str, ...]
    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept on disk; it holds the profiles' keys, as `Config` does."""

    pending: Pending | None = None
    taken_back: TakenBack | None = None


def digest(config: Config) -> str:
    """Return what tells two configurations apart."""
    return hashlib.sha256(_CONFIG.dump_json(config)).hexdigest()


class Probation:
    """The change that waits, or the last one that was taken back. Whoever calls holds a lock."""

    def __init__(self, document: Document[Record], moment: Callable[[], Moment]) -> None:
        self._document = document
        self._moment = moment
        self._record = document.read().value or Record()

    @property
    def pending(self) -> Pending | None:
        """The change that waits to be kept."""
        return self._record.pending

    @property
    def waits(self) -> bool:
        """Is a change applied that waits for a sign from the home network?"""
        pending = self.pending
        return pending is not None and pending.ends_at is not None and not self.over()

    def refuses(self, config: Config) -> bool:
        """Say whether exactly that was taken back."""
        taken_back = self._record.taken_back
        return taken_back is not None and taken_back.change == digest(config)

    def begin(self, old: Config | None, new: Config) -> None:
        """Note that `new` is about to take the place of `old`, on disk. Raises OSError."""
        change, moment, pending = digest(new), self._moment(), self.pending
        if pending is not None and pending.change == change:
            return
        base = (
            pending.previous if pending is not None else old
        )  # the last one that is known to work
        reasons = risky(base, new) if base is not None else ()
        if base is None or not reasons:
            self._keep(Record())
            return
        self._keep(Record(Pending(base, change, reasons, moment.now, moment.boot)))

    def wake(self) -> None:
        """Somebody says `up`: a change that was not applied yet has its time from now on."""
        if self.pending is not None and self.pending.ends_at is None:
            self._keep(Record(replace(self.pending, boot=self._moment().boot)))

    def rest(self) -> None:
        """The router is stopped: nobody could reach the page now."""
        if self.pending is not None and self.pending.ends_at is not None:
            self._remember(Record(replace(self.pending, ends_at=None)))

    def applied(self, change: str) -> None:
        """The time of that change begins, unless it has begun."""
        moment, pending = self._moment(), self.pending
        if pending is None or pending.change != change or pending.ends_at is not None:
            return
        if pending.boot == moment.boot:
            self._remember(Record(replace(pending, ends_at=moment.uptime + PROBATION_S)))

    def over(self) -> str:
        """Return why the change has to be taken back; "" while it may stay, or there is none."""
        pending, moment = self.pending, self._moment()
        if pending is None:
            return ""
        if pending.boot != moment.boot:
            return RESTARTED
        return NOBODY if pending.ends_at is not None and moment.uptime >= pending.ends_at else ""

    def may_be_judged(self) -> bool:
        """Say whether the router's own services have had the time to start with the change."""
        pending = self.pending
        if pending is None or pending.ends_at is None:
            return False
        return self._moment().uptime >= pending.ends_at - PROBATION_S + JUDGED_AFTER_S

    def confirmed(self) -> None:
        """The change stays. Raises OSError."""
        self._keep(Record())

    def taken_back(self, why: str) -> None:
        """The change does not stay."""
        pending = self.pending
        if pending is not None:
            gone = TakenBack(pending.change, pending.reasons, pending.since, why)
            self._remember(Record(None, gone))

    def report(self) -> words.Probation | None:
        """Return what the status tells."""
        if (pending := self.pending) is not None:
            ends_at = pending.ends_at
            left = PROBATION_S if ends_at is None else ends_at - self._moment().uptime
            return {
                "state": "applying" if ends_at is None else "waiting",
                "reasons": list(pending.reasons),
                "seconds_left": max(0, min(round(left), int(PROBATION_S))),
                "since": pending.since.isoformat(timespec="seconds"),
                "why": "",
            }
        if (gone := self._record.taken_back) is not None:
            return {
                "state": "taken back",
                "reasons": list(gone.reasons),
                "seconds_left": 0,
                "since": gone.since.isoformat(timespec="seconds"),
                "why": gone.why,
            }
        return None

    def problems(self) -> tuple[str, ...]:
        """Return what a person has to know of a change that was taken back."""
        gone = self._record.taken_back
        if gone is None:
            return ()
        return (
            f"the change of router.yaml was taken back, because {gone.why}"
            f" (it changed: {'; '.join(gone.reasons)}); mend the file and say: orchestrator up",
        )

    def _keep(self, record: Record) -> None:
        if record == self._record:
            return
        self._document.write(record)
        self._document.forget_previous()  # an older one would take an older change back
        self._record = record

    def _remember(self, record: Record) -> None:
        """Keep it in memory at least: a full disk must not keep a home locked out."""
        try:
            self._keep(record)
        except OSError as error:
            log.error("how far a change of router.yaml is can't be written down: %s", error)
            self._record = record
