"""The live marks as text: the elements of one map and two sets, which are all that a switch changes.

They are a file of their own beside the rules, so that a switch rewrites a few lines, and a router
that starts by itself loads rules and marks as one transaction. The slots that are shut are in no
file at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TABLE_NAME = "manyways"
TABLE = f"inet {TABLE_NAME}"
MARK_MAP = "device_mark"
SENDER_SET = "sender"
LIVE_SET = "live_mark"
SHUT_SET = "shut"


def render_marks(marks: Mapping[str, int]) -> str:
    """Return the nft commands that fill the map and the sets with {MAC: live ct mark}."""
    if not marks:
        return "# no device may send\n"
    pairs = sorted(marks.items())
    return (
        _filled(MARK_MAP, (f"{mac} : {mark:#010x}" for mac, mark in pairs))
        + _filled(SENDER_SET, (f"{mac} . {mark:#010x}" for mac, mark in pairs))
        + _filled(LIVE_SET, (f"{mark:#010x}" for mark in sorted(marks.values())))
    )


def _filled(name: str, elements: Iterable[str]) -> str:
    lines = ",\n".join(f"  {element}" for element in elements)
    return f"add element {TABLE} {name} {{\n{lines}\n}}\n"


def mark_changes(old: Mapping[str, int], new: Mapping[str, int]) -> str:
    """Return the nft commands, to be run as one transaction, that lead from `old` to `new`.

    Empty when nothing changes.
    """
    delete, add = [], []
    for mac in sorted(old.keys() | new.keys()):
        before, after = old.get(mac), new.get(mac)
        if before == after:
            continue
        if before is not None:
            delete += [f"delete {element}" for element in _elements_of(mac, before)]
        if after is not None:
            add += [f"add {element}" for element in _elements_of(mac, after)]
    return "".join(command + "\n" for command in (*delete, *add))


def _elements_of(mac: str, mark: int) -> Iterable[str]:
    yield f"element {TABLE} {MARK_MAP} {{ {mac} : {mark:#010x} }}"
    yield f"element {TABLE} {SENDER_SET} {{ {mac} . {mark:#010x} }}"
    yield f"element {TABLE} {LIVE_SET} {{ {mark:#010x} }}"


def all_marks(marks: Mapping[str, int]) -> str:
    """Return the nft commands that lead from any content of map and sets to exactly `marks`."""
    sets = "".join(f"flush set {TABLE} {name}\n" for name in (SENDER_SET, LIVE_SET))
    return f"flush map {TABLE} {MARK_MAP}\n{sets}{render_marks(marks)}"


def shut_slots(slots: Iterable[int]) -> str:
    """Return the nft commands that make these, and no other, the slots that are shut."""
    shut = ", ".join(f"{slot:#010x}" for slot in sorted(slots))
    add = f"add element {TABLE} {SHUT_SET} {{ {shut} }}\n" if shut else ""
    return f"flush set {TABLE} {SHUT_SET}\n{add}"
