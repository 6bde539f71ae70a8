"""The archive for a bug report: every kind of secret is put where it may stand, and looked for.

The archive is searched byte by byte, unpacked, names of files included.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from orchestrator.access import Access
from orchestrator.added import Kept
from orchestrator.backup.contents import Contents, collect
from orchestrator.documents import Document
from orchestrator.store import KnownDevice, State
from orchestrator.support import archive, files
from orchestrator.support.redact import Redactor

MAC = "3c:07:54:a1:b2:c3"
SECRETS = {
    "wifi passphrase": "Marked-wifi-phrase",
    "second passphrase": "Marked, with: 'quotes\"",
    "credentials user": "marked-user-name",
    "credentials password": "Marked pass word",
    "inline key": "TWFya2VkIGlubGluZSBrZXk",
    "key file": "TWFya2VkIGtleSBmaWxl",
    "certificate": "TWFya2VkIGNlcnRpZmljYXRl",
    "added user": "marked-added-user",
    "added password": "marked-added-password",
    "added key": "TWFya2VkIGFkZGVkIGtleQ",
    "comment": "marked-comment-password",
    "unknown directive": "marked-argument",
    "short password": "Zq7",
}
NAMES = {
    "ssid": "Marked Villa",
    "configured device": "marked-printer",
    "device": "Marked Müller's iPad",
    "label": "marked-mullers-ipad",
    "hostname": "Marked-Phone",
    "gone device": "Marked Gone",
    "server": "vpn.marked.example",
    "machine": "marked-machine",
    "public address": "81.2.69.142",
    "public ipv6": "2a02:6b8::1234",
}

HALVES = ("a1:b2:c3", "a1b2c3", "a1:b2c3", "b2:c3")  # of the MAC address


@pytest.fixture
def found(tmp_path: Path) -> Contents:
    """A router with a marked secret in every place that can hold one."""
    config, state = tmp_path / "config", tmp_path / "state"
    (config / "profiles").mkdir(parents=True)
    quoted = json.dumps(SECRETS["second passphrase"])
    (config / "router.yaml").write_text(f"""\
# {SECRETS["comment"]}
lan: {{interfaces: [eth1], address: 192.168.77.1/24}}
wifi:
  country: GB
  networks:
    - {{ssid: {NAMES["ssid"]}, passphrase: {SECRETS["wifi passphrase"]}}}
    - {{ssid: other, passphrase: {quoted}}}
devices: [{{name: {NAMES["configured device"]}, mac: "{MAC}"}}]
""")
    profile = """\
