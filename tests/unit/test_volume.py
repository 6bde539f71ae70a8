"""The files below the state volume come back as they were written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from orchestrator.desired import MARKS_FILE
from orchestrator.runtime.volume import Volume


def test_files_are_those_that_are_rendered_without_the_marks(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    assert volume.files() == {}
    volume.write("rendered/router/rules.nft", "rules")
    volume.write(MARKS_FILE, "marks")
    volume.write("run/dhcp/dnsmasq.leases", "leases")
    (tmp_path / "rendered/router/.rules.nft.new").write_text("half")
    assert volume.files() == {"rendered/router/rules.nft": "rules"}
    assert volume.directories() == {"rendered/router", "run/dhcp"}
    volume.make_directory("run/egress-uk")
    volume.make_directory("run/egress-uk")
    assert "run/egress-uk" in volume.directories()
    volume.remove("rendered/router/rules.nft")
    volume.remove("rendered/router/rules.nft")
    assert volume.files() == {}


@pytest.mark.parametrize("content", ["", "a\r\nb\n", "a\rb", "é\n日本", "x" * 100_000])
def test_what_is_read_is_what_was_written(tmp_path: Path, content: str) -> None:
    volume = Volume(tmp_path)
    volume.write("rendered/egress-uk/client.ovpn", content)
    assert volume.read("rendered/egress-uk/client.ovpn") == content
    assert volume.files() == {"rendered/egress-uk/client.ovpn": content}


def test_profiles_and_credentials_are_for_root_only(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    modes = {}
    for name in ("rendered/egress-uk/credentials", "rendered/names/hosts"):
        volume.write(name, "x")
        modes[name] = stat.S_IMODE((tmp_path / name).stat().st_mode)
    assert list(modes.values()) == [0o600, 0o644]


def test_what_is_not_there_is_none_and_has_never_changed(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    assert (volume.read("nothing"), volume.changed_at("nothing")) == (None, 0)
    volume.write("something", "x")
    assert volume.changed_at("something") > 0


def test_what_was_told_is_remembered_by_container(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    volume.remember_told("router", {"rules.nft": "1"})
    volume.remember_told("dhcp", {"dnsmasq.conf": "2"})
    volume.remember_told("router", {"rules.nft": "3"})
    told = {"router": {"rules.nft": "3"}, "dhcp": {"dnsmasq.conf": "2"}}
    assert Volume(tmp_path).told() == told


@pytest.mark.parametrize("damage", ["", "{", "[]", "3", '{"router": 3}', "\0\0"])
def test_damaged_memory_of_what_was_told_is_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / "told.json").write_text(damage)
    volume = Volume(tmp_path)
    assert volume.told() == {}
    volume.remember_told("router", {"rules.nft": "1"})
    assert volume.told() == {"router": {"rules.nft": "1"}}
