"""Say by the exit code whether the report in the state directory is fresh and tells of no failure.

Waiting for a radio that is not there is healthy: no restart would bring it, and the report says
so. The report is written at least every 20 seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import report

REPORT = Path("/var/lib/manyways/status.json")
_FRESH = 60.0  # s


def healthy(found: Mapping[str, Any], now: float) -> bool:
    """Judge a report at `now` (s of CLOCK_BOOTTIME)."""
    updated = found.get("updated")
    fresh = isinstance(updated, int | float) and 0 <= now - updated < _FRESH
    return fresh and found.get("state") != "failed"


if __name__ == "__main__":
    sys.exit(not healthy(report.read(REPORT), time.clock_gettime(time.CLOCK_BOOTTIME)))
