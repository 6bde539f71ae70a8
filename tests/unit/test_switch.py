"""Requests to the switchboard: what is refused and with what hint, and what a failure leaves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from orchestrator import store
from orchestrator.desired import MARKS_FILE
from orchestrator.documents import Document
from orchestrator.identity import Identities
from orchestrator.render.marks import render_marks
from orchestrator.runtime.engine import EngineFailed
from orchestrator.runtime.router import RouterNamespace
from orchestrator.runtime.volume import Volume
from orchestrator.store import State
from orchestrator.switch import Refused, Switchboard, nearest
from tests.homes import HOME, LAPTOP, NEW, TV, without

ADDRESSES: Mapping[str, IPv4Address] = {LAPTOP: IPv4Address("192.168.77.101")}


class _Absent:
    """A router that does not run, or an engine that does not say."""

    def __init__(self) -> None:
        self.fails = False

    def current(self) -> RouterNamespace | None:
        if self.fails:
            raise EngineFailed("the Docker engine does not answer")
        return None


@pytest.fixture
def router() -> _Absent:
    return _Absent()


@pytest.fixture
def board(tmp_path: Path, router: _Absent) -> Switchboard:
    document = Document(tmp_path / "state.json", State)
    made = Switchboard(document, NEW, Volume(tmp_path), router)
    made.settle(HOME, {LAPTOP: "laptop"}, ADDRESSES)
    return made


def _on_disk(folder: Path) -> State | None:
    return Document(folder / "state.json", State).read().value


def test_the_probe_is_a_device_until_it_is_forgotten(board: Switchboard, tmp_path: Path) -> None:
    mac = board.admit_probe("uk")
    assert board.find("leaktest").mac == mac
    receipt = board.assign(mac, "direct")
    assert (receipt.old, receipt.new) == ("uk", "direct")
    assert mac in (tmp_path / MARKS_FILE).read_text()
    board.forget_probe()
    assert board.receipts == {}
    for state in (board.state, _on_disk(tmp_path)):
        assert state is not None
        assert state.device(mac) is None
    assert mac not in (tmp_path / MARKS_FILE).read_text()
    board.forget_probe()  # a second time does nothing


@pytest.mark.parametrize(
    "reference",
    ["laptop", "LAPTOP", " laptop ", LAPTOP, LAPTOP.upper().replace(":", "-"), "192.168.77.101"],
)
def test_a_device_is_found_by_name_mac_and_address(board: Switchboard, reference: str) -> None:
    assert board.find(reference).mac == LAPTOP


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("laptpo", "did you mean 'laptop'?"),
        ("fridge", "there are laptop, tv"),
        ("none", "there are laptop, tv"),
        ("", "there are laptop, tv"),
    ],
)
def test_an_unknown_device_gets_a_hint(board: Switchboard, reference: str, hint: str) -> None:
    with pytest.raises(Refused, match="no device is called") as refused:
        board.find(reference)
    assert (refused.value.hint, refused.value.unknown) == (hint, True)


def test_an_unknown_destination_changes_nothing(board: Switchboard, tmp_path: Path) -> None:
    before = board.state
    with pytest.raises(Refused, match="no destination is called 'wrok'") as refused:
        board.assign("tv", "wrok")
    assert refused.value.hint == "did you mean 'work'?"
    assert board.state == before == _on_disk(tmp_path)


def test_before_a_configuration_everything_is_refused(tmp_path: Path, router: _Absent) -> None:
    document = Document(tmp_path / "state.json", State)
    board = Switchboard(document, NEW, Volume(tmp_path), router)
    with pytest.raises(Refused, match="no valid configuration yet") as refused:
        board.assign("tv", "uk")
    assert "orchestrator check" in refused.value.hint


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("tv", "the name 'tv' is taken", "choose another one"),
        ("TV", "the name 'TV' is taken", "choose another one"),
        ("T\u200dv", "is taken", "choose another one"),
        ("  T’v ", "is taken", "choose another one"),
        ("Router", "the name 'Router' is taken", "choose another one"),
        ("wpad!", "the name 'wpad!' is taken", "choose another one"),
        ("", "at least one letter", "such as: Kitchen TV"),
        (" \u200d ", "at least one letter", "such as: Kitchen TV"),
        ("\u0301", "at least one letter", "such as: Kitchen TV"),
        ("a" * 41, "40 letters at most; this one has 41", "choose a shorter one"),
        ("my\npc", "can't hold line breaks", "type it again by hand"),
        ("my\u2028pc", "can't hold line breaks", "type it again by hand"),
        ("my\u202epc", "can't hold line breaks", "type it again by hand"),
        ("my\x1b[2Jpc", "can't hold line breaks", "type it again by hand"),
        ("my\ud800pc", "can't hold line breaks", "type it again by hand"),
    ],
)
def test_a_name_that_cannot_be(board: Switchboard, name: str, message: str, hint: str) -> None:
    with pytest.raises(Refused, match=message) as refused:
        Identities(board).rename("laptop", name)
    assert refused.value.hint == hint
    assert board.names()[LAPTOP] == "laptop"
    assert board.state.devices[1].name is None


def test_a_name_lasts_and_cuts_nothing(board: Switchboard, tmp_path: Path) -> None:
    marks = store.live_marks(board.state)
    assert Identities(board).rename("laptop", "Study-PC") == LAPTOP
    assert Identities(board).rename("study-pc", "study-pc") == LAPTOP
    assert board.names() == {TV: "tv", LAPTOP: "study-pc"}
    assert store.live_marks(board.state) == marks
    assert _on_disk(tmp_path) == board.state


def test_a_choice_is_on_disk_with_its_marks(board: Switchboard, tmp_path: Path) -> None:
    receipt = board.assign("laptop", "work")
    assert (receipt.old, receipt.new, receipt.connections_cut) == ("direct", "work", 0)
    assert _on_disk(tmp_path) == board.state
    marks = render_marks(store.live_marks(board.state))
    assert (tmp_path / MARKS_FILE).read_text() == marks


def test_a_rejected_device_comes_from_nowhere(board: Switchboard) -> None:
    board.settle(without(HOME, "uk"), {}, ADDRESSES)
    assert board.assign("tv", "work").old is None


# --- pausing a destination -----------------------------------------------------------------------


def test_a_paused_destination_keeps_its_devices_and_their_marks_die(
    board: Switchboard, tmp_path: Path
) -> None:
    before = store.live_marks(board.state)
    receipt = board.pause("uk")
    assert (receipt.paused, receipt.changed, receipt.devices) == (True, True, 1)
    assert store.live_marks(board.state).keys() == {LAPTOP}
    assert _on_disk(tmp_path) == board.state
    assert TV not in (tmp_path / MARKS_FILE).read_text()
    back = board.pause("uk", pause=False)
    assert (back.paused, back.changed, back.devices) == (False, True, 1)
    after = store.live_marks(board.state)
    assert after.keys() == before.keys()
    assert after[TV] != before[TV], "a mark lives once"
    assert after[LAPTOP] == before[LAPTOP]


def test_a_second_pause_changes_nothing(board: Switchboard) -> None:
    assert not board.pause("uk", pause=False).changed
    board.pause("uk")
    before = board.state
    receipt = board.pause("uk")
    assert (receipt.changed, receipt.paused, receipt.devices) == (False, True, 1)
    assert board.state == before


def test_a_device_may_go_to_a_paused_destination_and_waits_there(board: Switchboard) -> None:
    board.pause("uk")
    receipt = board.assign("laptop", "uk")
    assert (receipt.old, receipt.new, receipt.note) == ("direct", "uk", "uk is paused")
    assert store.live_marks(board.state) == {}
    assert board.assign("laptop", "uk").old == "uk"
    assert board.pause("uk", pause=False).devices == 2
    assert store.live_marks(board.state).keys() == {TV, LAPTOP}
    assert board.assign("laptop", "direct").note == ""


def test_a_pause_ends_with_its_destination(board: Switchboard) -> None:
    board.pause("uk")
    board.settle(without(HOME, "uk"), {}, ADDRESSES)
    board.settle(HOME, {}, ADDRESSES)
    assert store.live_marks(board.state).keys() == {TV, LAPTOP}


def test_pausing_what_is_not_there_names_the_nearest(board: Switchboard) -> None:
    with pytest.raises(Refused, match="no destination is called 'wrok'") as refused:
        board.pause("wrok")
    assert (refused.value.hint, refused.value.unknown) == ("did you mean 'work'?", True)


def test_a_destination_hears_who_has_left_it(tmp_path: Path, router: _Absent) -> None:
    heard: list[tuple[str, list[IPv4Address]]] = []

    def left(destination: str, addresses: Collection[IPv4Address]) -> None:
        heard.append((destination, list(addresses)))

    document = Document(tmp_path / "state.json", State)
    board = Switchboard(document, NEW, Volume(tmp_path), router, left)
    board.settle(HOME, {LAPTOP: "laptop"}, ADDRESSES)
    board.assign("laptop", "direct")
    board.assign("tv", "work")  # it has no address
    assert heard == []
    board.assign("laptop", "work")
    board.pause("work")
    board.pause("work", pause=False)
    there = [ADDRESSES[LAPTOP]]
    assert heard == [("direct", there), ("work", there)]


@pytest.mark.parametrize("broken", ["engine", "marks", "state"])
def test_whatever_fails_disk_and_memory_tell_the_old_story(
    board: Switchboard,
    router: _Absent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    before, marks = board.state, (tmp_path / MARKS_FILE).read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        router.fails = broken == "engine"
        if broken == "marks":
            patch.setattr(Volume, "write", full)
        if broken == "state":
            patch.setattr(Document, "write", full)
        with pytest.raises((EngineFailed, OSError)):
            board.assign("laptop", "work")
    assert board.state == before == _on_disk(tmp_path)
    assert (tmp_path / MARKS_FILE).read_text() == marks
    assert board.receipts == {}
    router.fails = False
    assert board.assign("laptop", "work").new == "work"


def test_stopping_is_remembered(board: Switchboard, tmp_path: Path) -> None:
    board.set_stopped(True)
    remembered = _on_disk(tmp_path)
    assert remembered is not None
    assert remembered.stopped


@pytest.mark.parametrize(
    ("wanted", "known", "hint"),
    [
        ("ukk", ["uk", "de"], "did you mean 'uk'?"),
        ("UK", ["uk", "de"], "did you mean 'uk'?"),
        ("xyz", ["uk", "de"], "there are de, uk"),
        ("xyz", ["uk"], "there is uk"),
        ("xyz", [], "there is none yet"),
    ],
)
def test_the_nearest_name(wanted: str, known: list[str], hint: str) -> None:
    assert nearest(wanted, known) == hint
