"""The host's command: which words it gives to Docker, told by a `docker` that writes them down.

What Docker then does with them is shown where the whole router runs.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

COMMAND = Path(__file__).parents[2] / "compose" / "orchestrator"
RECORDER = """#!/bin/sh
if [ "$1 $2" = "container inspect" ]; then
    printf '%s\\n' "$INSPECTED"
    exit "$INSPECT_CODE"
fi
printf '%s|%s|%s\\n' "$PWD" "${MANYWAYS_CONFIG:-}" "$*"
case $* in *--interactive*) cat ;; esac
"""
MISSING = "Error response from daemon: No such container: manyways-orchestrator"


class Host(NamedTuple):
    programs: Path

    def run(self, inspected: str, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "INSPECTED": inspected,
            "INSPECT_CODE": "0" if inspected in ("true", "false") else "1",
        }
        return subprocess.run(
            [COMMAND, *words], env=environment, cwd=self.programs, capture_output=True, text=True,
            input=typed, timeout=20, check=False,
        )  # fmt: skip

    def docker(self, inspected: str, *words: str) -> tuple[str, str, str]:
        """The directory, MANYWAYS_CONFIG and the words with which docker was called."""
        ran = self.run(inspected, *words)
        assert ran.returncode == 0, ran.stderr
        directory, config, said = ran.stdout.strip().split("|")
        return directory, config, said


@pytest.fixture
def host(tmp_path: Path) -> Host:
    recorder = tmp_path / "docker"
    recorder.write_text(RECORDER)
    recorder.chmod(0o755)
    return Host(tmp_path)


def test_enters_the_running_container_without_a_terminal(host: Host) -> None:
    _, _, said = host.docker("true", "assign", "my tv", "uk")
    assert said == (
        "exec --env MANYWAYS_DEBUG --env NO_COLOR"
        " manyways-orchestrator orchestrator assign my tv uk"
    )


@pytest.mark.parametrize("state", ["false", MISSING])
def test_nothing_runs(host: Host, state: str) -> None:
    ran = host.run(state, "status")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "not running" in ran.stderr
    assert "orchestrator up" in ran.stderr


def test_up_starts_it_from_the_checkout(host: Host) -> None:
    directory, _, said = host.docker(MISSING, "up")
    assert (directory, said) == (str(COMMAND.parents[1]), "compose up --detach")


def test_up_starts_a_stopped_one_with_the_configuration_that_it_has(host: Host) -> None:
    _, _, said = host.docker("false", "up")
    assert said == "start manyways-orchestrator"


ADD = "exec --interactive --env MANYWAYS_DEBUG --env NO_COLOR manyways-orchestrator orchestrator"


@pytest.mark.parametrize(
    ("words", "said", "sent"),
    [
        (["NL 1.ovpn"], "add-vpn - --name NL 1.ovpn", "client\n"),
        (["--user", "jane", "NL 1.ovpn"], "add-vpn --user jane - --name NL 1.ovpn",
         "hunter 2\\\nclient\n"),
        (["NL 1.ovpn", "--name=nl", "--user=jane", "--json"],
         "add-vpn - --name=nl --user=jane --json", "hunter 2\\\nclient\n"),
        (["--name", "NL 1.ovpn", "NL 1.ovpn"], "add-vpn --name NL 1.ovpn -", "client\n"),
        (["-", "--name", "nl", "--user", "jane"], "add-vpn - --name nl --user jane",
         "hunter 2\\\nthe rest\n"),
    ],
)  # fmt: skip
def test_a_profile_of_the_host_goes_in_by_standard_input_behind_the_password(
    host: Host, words: list[str], said: str, sent: str
) -> None:
    (host.programs / "NL 1.ovpn").write_text("client\n")
    ran = host.run("true", "add-vpn", *words, typed="hunter 2\\\nthe rest\n")
    assert (ran.returncode, ran.stderr) == (0, "")
    called, _, content = ran.stdout.partition("\n")
    assert called.split("|")[2] == f"{ADD} {said}"
    assert content == sent


@pytest.mark.parametrize("words", [["nowhere.ovpn"], ["."]])
def test_a_profile_that_is_not_there(host: Host, words: list[str]) -> None:
    ran = host.run("true", "add-vpn", *words)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"there is no file '{words[0]}'" in ran.stderr


def test_add_vpn_without_a_file_is_explained_inside(host: Host) -> None:
    _, _, said = host.docker("true", "add-vpn", "--user", "jane")
    assert said.endswith("orchestrator add-vpn --user jane")


def test_check_needs_no_daemon(host: Host) -> None:
    _, _, said = host.docker(MISSING, "check", "--json")
    assert said == "compose run --rm --no-deps --quiet-pull --no-TTY orchestrator check --json"


@pytest.mark.parametrize("state", ["true", MISSING])
@pytest.mark.parametrize("words", [["--config", "new"], ["--config=new"]])
def test_check_reads_a_folder_of_the_host(host: Host, state: str, words: list[str]) -> None:
    (host.programs / "new").mkdir()
    _, config, said = host.docker(state, "check", *words)
    assert config == str(host.programs / "new")
    assert said.endswith("orchestrator check")


def test_a_folder_that_is_not_there(host: Host) -> None:
    ran = host.run("true", "check", "--config", "nowhere")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "there is no folder 'nowhere'" in ran.stderr


@pytest.mark.parametrize("words", [[], ["--help"], ["assign", "-h"]])
def test_help_needs_no_daemon(host: Host, words: list[str]) -> None:
    _, _, said = host.docker(MISSING, *words)
    assert said.endswith(" ".join(["orchestrator", *words]))


def test_a_second_daemon_is_refused(host: Host) -> None:
    ran = host.run("true", "run")
    assert (ran.returncode, ran.stdout) == (64, "")


def test_docker_is_broken(host: Host) -> None:
    ran = host.run("Cannot connect to the Docker daemon", "status")
    assert ran.returncode == 2
    assert "is its daemon running" in ran.stderr


def test_docker_is_missing(tmp_path: Path) -> None:
    for program in ("sh", "dirname", "readlink"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    ran = subprocess.run(
        [COMMAND, "status"], env={"PATH": str(tmp_path)}, capture_output=True, text=True,
        timeout=20, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "Docker is not installed" in ran.stderr


def test_it_works_through_a_link(host: Host) -> None:
    link = host.programs / "manyways"
    link.symlink_to(COMMAND)
    ran = subprocess.run(
        [link, "up"],
        env={**os.environ, "PATH": f"{host.programs}:/usr/bin:/bin", "INSPECTED": MISSING,
             "INSPECT_CODE": "1"},
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    assert ran.stdout.startswith(f"{COMMAND.parents[1]}|")