client
# {comment}
remote {server} 1194 udp
remote {address} 443 tcp
strange-word {argument}
auth-user-pass
<key>
-----BEGIN PRIVATE KEY-----
{key}
-----END PRIVATE KEY-----
</key>
"""
    words = {
        "comment": SECRETS["comment"],
        "server": NAMES["server"],
        "address": NAMES["public address"],
        "argument": SECRETS["unknown directive"],
    }
    text = profile.format(key=SECRETS["inline key"], **words)
    (config / "profiles" / "uk.ovpn").write_text(text)
    login = f"{SECRETS['credentials user']}\n{SECRETS['credentials password']}\n"
    (config / "profiles" / "uk.txt").write_text(login)
    (config / "profiles" / "pin.txt").write_text(f"joe\n{SECRETS['short password']}\n")
    for name in ("key file", "certificate"):
        pem = f"-----BEGIN X-----\n{SECRETS[name]}\n-----END X-----\n"
        (config / "profiles" / f"{name}.pem").write_text(pem)
    device = KnownDevice(MAC, 1, hostname=NAMES["hostname"], name=NAMES["device"], choice="uk")
    Document(state / "state.json", State).write(State("beef", devices=(device,)))
    added = profile.format(key=SECRETS["added key"], **words)
    kept = Kept("nl", "2026-01-01", added, SECRETS["added user"], SECRETS["added password"])
    (state / "added").mkdir()
    (state / "added" / "nl.json").write_bytes(TypeAdapter(Kept).dump_json(kept))
    event = {"kind": "switched", "device": NAMES["gone device"], "mac": MAC}
    (state / "activity.jsonl").write_text(json.dumps(event) + "\n")
    return collect(config, state)


def _everything(raw: bytes) -> str:
    plain = gzip.decompress(raw)
    with tarfile.open(fileobj=io.BytesIO(plain)) as opened:
        assert "manyways-support/README.txt" in opened.getnames()
    return plain.decode(errors="replace")


def test_no_secret_and_no_name_is_in_the_archive(found: Contents, tmp_path: Path) -> None:
    access = Access(tmp_path / "state")
    token = access.make_token("program")["secret"]
    access.set_password("marked-page-password", "", "x")
    found = Contents(found.config, collect(tmp_path / "config", tmp_path / "state").state)
    hidden = json.loads(found.state["access.json"])
    secrets = [
        *SECRETS.values(), token, hidden["page_key"], hidden["password"]["hash"],
        hidden["password"]["salt"],
    ]  # fmt: skip
    # Logs and dumps: each secret and each name as programs may write it.
    log = "\n".join(
        form
        for word in (*secrets, *NAMES.values(), MAC, MAC.upper(), MAC.replace(":", "-"))
        for form in (
            f"before {word} behind", f"key={word}", json.dumps({"x": word}), repr(word),
            f"http://joe:{word}@proxy.example/", word.upper(),
        )
    )  # fmt: skip
    log += (
        f"\nDHCPACK(eth0) 192.168.77.9 {MAC} Nobody-Knows-This\n"
        f"device-a1b2c3, Device b2:c3, fe80::3e07:54ff:fea1:b2c3/64\n"
        "wpa_passphrase=never-seen-before\nAuthorization: Bearer-never-seen\n"
    )
    gathered = {"logs/manyways-egress-uk.txt": log, "status.json": log}
    everything = _everything(archive.build(found, gathered, NAMES["machine"])).casefold()
    never = ["nobody-knows-this", "never-seen-before", "bearer-never-seen", "marked"]
    for word in (*secrets, *NAMES.values(), *HALVES, *never):
        assert word.casefold() not in everything, word


def test_what_helps_stays(found: Contents) -> None:
    gathered = {"status.json": '{"state": "degraded", "address": "192.168.77.1"}'}
    everything = _everything(archive.build(found, gathered, "marked-machine"))
    for word in ("degraded", "192.168.77.1", "eth1", "country: GB", "remote [server-", "1194 udp"):
        assert word in everything
    assert "3c:07:54:" in everything  # who made it


def test_the_same_thing_has_the_same_word_and_only_within_one_archive() -> None:
    one, other = Redactor({}, b"1"), Redactor({}, b"2")
    text = f"{MAC} {MAC.upper()} 81.2.69.142 9.9.9.9 81.2.69.142 10.0.0.1"
    words = one.text(text).split()
    assert words[0] == words[1].lower()
    assert words[2] == words[4] != words[3]
    assert words[5] == "10.0.0.1"
    assert other.text(MAC) != one.text(MAC)
    assert one.text("12:34:56 00:00:00:00:00:00 ::1 0.0.0.0/0 v2026.10.1.2.3") == (
        "12:34:56 00:00:00:00:00:00 ::1 0.0.0.0/0 v2026.10.1.2.3"
    )
    assert one.text(f"sha256:{'ab' * 32} {'cd' * 16}") == "sha256:abababababab… cdcdcd…"


def test_a_router_yaml_that_is_no_yaml_shows_its_keys_only() -> None:
    shown = files.router_yaml("wifi: {passphrase: marked\n  - ssid: marked\n# marked\nlan:\n  x: 1")
    assert "marked" not in shown
    assert "wifi: …" in shown
    assert "- ssid: …" in shown


@pytest.mark.parametrize("text", ["", "[", "a: 1", "- x"])
def test_any_file_can_be_shown(text: str) -> None:
    content = {"router.yaml": text.encode(), "profiles/x.ovpn": text.encode()}
    state = {"state.json": text.encode(), "access.json": b"[]", "added/x.json": text.encode()}
    assert archive.build(Contents(content, state), {}, "")
