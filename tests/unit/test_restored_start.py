"""What the orchestrator does at its start with what was restored: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from orchestrator import daemon
from orchestrator.backup.contents import collect
from orchestrator.backup.restoring import place, stage
from orchestrator.documents import Document
from orchestrator.model import ObservedContainer
from orchestrator.runtime.engine import EngineFailed
from orchestrator.store import State
from tests.unit.orchestra import ROUTER_YAML, Orchestra

LATER = ROUTER_YAML + "# later\n"


@pytest.fixture
def running(tmp_path: Path) -> Orchestra:
    orchestra = Orchestra(tmp_path)
    assert orchestra.service.up().errors == ()
    return orchestra


def _prepare(running: Orchestra) -> tuple[Path, Path]:
    """Lay a backup of now ready, after which both sides have changed."""
    config, state = running.config_folder, running.folder / "state"
    kept = collect(config, state)
    running.configure(LATER)
    running.switchboard.set_stopped(True)
    stage(kept, config, state, beside=False)
    return config, state


class _Engine:
    ended: ClassVar[list[str]] = []
    refuses = False

    def containers(self) -> tuple[ObservedContainer, ...]:
        return (ObservedContainer("manyways-router", "", True, ()),)

    def end(self, name: str, grace: int) -> bool:
        if self.refuses:
            raise EngineFailed("no")
        self.ended.append(name)
        return True


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> type[_Engine]:
    monkeypatch.setattr(daemon, "Engine", _Engine)
    monkeypatch.setattr(_Engine, "ended", [])
    return _Engine


def _stopped(state: Path) -> bool:
    read = Document(state / "state.json", State).read().value
    assert read is not None
    return read.stopped


def test_it_stops_the_router_and_takes_the_state_in(
    running: Orchestra, engine: type[_Engine]
) -> None:
    config, state = _prepare(running)
    place(config, beside=False)
    daemon._take_in_restored(config, state)
    assert engine.ended == ["manyways-router"]
    assert not _stopped(state)
    running.start()
    assert running.reconciler.config is None  # the last good one belonged to the old
    assert running.reconciler.reload() == ()
    daemon._take_in_restored(config, state)
    assert engine.ended == ["manyways-router"]


def test_it_takes_nothing_in_while_the_router_can_not_be_stopped(
    running: Orchestra, engine: type[_Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, state = _prepare(running)
    place(config, beside=False)
    monkeypatch.setattr(engine, "refuses", True)
    with pytest.raises(EngineFailed):
        daemon._take_in_restored(config, state)
    assert _stopped(state)


def test_interrupted_it_goes_on_with_the_last_good_configuration(
    running: Orchestra, engine: type[_Engine]
) -> None:
    config, state = _prepare(running)
    daemon._take_in_restored(config, state)
    assert engine.ended == []
    running.start()
    before = running.reconciler.config
    assert before is not None
    assert "restore was interrupted" in running.reconciler.reload()[0]
    assert running.reconciler.config == before
    assert _stopped(state)
