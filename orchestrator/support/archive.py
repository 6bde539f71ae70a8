"""Puts a bug report's archive together: every text goes through the redactor, and none beside."""

from __future__ import annotations

import gzip
import io
import json
import secrets
import tarfile
import time
from collections.abc import Mapping

from orchestrator.backup.contents import Contents
from orchestrator.config.load import FILE
from orchestrator.support import files
from orchestrator.support.known import known
from orchestrator.support.redact import Redactor

_LONGEST = 512 << 10  # bytes of one text
_EVENTS = 300
README = """\
Made by `orchestrator support` for a bug report. Removed: passwords, passphrases, keys,
certificates, tokens, user names. Replaced, each by the same word throughout: names of devices
and of Wi-Fi networks, VPN servers, public IP addresses, the last half of MAC addresses.
Addresses of the home network, names of destinations and of profiles' files stay.
Look through it before you send it: nobody knows what else stands in your logs.
"""


def build(found: Contents, gathered: Mapping[str, str], machine: str) -> bytes:
    """Return the archive, a tar.gz.

    `found` is what the router keeps, `gathered` {path in the archive: text}, `machine` the name
    of this machine.
    """
    redactor = Redactor(known(found, machine), secrets.token_bytes(16))
    texts = {**_kept(found), **gathered}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, text in sorted({**texts, "README.txt": README}.items()):
            content = text if name == "README.txt" else redactor.text(text[-_LONGEST:])
            raw = content.encode(errors="replace")
            member = tarfile.TarInfo(f"manyways-support/{name}")
            member.size, member.mode, member.mtime = len(raw), 0o600, int(time.time())
            archive.addfile(member, io.BytesIO(raw))
    return gzip.compress(buffer.getvalue())


def _kept(found: Contents) -> dict[str, str]:
    texts = {}
    for name, content in found.config.items():
        text = content.decode(errors="replace")
        if name == FILE:
            texts[f"config/{name}"] = files.router_yaml(text)
        elif name.endswith(".ovpn"):
            texts[f"config/{name}.txt"] = files.profile(text)
    sizes = {name: len(content) for name, content in {**found.config, **found.state}.items()}
    texts["files.json"] = json.dumps(sizes, indent=1)
    activity = found.state.get("activity.jsonl", b"").decode(errors="replace").splitlines()
    texts["activity.jsonl"] = "\n".join(activity[-_EVENTS:])
    return texts
