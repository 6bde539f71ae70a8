"""What holds the files of the repository together, where no other tool would see a slip."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import orchestrator

REPOSITORY = Path(__file__).parents[2]
LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_pins_by_hash_and_names_no_place(lock: Path) -> None:
    text = lock.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line
        assert "/" not in line, line


def test_the_services_share_the_versions_that_the_tests_run_with() -> None:
    pin = re.compile(r"^[a-z0-9.-]+==\S+", re.MULTILINE)
    pins = {lock.name: set(pin.findall(lock.read_text())) for lock in LOCKS}
    assert pins["orchestrator.txt"] | pins["webui.txt"] <= pins["dev.txt"]


def test_the_images_are_tagged_with_the_version() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["image"] == f"manyways/{name}:${{MANYWAYS_TAG:-{orchestrator.__version__}}}"


def test_compose_starts_the_orchestrator_alone() -> None:
    started = [name for name, service in COMPOSE["services"].items() if service.get("scale") != 0]
    assert started == ["orchestrator"]


def test_the_orchestrator_is_not_privileged() -> None:
    service = COMPOSE["services"]["orchestrator"]
    assert "privileged" not in service
    assert service["network_mode"] == "none"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert set(service["cap_add"]) == {
        *("SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"),
        *("NET_ADMIN", "NET_RAW"),
    }
