"""Everything that the router keeps on its card, as writers that count: each writes number after
number, and says which number a fresh start finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator.access import Access
from orchestrator.activity import Activity
from orchestrator.added import Shelf
from orchestrator.config.uploads import Upload
from orchestrator.documents import Document
from orchestrator.model import Config
from orchestrator.runtime.volume import Volume
from orchestrator.store import KnownDevice, State
from tests.homes import HOME, TV
from tests.unit.test_uploads import GOOD_ONE

RULES = "rendered/router/rules.nft"
SECRET = "rendered/egress-uk/client.ovpn"
LONG = 9000  # bytes: more than one page of the disk's


@dataclass(frozen=True)
class Writer:
    """`write(number)` takes the place of the number before; `read()` is what a new start finds.

    Numbers are from 1 on; 0 is found when nothing was ever written.
    """

    write: Callable[[int], object]
    read: Callable[[], int]


def state(folder: Path) -> Writer:
    path = folder / "state.json"

    def write(number: int) -> None:
        devices = tuple(KnownDevice(TV, 1, "x" * 63, generation=number) for _ in range(20))
        Document(path, State).write(State("a1b2", devices, probe_generation=number))

    def read() -> int:
        reading = Document(path, State).read()
        assert reading.damaged == ()
        found = reading.value
        if found is None:
            return 0
        assert {d.generation for d in found.devices} == {found.probe_generation}
        return found.probe_generation

    return Writer(write, read)


def configuration(folder: Path) -> Writer:
    document = Document(folder / "last-good.json", Config)

    def read() -> int:
        reading = document.read()
        assert reading.damaged == ()
        assert reading.value in (None, HOME)
        return -1  # every number looks alike

    return Writer(lambda _: document.write(HOME), read)


def access(folder: Path) -> Writer:
    keeper = Access(folder)
    first: int = keeper.summary()["generation"]

    def read() -> int:
        found = Access(folder).summary()
        assert not found["damaged"]
        return int(found["generation"]) - first

    return Writer(lambda _: keeper.remove_password(), read)


def added(folder: Path) -> Writer:
    where = folder / "added"

    def write(number: int) -> None:
        Shelf(where).keep("nl", Upload("nl", GOOD_ONE, "someone", "secret"), str(number))

    def read() -> int:
        shelf = Shelf(where)
        assert shelf.problems == ()
        kept = shelf.get("nl")
        assert kept is None or kept.profile == GOOD_ONE
        return int(kept.at) if kept else 0

    return Writer(write, read)


def activity(folder: Path) -> Writer:
    keeper = Activity(folder)

    def write(number: int) -> None:
        keeper.happened("switched", message=str(number))
        keeper.write()

    def read() -> int:
        events, _ = Activity(folder).page(None, 1)
        return int(events[0]["message"]) if events else 0

    return Writer(write, read)


def rendered(folder: Path, name: str) -> Writer:
    volume = Volume(folder)

    def read() -> int:
        text = volume.read(name)
        if text is None:
            return 0
        numbers = set(text.split())
        assert len(numbers) == 1, "parts of two versions"
        assert len(text) >= LONG, "half of a version"
        return int(numbers.pop())

    return Writer(lambda number: volume.write(name, f"{number:09}\n" * (LONG // 9)), read)


def told(folder: Path) -> Writer:
    volume = Volume(folder)

    def read() -> int:
        found = volume.told()
        return int(found["router"]["rules.nft"]) if found else 0

    return Writer(lambda number: volume.remember_told("router", {"rules.nft": str(number)}), read)


WRITERS: dict[str, Callable[[Path], Writer]] = {
    "state.json": state,
    "last-good.json": configuration,
    "access.json": access,
    "added": added,
    "activity.jsonl": activity,
    "told.json": told,
    RULES: partial(rendered, name=RULES),
    SECRET: partial(rendered, name=SECRET),
}
