"""One virtual machine for each file of tests, with its logs at the end if a test of it failed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm.machine import Machine

LOGS = """
docker exec manyways-orchestrator orchestrator status; docker ps -a
for name in $(docker ps -a --format '{{.Names}}'); do
    echo "--- $name"; docker logs --tail 25 "$name" 2>&1; done
echo "--- dockerd"; tail -n 20 /run/dockerd.log
echo "--- kernel"; dmesg | tail -n 20; ip -br link; iw dev
tail -n 20 /run/*/wpa.log
"""


@pytest.fixture(scope="session")
def disks() -> None:
    """What the machine boots from, made now or on an earlier run."""
    made = subprocess.run(
        [Path(__file__).with_name("make-guest")], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.fixture(scope="module")
def machine(disks: None, request: pytest.FixtureRequest) -> Iterator[Machine]:
    # A socket's path has little room, and pytest's own folders have long names.
    folder = Path(tempfile.mkdtemp(prefix="manyways-vm."))
    machine, failed = Machine(folder), request.session.testsfailed
    try:
        machine.start()
        yield machine
        # Also after a router that did not start, which is no test's own failure.
        if request.session.testsfailed > failed:
            sys.stdout.write(machine.run(LOGS, 120).out + machine.log()[-2000:])
    finally:
        machine.end()
        shutil.rmtree(folder)
