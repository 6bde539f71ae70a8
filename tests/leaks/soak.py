"""Search for leaks for hours: thousands of events from one seed, in chunks of a hundred.

    python -m tests.leaks.soak [--events 3000] [--seed N] [--keep DIRECTORY]

It runs on the demo, starts that if need be, and leaves it running (`make demo-down` removes it). A
finding stops it and keeps the captures; the same seed draws the same events again. Exit code 0:
nothing was found, 1: something was, 2: it could not run, 130: interrupted.
"""

from __future__ import annotations

import argparse
import itertools
import secrets
import subprocess
import sys
import time
from pathlib import Path

from orchestrator.client import ControlError
from tests.containers import home
from tests.leaks.search import Report, search

CHUNK = 100  # events; the captures of a chunk without a finding are removed
_WIDTH = 30


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description="Search for leaks for hours.")
    parser.add_argument("--events", type=int, default=3000, help="how many (3000)")
    parser.add_argument("--seed", type=int, help="draw the same events again (default: chance)")
    parser.add_argument(
        "--keep", type=Path, default=Path("build/leaks"), help="where captures of a finding stay"
    )
    found = parser.parse_args()
    if found.events < 1:
        parser.error("--events must be at least 1")
    return found


class _Bar:
    """How far it is, on standard error; on something else than a terminal a line per chunk."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()

    def show(self, done: int, name: str) -> None:
        if not sys.stderr.isatty():
            if done % CHUNK == 0 or done == self._total:
                print(f"{done} of {self._total} events", file=sys.stderr, flush=True)
            return
        filled = _WIDTH * done // self._total
        passed = time.monotonic() - self._began
        left = passed / done * (self._total - done) if done else 0
        bar = "#" * filled + "-" * (_WIDTH - filled)
        text = f"[{bar}] {done}/{self._total}, {left / 60:.0f} min left: {name}"
        print(f"\r{text[:99]:<99}", end="", file=sys.stderr, flush=True)


def _run(events: int, seed: int, keep: Path) -> Report:
    """Return the sum of all chunks; chunk N of a seed always draws the same events."""
    whole, bar = Report(seed), _Bar(events)
    for chunk in itertools.count():
        before = whole.events.total()
        if before >= events:
            break

        def told(number: int, name: str, before: int = before) -> None:
            bar.show(before + number, name)

        try:
            count = min(CHUNK, events - before)
            whole.add(search(seed + chunk, count, told, keep, heavy=True))
        except KeyboardInterrupt:
            text = "interrupted; without the unfinished chunk"
            print(f"\n{text}:\n{whole.text()}", file=sys.stderr)
            raise
    return whole


def main() -> int:
    """Run the search and say what came of it."""
    arguments = _arguments()
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000) * 1000
    arguments.keep.mkdir(parents=True, exist_ok=True)
    print(f"seed {seed}: {arguments.events} events; to draw them again: --seed {seed}", flush=True)
    started = home.host(str(home.DEMO), "up", timeout=1500)
    if started.returncode:
        print(started.stdout + started.stderr, file=sys.stderr)
        return 2
    try:
        report = _run(arguments.events, seed, arguments.keep)
    except KeyboardInterrupt:
        return 130
    except (AssertionError, ControlError, OSError, subprocess.SubprocessError) as finding:
        print(f"\nFOUND: {finding}", *getattr(finding, "__notes__", ()), sep="\n")
        return 1
    print(f"\nnothing was found\n{report.text()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
