"""What a backup would change, and whether all of it can be used, said before anything changes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from orchestrator.access import FILE as ACCESS
from orchestrator.access import Remembered
from orchestrator.added import Kept
from orchestrator.backup.contents import Contents
from orchestrator.backup.restoring import BESIDE
from orchestrator.backup.sealed import Unopened
from orchestrator.config import ConfigErrors, load
from orchestrator.config.load import FILE
from orchestrator.model import HostFacts
from orchestrator.store import State

_KINDS: Mapping[str, type[State | Remembered]] = {"state.json": State, ACCESS: Remembered}


@dataclass(frozen=True, slots=True)
class Preview:
    """`mistakes` of router.yaml on this machine; with any it is going to lie beside."""

    lines: tuple[str, ...]
    mistakes: tuple[str, ...] = ()


def look(new: Contents, there: Contents, facts: HostFacts | None) -> Preview:
    """Say what would change. Raises Unopened when what was remembered can't be used here."""
    _understand(new)
    mistakes = _mistakes(new, facts)
    lines = [f"made {new.made_at} by Manyways {new.version}"] if new.made_at else []
    lines += [_file(FILE, new.config, there.config, mistakes)]
    for name in sorted({*new.config, *there.config} - {FILE}):
        if new.config.get(name) != there.config.get(name):
            lines.append(_file(name, new.config, there.config))
    lines += [f"{what}: {_counts(new)[what]} (now {n})" for what, n in _counts(there).items()]
    return Preview(tuple(lines), mistakes)


def _file(
    name: str, new: Mapping[str, bytes], there: Mapping[str, bytes], mistakes: tuple[str, ...] = ()
) -> str:
    if mistakes:
        return f"{name}: does not fit this machine; it will lie beside, as {BESIDE}"
    if name not in new:
        return f"{name}: goes away"
    if name not in there:
        return f"{name}: comes new"
    return f"{name}: is " + ("the same" if new[name] == there[name] else "replaced")


def _mistakes(new: Contents, facts: HostFacts | None) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as name:
        for path, content in new.config.items():
            file = Path(name) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        try:
            load(Path(name), facts)
        except ConfigErrors as errors:
            return tuple(str(error) for error in errors.errors)
    return ()


def _understand(new: Contents) -> None:
    for name, content in new.state.items():
        kind: type[State | Remembered | Kept] | None = _KINDS.get(name)
        if name.startswith("added/"):
            kind = Kept
        try:
            if kind is not None:
                TypeAdapter(kind).validate_json(content)
        except ValidationError as error:
            raise Unopened(
                f"what was remembered ({name}) is not understood by this version of Manyways",
                f"the backup was made by version {new.version}",
            ) from error


def _counts(contents: Contents) -> dict[str, int]:
    found = {
        "devices": 0, "with a name": 0, "with a choice": 0,
        "VPNs added on the page": sum(name.startswith("added/") for name in contents.state),
        "leases": contents.state.get("run/dhcp/dnsmasq.leases", b"").count(b"\n"),
        "keys of programs": 0,
    }  # fmt: skip
    try:
        state = TypeAdapter(State).validate_json(contents.state.get("state.json", b""))
        found["devices"] = len(state.devices)
        found["with a name"] = sum(d.name is not None for d in state.devices)
        found["with a choice"] = sum(d.choice is not None for d in state.devices)
    except ValidationError:
        pass  # there is none
    try:
        access = TypeAdapter(Remembered).validate_json(contents.state.get(ACCESS, b""))
        found["keys of programs"] = len(access.tokens)
    except ValidationError:
        pass
    return found
