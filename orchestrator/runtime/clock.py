"""The machine's clock, its uptime, and the time zone of the home.

Only the standard library is needed, so that the command line can ask without waiting for more.
"""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.runtime import docker_peer
from orchestrator.runtime.host_path import inside
from orchestrator.timers import Moment

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random(4): another one after each start
_LOCALTIME = "/etc/localtime"  # localtime(5)
_MOST_BYTES = 1 << 16  # the largest zone has four thousand


def uptime() -> float:
    """Return the seconds since the machine began, asleep or not (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def moment() -> Moment:
    """Return the time now. Raises OSError where the kernel tells no boot id."""
    boot = _BOOT_ID.read_text().strip()
    return Moment(datetime.now(UTC), boot, uptime())


def home_zone(root: Path | None = None) -> tzinfo:
    """Return the time zone of the host, whose files are below `root`; UTC where that can't be read.

    By itself it looks where the Docker daemon lives.
    """
    try:
        path = inside(docker_peer.root() if root is None else root, _LOCALTIME)
        if not path.is_file():
            return UTC
        with path.open("rb") as stream:
            return ZoneInfo.from_file(_Finite(stream.read(_MOST_BYTES)), key="home")
    except Exception:  # noqa: BLE001 - a damaged file is met with any of a dozen exceptions
        return UTC


class _Finite(io.BytesIO):
    """A file that complains of being read behind its end.

    The standard library looks for the last line's end for ever, in a file that has none.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        if size and not content:
            raise EOFError("the file ends too early")
        return content
