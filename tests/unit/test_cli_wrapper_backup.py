"""`orchestrator backup` and `restore` on the host: who asks, who writes, what Docker is told.

Told by a `docker` that plays the container and writes down its words and what it reads.
"""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

COMMAND = Path(__file__).parents[2] / "compose" / "orchestrator"
MISSING = "Error response from daemon: No such container: manyways-orchestrator"
MADE = "manyways-backup 1\nthe rest"
PLAYER = """#!/bin/sh
if [ "$1 $2" = "container inspect" ]; then
    case $4 in *State*) printf '%s\\n' "$INSPECTED" ;; *) printf '%s\\n' "$MOUNTED" ;; esac
    [ "$INSPECTED" = true ]
    exit
fi
printf '%s\\n' "$*" >>"$SAID"
case $* in
    *" orchestrator "*) cat >>"$READ"; printf '%s' "$PRINTS"; exit "$ENDS" ;;
esac
"""
RUN = "compose run --rm --no-deps --quiet-pull --no-TTY"


class Host(NamedTuple):
    folder: Path

    def run(
        self, *words: str, stdin: int = subprocess.DEVNULL, **more: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.folder}/programs:/usr/bin:/bin", "INSPECTED": "true",
            "MOUNTED": str(self.folder / "checkout"), "SAID": str(self.folder / "said"),
            "READ": str(self.folder / "read"), "PRINTS": MADE, "ENDS": "0", **more,
        }  # fmt: skip
        return subprocess.run(
            [self.folder / "checkout" / "compose" / "orchestrator", *words],
            env=environment, cwd=self.folder, stdin=stdin, capture_output=True, text=True,
            timeout=20, check=False,
        )  # fmt: skip

    def typing(self, text: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run with a terminal at which somebody types."""
        ours, theirs = pty.openpty()
        try:
            os.write(ours, text.encode())
            return self.run(*words, stdin=theirs, **more)
        finally:
            os.close(ours)
            os.close(theirs)

    @property
    def said(self) -> list[str]:
        said = self.folder / "said"
        return said.read_text().splitlines() if said.exists() else []

    @property
    def left(self) -> list[str]:
        known = {"checkout", "programs", "said", "read", "phrase"}
        return sorted(p.name for p in self.folder.iterdir() if p.name not in known)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "checkout" / "compose").mkdir(parents=True)
    shutil.copy(COMMAND, tmp_path / "checkout" / "compose" / "orchestrator")
    (tmp_path / "programs").mkdir()
    docker = tmp_path / "programs" / "docker"
    docker.write_text(PLAYER)
    docker.chmod(0o755)
    (tmp_path / "phrase").write_text("correct horse\nmore\n")
    return Host(tmp_path)


FROM_FILE = ("--passphrase-file", "phrase")


def test_a_backup_is_written_for_its_owner_only(host: Host) -> None:
    ran = host.run("backup", "my router", *FROM_FILE)
    assert ran.returncode == 0, ran.stderr
    assert (host.folder / "my router").read_text() == MADE
    assert (host.folder / "my router").stat().st_mode & 0o777 == 0o600
    assert (host.folder / "read").read_text() == "correct horse\n"
    assert host.said == [
        "exec --interactive --env MANYWAYS_DEBUG manyways-orchestrator orchestrator backup -"
    ]
    assert host.left == ["my router"]


def test_a_backup_needs_no_running_router(host: Host) -> None:
    ran = host.run("backup", "router", *FROM_FILE, INSPECTED=MISSING)
    assert ran.returncode == 0, ran.stderr
    assert host.said == [f"{RUN} orchestrator backup -"]


def test_the_passphrase_is_typed_twice_and_never_seen(host: Host) -> None:
    ran = host.typing("correct horse\ncorrect horse\n", "backup", "router")
    assert ran.returncode == 0, ran.stderr
    assert (host.folder / "read").read_text() == "correct horse\n"
    assert "correct" not in ran.stdout + ran.stderr + "".join(host.said)
    ran = host.typing("correct horse\ncorrect house\n", "backup", "other")
    assert (ran.returncode, host.left) == (1, ["router"])
    assert "two different" in ran.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["backup"], 64, "FILE is missing"),
        (["backup", "a", "b"], 64, "one FILE is enough"),
        (["backup", "a", "--passphrase", "x"], 64, "not understood"),
        (["backup", "a", "--passphrase-file"], 64, "needs a PATH"),
        (["backup", "a"], 64, "nobody can be asked"),
        (["backup", "a", "--passphrase-file", "/dev/null"], 1, "no passphrase"),
        (["backup", "programs", *FROM_FILE, "--force"], 1, "is a folder"),
        (["restore", "nowhere", *FROM_FILE], 1, "there is no file"),
        (["restore"], 64, "FILE is missing"),
    ],
)
def test_what_is_not_understood_does_nothing(
    host: Host, words: list[str], code: int, says: str
) -> None:
    ran = host.run(*words)
    assert (ran.returncode, host.said, host.left) == (code, [], [])
    assert says in ran.stderr


def test_a_file_is_only_replaced_by_force(host: Host) -> None:
    (host.folder / "old").write_text("mine")
    ran = host.run("backup", "old", *FROM_FILE)
    assert (ran.returncode, (host.folder / "old").read_text(), host.said) == (1, "mine", [])
    assert host.run("backup", "old", *FROM_FILE, "--force").returncode == 0
    assert (host.folder / "old").read_text() == MADE


@pytest.mark.parametrize(("prints", "ends"), [("", "0"), ("#1 building", "0"), (MADE, "1")])
def test_what_fails_inside_leaves_nothing(host: Host, prints: str, ends: str) -> None:
    ran = host.run("backup", "router", *FROM_FILE, PRINTS=prints, ENDS=ends)
    assert ran.returncode == 1
    assert host.left == []


def _restore_words(folder: Path, last: str) -> str:
    return (
        f"{RUN} --cap-add DAC_OVERRIDE --cap-add CHOWN --env MANYWAYS_CONFIG=/folder"
        f" --volume {folder}:/folder orchestrator restore {last}"
    )


def test_a_restore_is_shown_first_and_asked_for(host: Host) -> None:
    (host.folder / "kept").write_text(MADE)
    checkout = host.folder / "checkout"
    ran = host.typing("correct horse\nno\n", "restore", "kept", PRINTS="what changes")
    assert (ran.returncode, ran.stdout) == (64, "what changes")
    assert host.said == [_restore_words(checkout, "- --dry-run")]
    assert (host.folder / "read").read_text() == f"correct horse\n{MADE}"
    ran = host.typing("correct horse\ny\n", "restore", "kept")
    assert ran.returncode == 0, ran.stderr
    assert host.said[1:] == [
        _restore_words(checkout, "- --dry-run"), _restore_words(checkout, "-"),
        "kill manyways-orchestrator", "start manyways-orchestrator",
    ]  # fmt: skip


def test_a_restore_that_nobody_can_agree_to_changes_nothing(host: Host) -> None:
    (host.folder / "kept").write_text(MADE)
    ran = host.run("restore", "kept", *FROM_FILE)
    assert (ran.returncode, len(host.said)) == (64, 1)
    assert "--yes" in ran.stderr
    assert host.run("restore", "kept", *FROM_FILE, "--dry-run").returncode == 0
    assert len(host.said) == 2


def test_what_the_check_refuses_changes_nothing(host: Host) -> None:
    (host.folder / "kept").write_text(MADE)
    ran = host.run("restore", "kept", *FROM_FILE, "--yes", ENDS="1")
    assert (ran.returncode, len(host.said)) == (1, 1)


def test_on_a_new_machine_nothing_runs_yet(host: Host) -> None:
    (host.folder / "kept").write_text(MADE)
    ran = host.run("restore", "kept", *FROM_FILE, "--yes", INSPECTED=MISSING)
    assert ran.returncode == 0, ran.stderr
    assert len(host.said) == 2
    assert "orchestrator up" in ran.stderr


def test_a_restore_is_taken_back_without_a_passphrase(host: Host) -> None:
    ran = host.run("restore", "--back", "--yes")
    assert ran.returncode == 0, ran.stderr
    checkout = host.folder / "checkout"
    assert host.said[:2] == [
        _restore_words(checkout, "--back --dry-run"), _restore_words(checkout, "--back"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("true", "exec --interactive --env MANYWAYS_DEBUG manyways-orchestrator"),
        (MISSING, RUN),
    ],
)
def test_a_support_archive_asks_for_nothing(host: Host, state: str, said: str) -> None:
    docker = host.folder / "programs" / "docker"
    docker.write_text(docker.read_text().replace("'%s' \"$PRINTS\"", "'\\037\\213archive'"))
    ran = host.run("support", "report.tar.gz", INSPECTED=state)
    assert ran.returncode == 0, ran.stderr
    assert (host.folder / "report.tar.gz").read_bytes() == b"\x1f\x8barchive"
    said_ = f"{said} orchestrator support -"
    assert host.said == [said_]
    assert "look through it" in ran.stderr
    assert host.run("support", "report.tar.gz").returncode == 1


def test_a_support_archive_that_is_none_is_not_kept(host: Host) -> None:
    ran = host.run("support", "report.tar.gz", PRINTS="#1 building")
    assert (ran.returncode, host.left) == (1, [])
