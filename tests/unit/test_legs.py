"""Legs are known by their MAC address, also when one leaves while they are looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

import legs


def _interface(folder: Path, name: str, mac: str | None) -> None:
    (folder / name).mkdir()
    if mac is not None:
        (folder / name / "address").write_text(mac + "\n")


def test_legs_are_found_by_mac(tmp_path: Path) -> None:
    _interface(tmp_path, "eth0", "02:a1:b2:11:00:01")
    _interface(tmp_path, "eth1", "02:a1:b2:12:00:01")
    _interface(tmp_path, "leaving", None)
    assert legs.legs_by_mac(tmp_path) == {
        "02:a1:b2:11:00:01": "eth0",
        "02:a1:b2:12:00:01": "eth1",
    }


def test_every_leg_that_does_not_come_is_named() -> None:
    with pytest.raises(legs.LegsMissing, match=r"no interface for transit, uplink after 0 s"):
        legs.wait_for_legs({"uplink": "no mac", "transit": "none either"}, timeout=0)


def test_legs_that_are_there_are_not_waited_for() -> None:
    (mac, name), *_ = legs.legs_by_mac().items()
    assert legs.wait_for_legs({"lan": mac}, timeout=0) == {"lan": name}
