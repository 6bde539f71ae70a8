"""Who made a device, by its MAC address, from a list that stays on the disk.

The file is text in the order of its lines, `PREFIX<TAB>NAME`, a prefix being 6, 7 or 9 hexadecimal
digits (images/orchestrator/make-makers writes it). It is mapped and halved until the line
is found, so that it takes no memory of a small machine's but a few pages.
"""

from __future__ import annotations

import mmap
from functools import lru_cache
from pathlib import Path

MAKERS_FILE = Path("/usr/share/manyways/makers")
_DIGITS = (9, 7, 6)  # IEEE 802: MA-S, MA-M, MA-L; the longest that is given away counts


class Makers:
    """Looks makers up. Without the file nobody is known."""

    def __init__(self, path: Path = MAKERS_FILE) -> None:
        try:
            with path.open("rb") as stream:
                self._list: mmap.mmap | bytes = mmap.mmap(
                    stream.fileno(), 0, access=mmap.ACCESS_READ
                )
        except (OSError, ValueError):  # absent, or empty
            self._list = b""
        self._remembered = lru_cache(maxsize=1024)(self._look_up)

    def of(self, mac: str) -> str:
        """Return the maker of the device with that MAC address, "" when unknown."""
        return self._remembered(mac.replace(":", "").upper())

    def _look_up(self, digits: str) -> str:
        found = (self._name(digits[:length].encode()) for length in _DIGITS)
        return next((name for name in found if name), "")

    def _name(self, prefix: bytes) -> str:
        low, high = 0, len(self._list)
        while low < high:
            middle = (low + high) // 2
            start = self._list.rfind(b"\n", low, middle) + 1 or low
            end = self._list.find(b"\n", middle)
            end = len(self._list) if end < 0 else end
            key, _, name = self._list[start:end].partition(b"\t")
            if key == prefix:
                return name.decode(errors="replace")
            low, high = (end + 1, high) if key < prefix else (low, start)
        return ""
