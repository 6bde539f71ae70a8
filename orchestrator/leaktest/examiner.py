"""Leak tests as the control API starts them: one at a time, told line by line, gone without trace.

A run has a thread of its own, so that it ends in order whatever becomes of the one who asked for
it. What it leaves behind when this process is killed (the probe's container, its place among
the devices) is removed at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from orchestrator.leaktest.examination import Examination, Health, starting_point
from orchestrator.leaktest.fieldwork import Fieldwork, House
from orchestrator.leaktest.words import Finding
from orchestrator.reconcile import Failures
from orchestrator.runtime import probe
from orchestrator.runtime.engine import Engine
from orchestrator.runtime.probe import ProbeFailed
from orchestrator.switch import Refused, Switchboard

log = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
_END_S = 30.0
_Failures = (*Failures, ProbeFailed, Refused)


class Ended(Exception):
    """The run shall end now: nobody listens any more, or the router is being taken down."""


class Run:
    """One leak test: iterate over what it has to say, and `close` in any case.

    Yields {"finding": …} as they come, None when there was nothing to say for a while, and at
    last {"end": …}, or {"failed": sentence}.
    """

    def __init__(self) -> None:
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._ending = threading.Event()
        self.done = threading.Event()

    def __iter__(self) -> Iterator[dict[str, Any] | None]:
        while True:
            try:
                message = self._said.get(timeout=HEARTBEAT_S)
            except queue.Empty:
                yield None
                continue
            yield message
            if "finding" not in message:
                return

    def close(self) -> None:
        """Let it end soon; it cleans up by itself."""
        self._ending.set()

    def say(self, message: dict[str, Any]) -> None:
        """Hand on a message."""
        self._said.put(message)

    def pause(self, seconds: float) -> None:
        """Wait. Raises Ended when the run shall end."""
        if self._ending.wait(seconds):
            raise Ended


class Examiner:
    """Starts leak tests and cleans up after them."""

    def __init__(self, engine: Engine, switchboard: Switchboard) -> None:
        self._engine, self._switchboard = engine, switchboard
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._tidy = False

    def start(
        self, house: House, health: Health, wanted: tuple[str, ...], *, disruptive: bool
    ) -> Run:
        """Begin a run. Raises Refused while there is another one."""
        with self._lock:
            if self._run is not None:
                raise Refused("a leak test runs already", "try again when it is over")
            self._run = run = Run()
        work = threading.Thread(
            target=self._work,
            args=(run, house, health, wanted, disruptive),
            name="leaktest",
            daemon=True,
        )
        work.start()
        return run

    def stop(self) -> None:
        """End a run that is under way, and wait until nothing of it is left."""
        with self._lock:
            run = self._run
        if run is not None:
            run.close()
            run.done.wait(_END_S)

    def tidy(self) -> None:
        """Remove what an earlier process left behind, once. Raises one of the run's failures."""
        with self._lock:  # also while it removes: a test that begins has a probe of that name
            if self._tidy or self._run is not None:
                return
            if probe.remove(self._engine):
                log.info("removed the probe of a leak test that did not end")
            self._switchboard.forget_probe()
            self._tidy = True

    def _work(
        self, run: Run, house: House, health: Health, wanted: tuple[str, ...], disruptive: bool
    ) -> None:
        began, trouble = time.monotonic(), ""
        try:
            self._examine(run, house, health, wanted, disruptive)
        except Ended:
            trouble = "it was ended before its time"
        except _Failures as error:
            trouble = str(error)
        except Exception:  # a run may end as it likes, but its probe has to go
            log.exception("a leak test met something unforeseen")
            trouble = "something unforeseen happened; `orchestrator logs orchestrator` shows it"
        finally:
            left = self._clean_up()
        trouble = trouble or left
        with self._lock:
            self._run = None
        run.done.set()
        took = round(time.monotonic() - began, 1)
        run.say({"failed": trouble} if trouble else {"end": {"seconds": took}})

    def _examine(
        self, run: Run, house: House, health: Health, wanted: tuple[str, ...], disruptive: bool
    ) -> None:
        def emit(finding: Finding) -> None:
            run.pause(0.0)
            run.say({"finding": _plain(finding)})

        probe.remove(self._engine)
        start = starting_point(house.config.destinations, wanted)
        mac = self._switchboard.admit_probe(start.name)
        spec = probe.container(house.image, self._engine.image_id(house.image))
        field = Fieldwork(house, probe.start(self._engine, spec), run.pause)
        with contextlib.closing(field):
            Examination(house, field, health, emit).run(mac, wanted, disruptive=disruptive)

    def _clean_up(self) -> str:
        """Let nothing of the run stay; return what could not be removed, "" for nothing."""
        try:
            probe.remove(self._engine)
            self._switchboard.forget_probe()
        except Exception as error:  # whoever listens waits for the end, and so does the next test
            self._tidy = False  # again and again, until it is gone
            if not isinstance(error, _Failures):
                log.exception("the probe of a leak test could not be removed")
            return f"the probe could not be removed yet: {error}"
        return ""


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "destination": finding.destination,
        "check": finding.check,
        "verdict": finding.verdict.value,
        "evidence": finding.evidence,
        "by_choice": finding.by_choice,
    }
