"""Docker's daemon, restarted where that is the tests' to do: where the set-up started it by hand.

Where an init system runs it, other people's containers may depend on it; the search then leaves
it alone and says so.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.containers import home

_PID = Path("/run/manyways-dockerd.pid")
STOP_S, START_S = 60.0, 90.0


def is_ours() -> bool:
    """Say whether the daemon is one that the set-up started."""
    try:
        return Path(f"/proc/{_PID.read_text().strip()}/comm").read_text().strip() == "dockerd"
    except OSError:
        return False


def restart() -> None:
    """End the daemon in order and start it again. AssertionError: it does not come back."""
    pid = int(_PID.read_text())
    os.kill(pid, signal.SIGTERM)
    home.wait_for("the daemon ends", lambda: not _alive(pid), STOP_S)
    _PID.unlink(missing_ok=True)
    done = home.host(str(home.REPOSITORY / "compose" / "setup"), timeout=START_S)
    assert done.returncode == 0, done.stdout + done.stderr


def _alive(pid: int) -> bool:
    """Say whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
