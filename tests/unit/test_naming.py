"""What devices are called: any name that a person likes, and a label that DNS likes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from orchestrator import naming
from orchestrator.refusal import Refused
from orchestrator.store import State, settle
from tests.homes import HOME, LAPTOP, NEW, PHONE, TV
from tests.unit.test_store import LABEL

MADE = "f0:18:98:12:ab:cd"


def _maker(mac: str) -> str:
    return "Apple" if mac == MADE else ""


def _named(mac: str, name: str, hostnames: dict[str, str] | None = None) -> State:
    state = settle(HOME, NEW, hostnames or {mac: ""})
    device = state.device(mac)
    assert device is not None
    return state.with_device(replace(device, name=name))


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Grandma's iPad", "grandmas-ipad"),
        ("Grandma’s iPad", "grandmas-ipad"),
        ("Küche", "kuche"),
        ("Straße & Hof", "strasse-hof"),
        ("Ｗｉｄｅ　ＴＶ", "wide-tv"),
        ("kitchen-tv", "kitchen-tv"),
        ("电视", "device-000003"),
        ("👨‍👩‍👧", "device-000003"),
        ("--", "device-000003"),
    ],
)
def test_the_label_of_a_title(title: str, label: str) -> None:
    state = _named(PHONE, naming.checked_title(title))
    assert naming.names(HOME, state)[PHONE] == label
    assert naming.titles(HOME, state, _maker)[PHONE] == title.replace("\u3000", " ")


def test_a_title_is_the_best_that_is_known() -> None:
    hostnames = {LAPTOP: "Annas\x1b[2J-\u202eMac\nBook", PHONE: "", MADE: ""}
    state = settle(HOME, NEW, hostnames)
    assert naming.titles(HOME, state, _maker) == {
        TV: "tv",
        LAPTOP: "Annas [2J- Mac Book",
        PHONE: "Device 00:03",
        MADE: "Apple device",
    }
    said = settle(HOME, NEW, {LAPTOP: "x" * 63})
    assert naming.titles(HOME, said, _maker)[LAPTOP] == "x" * 39 + "…"


def test_a_made_up_address_has_no_maker() -> None:
    state = settle(HOME, NEW, {PHONE: ""})
    assert naming.titles(HOME, state, lambda _mac: "Liar")[PHONE] == "Device 00:03"
    assert [naming.is_private(mac) for mac in (PHONE, MADE, "0a" + MADE[2:])] == [True, False, True]


def test_one_spelling_for_what_looks_alike() -> None:
    assert naming.checked_title("  Ku\u0308che   links ") == "Küche links"
    state = _named(PHONE, "Küche")
    for same in ("küche", "KU\u0308CHE", "Kuche", "Kü\u200dche", "Ｋüche"):
        with pytest.raises(Refused, match="is taken"):
            naming.check_free(HOME, state, _maker, LAPTOP, same)
    naming.check_free(HOME, state, _maker, PHONE, "küche")
    naming.check_free(HOME, state, _maker, LAPTOP, "电视")


def test_a_typed_title_is_found_before_what_a_device_says_itself() -> None:
    state = _named(PHONE, "Grandma's iPad", {PHONE: "", LAPTOP: "grandma's ipad"})
    (found,) = naming.by_title(HOME, state, _maker, "GRANDMA'S IPAD")
    assert found.mac == PHONE
    doubtful = settle(HOME, NEW, {PHONE: "iPhone", LAPTOP: "iphone"})
    assert len(naming.by_title(HOME, doubtful, _maker, "iPhone")) == 2


def test_a_state_from_before_titles_is_read_unchanged() -> None:
    old = {"mac": LAPTOP, "number": 1, "name": "x" * 63, "choice": "uk", "generation": 4}
    document = {"install": "a1b2", "devices": [old], "slots": {"uk": 1}, "uplinks": {}}
    state = TypeAdapter(State).validate_python(document)
    home = replace(HOME, devices=())
    assert naming.names(home, state) == {LAPTOP: "x" * 63}
    assert naming.titles(home, state, _maker) == {LAPTOP: "x" * 63}
    device = state.devices[0]
    assert (device.kind, device.timer, device.dismissed) == (None, None, False)
    assert (state.retired, state.left_leases) == ({}, {})
    written = TypeAdapter(State).dump_json(replace(state, retired={7: 3}))
    assert TypeAdapter(State).validate_json(written).retired == {7: 3}


@given(st.lists(st.text(max_size=45), max_size=6))
def test_any_titles_make_unique_labels_and_single_lines(wanted: list[str]) -> None:
    macs = [f"02:00:00:00:01:{n:02x}" for n in range(len(wanted))]
    state = settle(HOME, NEW, dict.fromkeys(macs, "tv"))
    for mac, text in zip(macs, wanted, strict=True):
        device = state.device(mac)
        assert device is not None
        try:
            title = naming.checked_title(text)
            naming.check_free(HOME, state, _maker, mac, title)
        except Refused:
            continue
        assert title == naming.checked_title(title)
        assert 0 < len(title) <= naming.LONGEST_TITLE
        assert len(title.splitlines()) == 1
        state = state.with_device(replace(device, name=title))
    labels = naming.names(HOME, state)
    assert len(set(labels.values())) == len(labels)
    assert all(LABEL.fullmatch(label) for label in labels.values())
    for mac in macs:
        device = state.device(mac)
        if device is not None and device.name:
            assert naming.by_title(HOME, state, _maker, device.name) == [device]


@given(st.text(max_size=300))
def test_whatever_a_device_says_is_shown_as_one_short_line(text: str) -> None:
    line = naming.shown(text)
    assert len(line) <= naming.LONGEST_TITLE
    assert line.isprintable()
