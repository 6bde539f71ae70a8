"""The decisions of compose/setup that do not need a fresh machine: its functions, one by one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "compose" / "setup"


def sh(script: str) -> subprocess.CompletedProcess[str]:
    """Run shell lines after the set-up's definitions."""
    return subprocess.run(
        ["/bin/sh", "-c", f'. "{SETUP}"\nLOG=/dev/null\n{script}'],
        env={**os.environ, "MANYWAYS_SETUP_SOURCED": "1"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        ("26.1.5+dfsg1", True),
        ("29.0.1", True),
        ("100.0", True),
        ("25.0.5", False),
        ("20.10.24+dfsg1", False),
        ("", False),
        ("dev", False),
    ],
)
def test_engine_versions(version: str, accepted: bool) -> None:
    assert (sh(f'recent "{version}"').returncode == 0) is accepted


def test_a_32_bit_system_is_refused_with_advice() -> None:
    answer = sh("dpkg() { echo armhf; }; id() { echo 0; }; check_machine")
    assert answer.returncode == 1
    assert "this system is armhf; Manyways needs a 64-bit one" in answer.stderr
    assert "install the 64-bit Raspberry Pi OS" in answer.stderr


def test_a_person_who_is_not_root_is_told_what_to_say() -> None:
    answer = sh("id() { echo 1000; }; MAKE_GOAL=demo; check_machine")
    assert answer.returncode == 1
    assert "sudo make demo" in answer.stderr


@pytest.mark.parametrize(("codename", "suite"), [("bookworm", "/trixie"), ("trixie", "")])
def test_debian_12_takes_the_engine_from_13(codename: str, suite: str) -> None:
    words = sh(f"codename={codename}; engine_packages").stdout.split()
    assert f"docker.io{suite}" in words
    assert f"docker-compose{suite}" in words
    assert "iptables" in words


def test_another_distribution_without_docker_is_told_what_to_install() -> None:
    answer = sh("codename=noble; install_engine")
    assert answer.returncode == 1
    assert "Install Docker Engine 26 or newer with its compose plugin" in answer.stderr


def test_an_old_engine_that_runs_containers_is_not_upgraded() -> None:
    answer = sh(
        "version=20.10.24; installed() { :; }; docker_() { echo 0123456789ab; }\n"
        "install_engine_packages() { echo UPGRADED; }; replace_old_engine"
    )
    assert answer.returncode == 1
    assert "runs containers" in answer.stderr
    assert "UPGRADED" not in answer.stdout


def test_the_mirror_is_read_from_a_mirror_list(tmp_path: Path) -> None:
    listing = tmp_path / "debian.list"
    listing.write_text(
        "# the mirrors\nhttp://mirror.example/debian\tpriority:1\nhttp://b.example/\n"
    )
    assert sh(f"plain_uri mirror+file:{listing}/").stdout == "http://mirror.example/debian\n"
    assert sh("plain_uri http://c.example/debian/").stdout == "http://c.example/debian/\n"


def test_unknown_words_are_answered_with_the_usage() -> None:
    answer = subprocess.run(
        [SETUP, "--fast"], capture_output=True, text=True, timeout=20, check=False
    )
    assert answer.returncode == 2
    assert "compose/setup --tests" in answer.stderr
