"""`orchestrator init` on the host: the container proposes, and the host's command writes the file.

Told by a `docker` that plays the container: what it prints, how it ends, and how long it takes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

COMMAND = Path(__file__).parents[2] / "compose" / "orchestrator"
MISSING = "Error response from daemon: No such container: manyways-orchestrator"
TEXT = "# Manyways: the configuration\nlan: {interfaces: [eth1]}\n"
# `container inspect` is asked for the state, and for the folder that is mounted at /config.
PLAYER = """#!/bin/sh
if [ "$1 $2" = "container inspect" ]; then
    case $4 in
        *State*) printf '%s\\n' "$INSPECTED" ;;
        *) printf '%s\\n' "$MOUNTED" ;;
    esac
    exit "$INSPECT_CODE"
fi
printf '%s\\n' "$*" >>"$SAID"
[ -z "$HANGS" ] || { : >"$HANGS"; read -r forever <"$HANGS.never"; }
printf '%s' "$PRINTS"
exit "$ENDS"
"""


class House(NamedTuple):
    """A checkout with the command in it, and a `docker` beside it."""

    checkout: Path
    programs: Path

    @property
    def file(self) -> Path:
        return self.checkout / "router.yaml"

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "INSPECTED": MISSING,
            "MOUNTED": "",
            "INSPECT_CODE": "1",
            "SAID": str(self.programs / "said"),
            "HANGS": "",
            "PRINTS": TEXT,
            "ENDS": "0",
            **more,
        }

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / "compose" / "orchestrator", *words],
            env=self.environment(**more), capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=20, check=False,
        )  # fmt: skip

    def said(self) -> str:
        return (self.programs / "said").read_text()

    def left(self) -> list[str]:
        return sorted(path.name for path in self.checkout.iterdir() if path.name != "compose")


@pytest.fixture
def house(tmp_path: Path) -> House:
    checkout, programs = tmp_path / "checkout", tmp_path / "programs"
    (checkout / "compose").mkdir(parents=True)
    shutil.copy(COMMAND, checkout / "compose" / "orchestrator")
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(PLAYER)
    docker.chmod(0o755)
    return House(checkout, programs)


def test_without_a_container_one_is_run_once_and_the_file_is_written(house: House) -> None:
    ran = house.run("init", "--yes")
    assert ran.returncode == 0, ran.stderr
    assert house.file.read_text() == TEXT
    assert house.file.stat().st_mode & 0o777 == 0o600
    assert house.left() == ["router.yaml"]
    assert house.said() == (
        "compose run --rm --no-deps --quiet-pull --no-TTY orchestrator init --yes\n"
    )
    assert "orchestrator up" in ran.stderr


def test_a_running_container_is_asked_and_its_own_folder_gets_the_file(
    house: House, tmp_path: Path
) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    ran = house.run("init", INSPECTED="true", MOUNTED=str(folder), INSPECT_CODE="0")
    assert ran.returncode == 0, ran.stderr
    assert (folder / "router.yaml").read_text() == TEXT
    assert house.left() == []
    assert "exec --interactive" in house.said()


def test_the_folder_of_the_environment_or_of_dot_env_is_used(house: House, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (house.checkout / ".env").write_text(f"MANYWAYS_CONFIG={tmp_path / 'one'}\n")
    assert house.run("init", "--yes").returncode == 0
    assert (tmp_path / "one" / "router.yaml").exists()
    assert house.run("init", "--yes", MANYWAYS_CONFIG=str(tmp_path / "two")).returncode == 0
    assert (tmp_path / "two" / "router.yaml").exists()


def test_an_existing_file_is_not_touched_and_nothing_is_asked(house: House) -> None:
    house.file.write_text("mine")
    ran = house.run("init", "--yes")
    assert ran.returncode == 1
    assert "--force" in ran.stderr
    assert house.file.read_text() == "mine"
    assert not (house.programs / "said").exists()


def test_with_force_the_old_file_stays_as_bak(house: House) -> None:
    house.file.write_text("mine")
    assert house.run("init", "--yes", "--force").returncode == 0
    assert house.file.read_text() == TEXT
    assert (house.checkout / "router.yaml.bak").read_text() == "mine"


def test_what_fails_in_the_container_leaves_nothing(house: House) -> None:
    ran = house.run("init", "--yes", PRINTS="", ENDS="1")
    assert ran.returncode == 1
    assert house.left() == []


def test_with_force_what_fails_leaves_the_old_file(house: House) -> None:
    house.file.write_text("mine")
    assert house.run("init", "--force", ENDS="64").returncode == 64
    assert house.file.read_text() == "mine"
    assert house.left() == ["router.yaml"]


def test_what_a_build_says_is_not_part_of_the_file(house: House) -> None:
    assert house.run("init", "--yes", PRINTS=f"#1 building\n#2 done\n{TEXT}").returncode == 0
    assert house.file.read_text() == TEXT
    house.file.unlink()
    ran = house.run("init", "--yes", PRINTS="#1 building\n")
    assert ran.returncode == 1
    assert house.left() == []


def test_a_folder_that_is_not_there_is_named(house: House) -> None:
    ran = house.run("init", MANYWAYS_CONFIG="/nowhere/at/all")
    assert ran.returncode == 1
    assert "/nowhere/at/all" in ran.stderr


def test_an_interrupt_leaves_nothing(house: House) -> None:
    waiting = house.programs / "waiting"
    os.mkfifo(waiting)
    os.mkfifo(f"{waiting}.never")
    with subprocess.Popen(
        [house.checkout / "compose" / "orchestrator", "init"],
        env=house.environment(HANGS=str(waiting)), stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    ) as process:  # fmt: skip
        with waiting.open("rb") as opened:
            opened.read()  # the container is at its first question
        assert house.left() != []
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 130
    assert house.left() == []


def test_help_is_the_programs_own(house: House) -> None:
    house.run("init", "--help")
    assert house.said().endswith("orchestrator init --help\n")
    assert house.left() == []


def test_doctor_runs_without_the_daemon(house: House) -> None:
    house.run("doctor", "--hardware")
    assert house.said().splitlines() == [
        "compose version",
        "compose run --rm --no-deps --quiet-pull --no-TTY orchestrator doctor --hardware",
    ]


def test_doctor_names_a_missing_compose_plugin(house: House) -> None:
    ran = house.run("doctor", ENDS="1")
    assert ran.returncode == 2
    assert "no compose plugin" in ran.stderr
