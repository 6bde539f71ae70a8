"""A VPN waits for a plausible time, and says what it waits for and what to do."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from egress import clock
from egress.clock import LONG, Clock, Reading

BOOT = 86400.0  # the second of January 1970
FLOOR = 1_790_000_000.0


@pytest.mark.parametrize(
    ("reading", "plausible"),
    [
        (Reading(BOOT, FLOOR, kept=False), False),
        (Reading(FLOOR - 1, FLOOR, kept=False), False),
        (Reading(FLOOR, FLOOR, kept=False), True),
        # What was remembered came from a wrong clock; a time server knows better.
        (Reading(FLOOR, FLOOR + 1e9, kept=True), True),
    ],
)
def test_what_is_plausible(reading: Reading, plausible: bool) -> None:
    assert reading.plausible is plausible
    assert Clock(lambda: reading).waits(0.0) is not plausible


def test_it_says_what_it_waits_for_and_in_the_end_what_to_do() -> None:
    readings = [Reading(BOOT, FLOOR, kept=False)] * 2 + [Reading(FLOOR + 9, FLOOR, kept=True)]
    found = Clock(lambda: readings.pop(0))
    assert found.message(10.0) == ""
    assert found.waits(10.0)
    first = found.message(10.0)
    assert first.startswith("waiting for the time: this machine believes that it is 1970-01-02")
    assert "timedatectl" not in first
    assert not found.long(10.0 + LONG - 1)
    assert found.waits(10.0 + LONG)
    assert found.long(10.0 + LONG)
    assert "timedatectl" in found.message(10.0 + LONG)
    assert not found.waits(11.0 + LONG)
    assert not found.long(11.0 + LONG)
    assert found.message(11.0 + LONG) == ""


def test_the_floor_is_the_software_s_age_or_what_was_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tmp_path / "known"
    monkeypatch.setattr(clock, "_KNOWN", known)
    made = os.stat(clock.__file__).st_mtime
    for content in (None, "", "soon", "0", "-5"):
        if content is not None:
            known.write_text(content)
        assert clock.read().floor == made
    known.write_text(f"{int(made) + 1000}\n")
    found = clock.read()
    assert found.floor == int(made) + 1000
    assert abs(found.now - time.time()) < 5
