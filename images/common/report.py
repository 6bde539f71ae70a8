"""What a service tells about itself: a JSON file that is replaced whole, read by anybody."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(path: Path, report: Mapping[str, Any], *, mode: int = 0o644) -> None:
    """Replace `path`, adding `updated` (s of CLOCK_BOOTTIME). Raises OSError."""
    text = json.dumps({"updated": time.clock_gettime(time.CLOCK_BOOTTIME), **report})
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def read(path: Path) -> dict[str, Any]:
    """Return what was written; nothing when it is missing or damaged."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
