"""Where the status of an egress is found: in the memory of the process that runs now."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.desired import status_file
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.insides import ASK_AGAIN_S, Insides
from orchestrator.runtime.volume import Volume

INSIDE = Path("run/manyways/status.json")
NOWHERE = Path("/proc/0/root") / INSIDE


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as started:
        yield started
        started.kill()


def test_other_files_are_below_the_volume() -> None:
    insides = Insides(lambda _: pytest.fail("nobody need be asked"))
    for name in ("run/dhcp/dnsmasq.leases", "told.json", "run/egress-uk/other"):
        assert insides.place(name) is None


def test_a_status_is_below_the_root_of_its_process(process: subprocess.Popen[bytes]) -> None:
    asked: list[str] = []

    def answer(container: str) -> int:
        asked.append(container)
        return process.pid

    insides = Insides(answer)
    for _ in range(3):
        place = insides.place(status_file("uk"))
        assert place == Path(f"/proc/{process.pid}/root") / INSIDE
    assert asked == ["manyways-egress-uk"], "the engine need not be asked each time"


def test_the_process_that_came_in_its_place_is_asked_for(
    process: subprocess.Popen[bytes],
) -> None:
    pids = [process.pid, os.getpid()]
    insides = Insides(lambda _: pids.pop(0))
    first = insides.place(status_file("uk"))
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while (place := insides.place(status_file("uk"))) in (first, NOWHERE):
        assert time.monotonic() < deadline, place
        time.sleep(0.02)
    assert place == Path(f"/proc/{os.getpid()}/root") / INSIDE


def _refuse(_container: str) -> int:
    raise EngineFailed("it does not answer")


@pytest.mark.parametrize("answer", [lambda _: None, _refuse])
def test_without_a_process_there_is_no_status(answer: object, tmp_path: Path) -> None:
    insides = Insides(answer)  # type: ignore[arg-type]
    volume = Volume(tmp_path, insides.place)
    (tmp_path / "run/egress-uk").mkdir(parents=True)
    (tmp_path / status_file("uk")).write_text("of another time")
    assert volume.read(status_file("uk")) is None
    assert volume.changed_at(status_file("uk")) == 0


def test_the_engine_is_not_asked_at_every_look() -> None:
    asked: list[str] = []
    insides = Insides(lambda container: asked.append(container))
    for _ in range(50):
        insides.place(status_file("uk"))
    assert len(asked) <= 1 + 1 / ASK_AGAIN_S
