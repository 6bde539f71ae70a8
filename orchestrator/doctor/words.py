"""The doctor's words: a finding is one line, with its cause and its cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from orchestrator.doctor.machine import Machine

Verdict = Literal["ok", "warning", "error", "not checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, what was seen there, and what a person can do about it."""

    name: str
    verdict: Verdict
    cause: str
    cure: str = ""


Findings = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class Check:
    """A name, and what finds out about it. `find` may raise NotSeen between its findings."""

    name: str
    find: Callable[[Machine], Findings]
