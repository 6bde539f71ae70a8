"""Numbers, given once and remembered: nothing is renumbered when others come or go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class StoreFull(Exception):
    """A number space (devices, destinations, uplinks) is used up."""


def free_number(used: Iterable[int], limit: int, what: str) -> int:
    """Return the smallest number from 1 to `limit` that is not in use. Raises StoreFull."""
    taken = set(used)
    for number in range(1, limit + 1):
        if number not in taken:
            return number
    raise StoreFull(f"all {limit} {what} are in use")


def numbered(
    given: Mapping[str, int], names: Iterable[str], limit: int, what: str
) -> Mapping[str, int]:
    """Give every name a number and keep the ones given; forget names only when room is needed."""
    wanted = list(names)
    result = dict(given)
    for name in wanted:
        if name not in result:
            if len(result) >= limit:
                result = {known: n for known, n in result.items() if known in wanted}
            result[name] = free_number(result.values(), limit, what)
    return result
