"""`orchestrator upgrade`: what is built, checked, changed and taken back, told by a `docker` that
plays an engine: its images are files, and what runs is a file, too.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

COMPOSE = Path(__file__).parents[2] / "compose"
ROLES = ("orchestrator", "router")
PLAYER = """#!/bin/sh
cd "$WORLD"
printf '%s %s\\n' "${MANYWAYS_TAG:-}" "$*" >>said
case "$*" in
    "container inspect"*State*) echo true ;;
    "container inspect"*Mounts*) echo "$FOLDER" ;;
    "container inspect"*Image*) echo "manyways/orchestrator:$(cat running)" ;;
    "compose config --images")
        for role in orchestrator router; do echo "manyways/$role:$MANYWAYS_TAG"; done ;;
    "compose build"*)
        [ ! -e breaks-build ] || exit 1
        for role in orchestrator router; do : >"images/$role:$MANYWAYS_TAG"; done
        [ ! -e loses-image ] || rm images/router:* ;;
    "image inspect"*) [ -e "images/${3#manyways/}" ] ;;
    "image ls"*) for image in images/*; do echo "manyways/${image#images/}"; done ;;
    "image rm"*) rm "images/${3#manyways/}" ;;
    "compose run"*check*) echo "config: $MANYWAYS_CONFIG"; [ ! -e breaks-check ] ;;
    "compose up"*) [ ! -e breaks-up ] || exit 1; echo "$MANYWAYS_TAG" >running ;;
    "exec"*status*)
        case $(cat running) in 0.1.0) exit "$(cat health)" ;; *) exit "$(cat new-health)" ;; esac ;;
    "exec"*plan*) cat plan ;;
    "logs"*) echo "what it said" ;;
esac
"""


class World(NamedTuple):
    root: Path

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.root}/programs:/usr/bin:/bin", "WORLD": str(self.root),
            "FOLDER": str(self.root / "settings"), "MANYWAYS_UPGRADE_PAUSE": "0.05", **more,
        }  # fmt: skip
        return subprocess.run(
            [self.root / "checkout" / "compose" / "orchestrator", "upgrade", *words],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
            check=False,
        )  # fmt: skip

    def put(self, name: str, text: str = "") -> None:
        (self.root / name).write_text(text)

    @property
    def running(self) -> str:
        return (self.root / "running").read_text().strip()

    @property
    def env(self) -> Path:
        return self.root / "checkout" / ".env"

    @property
    def said(self) -> str:
        return (self.root / "said").read_text()

    @property
    def images(self) -> list[str]:
        return sorted(path.name for path in (self.root / "images").iterdir())


@pytest.fixture
def world(tmp_path: Path) -> World:
    for name in ("checkout/compose", "programs", "images", "settings"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("orchestrator", "upgrade"):
        shutil.copy(COMPOSE / name, tmp_path / "checkout" / "compose" / name)
    docker = tmp_path / "programs" / "docker"
    docker.write_text(PLAYER)
    docker.chmod(0o755)
    world = World(tmp_path)
    for role in ROLES:
        world.put(f"images/{role}:0.1.0")
    world.put("running", "0.1.0\n")
    world.put("health", "0")
    world.put("new-health", "0")
    world.put("plan", '{\n  "actions": []\n}\n')
    return world


def test_an_upgrade_and_the_way_back(world: World) -> None:
    world.env.write_text("OTHER=1\nMANYWAYS_TAG=0.1.0\nLAST=2")
    ran = world.run()
    assert ran.returncode == 0, ran.stderr
    new = world.running
    assert new.startswith("u2")
    assert world.env.read_text() == (
        f"OTHER=1\nLAST=2\nMANYWAYS_TAG={new}\nMANYWAYS_TAG_BEFORE=0.1.0\n"
    )
    assert f"config: {world.root / 'settings'}" in ran.stderr
    said = world.said.splitlines()
    order = [
        next(i for i, line in enumerate(said) if f"{new} compose {word}" in line)
        for word in ("build", "config", "run", "up")
    ]
    assert order == sorted(order)
    ran = world.run("--back")
    assert ran.returncode == 0, ran.stderr
    assert world.running == "0.1.0"
    assert world.env.read_text().endswith(f"MANYWAYS_TAG=0.1.0\nMANYWAYS_TAG_BEFORE={new}\n")
    assert world.said.count("compose build") == 1


@pytest.mark.parametrize("trouble", ["breaks-build", "loses-image", "breaks-check"])
def test_what_is_wrong_before_changes_nothing(world: World, trouble: str) -> None:
    world.put(trouble)
    ran = world.run()
    assert ran.returncode == 1
    assert "nothing was changed" in ran.stderr
    assert (world.running, world.env.exists()) == ("0.1.0", False)
    assert "compose up" not in world.said


@pytest.mark.parametrize(
    ("health", "new", "plan"),
    [("0", "1", "[]"), ("0", "2", "[]"), ("1", "2", "[]"), ("0", "0", '[{"verb": "create"}]')],
)
def test_what_does_not_become_well_goes_back_by_itself(
    world: World, health: str, new: str, plan: str
) -> None:
    world.put("health", health)
    world.put("new-health", new)
    world.put("plan", f'{{"actions": {plan}}}')
    ran = world.run("--wait", "1")
    assert ran.returncode == 1
    assert world.running == "0.1.0"
    assert "MANYWAYS_TAG=0.1.0\n" in world.env.read_text()
    assert "what it said" in ran.stderr
    assert len(world.images) == 4  # somebody may want to look


def test_a_router_that_was_degraded_may_stay_so(world: World) -> None:
    world.put("health", "1")
    world.put("new-health", "1")
    assert world.run().returncode == 0


def test_only_images_of_older_upgrades_go(world: World) -> None:
    for tag in ("u20200101-000000", "mine"):
        world.put(f"images/router:{tag}")
    assert world.run().returncode == 0
    assert world.images == sorted(
        [f"{role}:{tag}" for role in ROLES for tag in ("0.1.0", world.running)] + ["router:mine"]
    )


def test_nothing_to_go_back_to(world: World) -> None:
    ran = world.run("--back")
    assert ran.returncode == 1
    assert "no upgrade" in ran.stderr
    assert "compose up" not in world.said


@pytest.mark.parametrize("words", [["--wait"], ["--wait", "x"], ["--bck"]])
def test_words_that_are_not_understood(world: World, words: list[str]) -> None:
    ran = world.run(*words)
    assert ran.returncode == 64
    assert "compose" not in world.said


def test_a_tag_of_the_environment_would_count_more(world: World) -> None:
    ran = world.run(MANYWAYS_TAG="mine")
    assert ran.returncode == 1
    assert "unset MANYWAYS_TAG" in ran.stderr
