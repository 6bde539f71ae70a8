"""The time zone of the host, read through links that mean the host's own files."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.runtime import clock

BERLIN = next(p for base in TZPATH if (p := Path(base, "Europe/Berlin")).exists())
SUMMER = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A file system with one time zone, and /etc beside it."""
    zones = tmp_path / "usr/share/zoneinfo"
    zones.mkdir(parents=True)
    shutil.copy(BERLIN, zones / "Berlin")
    (tmp_path / "etc").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "link",
    [
        "/usr/share/zoneinfo/Berlin",
        "../usr/share/zoneinfo/Berlin",
        "/etc/../../usr/share/zoneinfo/Berlin",
    ],
)
def test_a_link_is_followed_inside_of_the_host(host: Path, link: str) -> None:
    (host / "etc/localtime").symlink_to(link)
    assert SUMMER.astimezone(clock.home_zone(host)).utcoffset() == timedelta(hours=2)


def test_a_link_in_the_middle_of_the_way_is_followed_inside_of_the_host(host: Path) -> None:
    (host / "opt").symlink_to("/usr/share/zoneinfo")
    (host / "etc/localtime").symlink_to("/opt/Berlin")
    assert SUMMER.astimezone(clock.home_zone(host)).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("content", [None, b"", b"TZif2 but no more", b"Europe/Berlin\n"])
def test_without_a_readable_zone_it_is_utc(host: Path, content: bytes | None) -> None:
    if content is not None:
        (host / "etc/localtime").write_bytes(content)
    assert clock.home_zone(host) is UTC


@settings(deadline=None)  # it writes files
@given(cut=st.integers(0, 3000), at=st.integers(0, 3000), byte=st.integers(0, 255))
def test_a_damaged_zone_is_utc_or_a_zone(
    tmp_path_factory: pytest.TempPathFactory, cut: int, at: int, byte: int
) -> None:
    content = bytearray(BERLIN.read_bytes()[: cut or None])
    content[at % len(content)] = byte
    root = tmp_path_factory.getbasetemp() / "damaged"
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc/localtime").write_bytes(content)
    zone = clock.home_zone(root)
    assert zone is UTC or isinstance(zone, ZoneInfo)
    assert SUMMER.astimezone(zone) == SUMMER


def test_a_zone_without_its_last_line_is_no_endless_one(host: Path) -> None:
    whole = BERLIN.read_bytes()
    (host / "etc/localtime").write_bytes(whole.removesuffix(b"\n"))
    assert clock.home_zone(host) is UTC


def test_links_in_a_circle_are_left(host: Path) -> None:
    (host / "etc/localtime").symlink_to("/etc/other")
    (host / "etc/other").symlink_to("localtime")
    assert clock.home_zone(host) is UTC


def test_the_machine_tells_its_run_and_its_uptime() -> None:
    first, second = clock.moment(), clock.moment()
    assert first.boot == second.boot != ""
    assert first.uptime <= second.uptime
    assert first.now.tzinfo is UTC
