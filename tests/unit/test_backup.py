"""A backup and its way back: nothing is lost, nothing is half, and nobody reads it by the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from orchestrator import keeping
from orchestrator.access import Access
from orchestrator.added import Kept
from orchestrator.backup import contents, restoring, sealed
from orchestrator.backup.sealed import Unopened
from orchestrator.documents import Document
from orchestrator.first_start import CHOSEN
from orchestrator.keeping import Folders, Unkept
from orchestrator.store import KnownDevice, State
from tests.profile_samples import sample

PHRASE = "correct horse"
ROUTER = """\
lan: {interfaces: [eth1], address: 192.168.77.1/24}
uplinks: {home: {interface: eth0}}
destinations:
  direct: {type: direct}
  uk: {type: openvpn, profile: uk.ovpn, credentials: uk-secret.txt}
"""


def _state(name: str) -> State:
    device = KnownDevice("02:00:00:00:00:01", 1, name=name, choice="uk")
    return State("beef", devices=(device,), slots={"uk": 1})


def _fill(folders: Folders, name: str) -> None:
    (folders.config / "profiles").mkdir(parents=True, exist_ok=True)
    (folders.config / "router.yaml").write_text(ROUTER + f"# {name}\n")
    (folders.config / "profiles" / f"{name}.ovpn").write_text(sample("nord-style") + f"# {name}\n")
    (folders.config / "profiles" / "uk.ovpn").write_text(sample("nord-style") + f"# {name}\n")
    (folders.config / "profiles" / f"{name}.txt").write_text(f"{name}\npassword\n")
    (folders.config / "uk-secret.txt").write_text(f"jane\n{name} password\n")
    Document(folders.state / "state.json", State).write(_state(name))
    kept = TypeAdapter(Kept).dump_json(Kept("nl", "2026-01-01", name, "joe", "pass"))
    (folders.state / "added").mkdir(exist_ok=True)
    (folders.state / "added" / "nl.json").write_bytes(kept)
    (folders.state / "run" / "dhcp").mkdir(parents=True, exist_ok=True)
    lease = f"2000000000 02:00:00:00:00:01 192.168.77.9 {name} *\n"
    (folders.state / "run" / "dhcp" / "dnsmasq.leases").write_text(lease)
    (folders.state / "activity.jsonl").write_text("{}\n")
    (folders.state / "rendered").mkdir(exist_ok=True)
    (folders.state / "rendered" / "rules.nft").write_text("made anew")
    Access(folders.state).make_token(name)


@pytest.fixture
def router(tmp_path: Path) -> Folders:
    folders = Folders(tmp_path / "config", tmp_path / "state")
    folders.config.mkdir()
    _fill(folders, "old")
    return folders


def _typed(content: bytes = b"", phrase: str = PHRASE) -> BytesIO:
    return BytesIO(phrase.encode() + b"\n" + content)


def _holds(folders: Folders) -> contents.Contents:
    found = contents.collect(folders.config, folders.state)
    return contents.Contents(found.config, found.state)


@pytest.fixture
def backup(router: Folders) -> bytes:
    """A backup of the old; the router has something new since."""
    made = keeping.back_up(router, _typed())
    for name in ("old.ovpn", "old.txt"):
        (router.config / "profiles" / name).unlink()
    _fill(router, "new")
    (router.state / "state.json.previous").write_text("{}")
    return made


def test_what_was_backed_up_comes_back_and_the_new_can_be_taken_back(
    router: Folders, backup: bytes
) -> None:
    new = _holds(router)
    opened = keeping.open_backup(_typed(backup))
    assert set(opened.config) == {
        "router.yaml", "uk-secret.txt", "profiles/old.ovpn", "profiles/old.txt", "profiles/uk.ovpn"
    }  # fmt: skip
    assert set(opened.state) == {
        "state.json", "access.json", "activity.jsonl", "added/nl.json", "run/dhcp/dnsmasq.leases"
    }  # fmt: skip
    _restore(router, opened)
    assert _holds(router) == contents.Contents(opened.config, opened.state)
    assert Document(router.state / "state.json", State).read().value == _state("old")
    assert not (router.state / "state.json.previous").exists()
    _restore(router, keeping.before(router))
    assert _holds(router) == new
    _restore(router, keeping.before(router))
    assert _holds(router) == contents.Contents(opened.config, opened.state)


def _restore(router: Folders, wanted: contents.Contents) -> None:
    assert not keeping.restore(wanted, router, None, dry_run=False).mistakes
    assert restoring.can_be_taken_in(router.config, router.state)
    restoring.take_in(router.state)
    assert not restoring.pending(router.state)
    assert not list(router.config.glob(".*"))


def test_what_was_chosen_without_a_router_yaml_is_one_when_it_comes_back(router: Folders) -> None:
    text = (router.config / "router.yaml").read_bytes()
    (router.config / "router.yaml").unlink()
    assert "router.yaml" not in contents.collect(router.config, router.state).config
    (router.state / CHOSEN).parent.mkdir()
    (router.state / CHOSEN).write_bytes(text)
    assert contents.collect(router.config, router.state).config["router.yaml"] == text


def test_nothing_of_a_backup_can_be_read_without_the_passphrase(backup: bytes) -> None:
    for word in (b"password", b"ovpn", b"router.yaml", b"jane", b"beef", b"client"):
        assert word not in backup
    with pytest.raises(Unkept, match="not the passphrase"):
        keeping.open_backup(_typed(backup, "correct horsf"))


def test_a_short_passphrase_is_refused(router: Folders) -> None:
    with pytest.raises(Unkept, match="shorter"):
        keeping.back_up(router, _typed(phrase="1234567"))
    with pytest.raises(Unkept, match="no passphrase"):
        keeping.back_up(router, BytesIO(b"\n"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda b: b[:-1], "cut off"),
        (lambda b: b[:300], "cut off"),
        (lambda b: b[:40], "damaged"),
        (lambda b: b[:0], "no backup"),
        (lambda b: b"PK\3\4" + b, "no backup"),
        (lambda b: b.replace(b"backup 1\n", b"backup 2\n", 1), "reads 1"),
        (lambda b: b[:-30] + bytes([b[-30] ^ 1]) + b[-29:], "damaged"),
        (lambda b: b + b"x", "damaged"),
        (lambda b: b.replace(b'"n": 65536', b'"n": 4294967296', 1), "damaged"),
        (lambda b: b.replace(b'"n": 65536', b'"n": "a"', 1), "damaged"),
    ],
)
def test_a_spoilt_file_is_said_to_be_one(
    backup: bytes, spoil: Callable[[bytes], bytes], says: str
) -> None:
    with pytest.raises(Unkept, match=says):
        keeping.open_backup(_typed(spoil(backup)))


def test_both_lines_of_the_head_are_authenticated() -> None:
    made = sealed.seal(b"content", PHRASE)
    head, _, _ = made.partition(b"}\n")
    with pytest.raises(Unopened, match="damaged"):
        sealed.unseal(made.replace(head, head.replace(b', "kdf"', b',  "kdf"') + b" ", 1), PHRASE)
    assert sealed.unseal(made, PHRASE) == b"content"


@pytest.mark.parametrize(
    ("folder", "name"),
    [("state", "../x"), ("config", "../../etc/passwd"), ("config", "compose.yaml"),
     ("state", "rendered/rules.nft"), ("config", "profiles/../x"), ("else", "x")],
)  # fmt: skip
def test_a_path_that_no_backup_has_is_refused(folder: str, name: str) -> None:
    files: dict[str, Any] = {"config": {}, "state": {}}
    strange = contents.Contents(**{**files, folder if folder != "else" else "state": {name: b""}})
    packed = contents.pack(strange)
    with pytest.raises(Unopened, match="not made by Manyways"):
        contents.unpack(packed)


def test_the_dry_run_tells_and_changes_nothing(router: Folders, backup: bytes) -> None:
    before = _tree(router)
    preview = keeping.restore(keeping.open_backup(_typed(backup)), router, None, dry_run=True)
    assert "router.yaml: is replaced" in preview.lines
    assert "profiles/new.ovpn: goes away" in preview.lines
    assert "profiles/old.ovpn: comes new" in preview.lines
    assert "with a choice: 1 (now 1)" in preview.lines
    assert not [line for line in preview.lines if "password" in line]
    assert _tree(router) == before


def _tree(folders: Folders) -> dict[str, bytes]:
    roots = (folders.config, folders.state)
    return {str(p): p.read_bytes() for root in roots for p in root.rglob("*") if p.is_file()}


def test_what_an_older_version_does_not_understand_is_refused_before_anything_changes(
    router: Folders,
) -> None:
    before = _tree(router)
    strange = contents.Contents({}, {"state.json": b'{"install": 7, "devices": "many"}'}, "x", "9")
    with pytest.raises(Unkept, match="not understood") as refused:
        keeping.restore(strange, router, None, dry_run=False)
    assert "version 9" in refused.value.hint
    assert _tree(router) == before


def test_a_router_yaml_that_does_not_fit_lies_beside(router: Folders, backup: bytes) -> None:
    opened = keeping.open_backup(_typed(backup))
    wrong = {**opened.config, "router.yaml": b"lann: {}\n"}
    preview = keeping.restore(contents.Contents(wrong, opened.state), router, None, dry_run=False)
    assert any("did you mean 'lan'?" in mistake for mistake in preview.mistakes)
    assert (router.config / "router.yaml").read_text().endswith("# new\n")
    assert (router.config / "router.yaml.restored").read_bytes() == b"lann: {}\n"
    assert (router.config / "profiles" / "old.ovpn").exists()
    assert restoring.can_be_taken_in(router.config, router.state)


class Cut(BaseException):
    """The power goes."""


@pytest.mark.timeout(120)  # some hundred restores
def test_the_power_may_go_at_any_moment(
    router: Folders, backup: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before each change of a name on the disk: what runs then is all old, or all new."""
    new, opened = _holds(router), keeping.open_backup(_typed(backup))
    old = contents.Contents(opened.config, opened.state)
    seen = set()
    # Nobody turns this disk off, and hundreds of waits for it take a minute.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(os, "sync", lambda: None)
    for moment in range(200):
        with monkeypatch.context() as power:
            power_goes_at(power, moment)
            try:
                keeping.restore(opened, router, None, dry_run=False)
                restoring.take_in(router.state)
                ended = True
            except Cut:
                ended = False
        # What the orchestrator does at its next start:
        if restoring.can_be_taken_in(router.config, router.state):
            restoring.take_in(router.state)
        last_good = bool(restoring.unfinished(router.config, router.state))
        now = _holds(router)
        assert now.state in (old.state, new.state)
        if not last_good:  # else the configuration in force is the one from before
            assert now == (old if now.state == old.state else new)
        else:
            assert now.state == new.state
        seen.add("last good" if last_good else "old" if now == old else "new")
        if ended:
            break
        # What a person had before is still there to take back, also now.
        if restoring.pending(router.state) or now != new:
            _restore(router, keeping.before(router))
        assert _holds(router) == new
    else:
        pytest.fail("the restore never came to an end")
    assert seen == {"old", "new", "last good"}
    assert _holds(router) == old


def power_goes_at(power: pytest.MonkeyPatch, moment: int) -> None:
    left = [moment]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            return real(*args, **more)

        return call

    for name in ("replace", "unlink", "mkdir", "rmdir"):
        power.setattr(os, name, counted(getattr(os, name)))


def test_nothing_is_sealed_twice_alike() -> None:
    one, other = sealed.seal(b"same", PHRASE), sealed.seal(b"same", PHRASE)
    assert one.splitlines()[1] != other.splitlines()[1]
    parameters = json.loads(one.splitlines()[1])
    assert parameters["n"] >= 2**15
