"""What is secret or a person's own word on this router, from all places where it is kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from orchestrator.backup.contents import Contents
from orchestrator.config.load import FILE
from orchestrator.config.profiles import FOLDER
from orchestrator.leases import parse_leases
from orchestrator.naming import as_label, title_label
from orchestrator.support.files import SHOWN, remotes, secret_values
from orchestrator.support.redact import REMOVED

LONG_ENOUGH = 7  # letters of what may be a secret and may be a word like any other
_COMMON = frozenset(  # a device of such a name must not take the sense out of the whole archive
    (
        *("router", "dhcp", "webui", "orchestrator", "direct", "manyways", "localhost"),
        *("device", "none", "true", "false"),
    )
)


def known(found: Contents, machine: str) -> Mapping[str, str]:
    """Return {what must go: what takes its place}; `machine` is this machine's own name."""
    words: dict[str, str] = {}
    _number(words, "network", _ssids(found))
    _number(words, "server", _servers(found))
    _number(words, "device", _names(found))
    if machine and machine.casefold() not in _COMMON:
        words[machine] = "[this-machine]"
    words |= dict.fromkeys(_secrets(found), REMOVED)
    for value, word in list(words.items()):  # as JSON, or a log, writes it
        for form in (json.dumps(value)[1:-1], repr(value)[1:-1]):
            words.setdefault(form, word)
    return words


def _number(words: dict[str, str], word: str, values: Iterable[str]) -> None:
    for value in dict.fromkeys(v.strip() for v in values):
        if value and value.casefold() not in _COMMON:
            words.setdefault(value, f"[{word}-{len(words) + 1}]")


def _secrets(found: Contents) -> Iterator[str]:
    yield from secret_values(_yaml(found))
    for name, content in found.config.items():
        text = content.decode(errors="replace")
        if name.endswith(".ovpn"):
            yield from _inline(text)
        elif name != FILE:  # credentials, keys and certificates beside a profile
            yield from _lines(text)
    for name, content in found.state.items():
        if name.startswith("added/"):
            kept = _json(content)
            yield from (str(kept.get(key, "")) for key in ("username", "password"))
            yield from _inline(str(kept.get("profile", "")))
        elif name == "access.json":
            yield from _hidden(_json(content))


def _hidden(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _hidden(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _hidden(inner, key)
    elif key in ("page_key", "salt", "hash", "sha256"):
        yield str(value)


def _inline(text: str) -> Iterator[str]:
    """Every line inside a block, and what stands behind words that take a secret."""
    inside = False
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("<") and stripped.endswith(">"):
            inside = not stripped.startswith("</") and stripped != "<connection>"
        elif inside:
            yield from _lines(line)
        elif stripped and stripped.split()[0] not in SHOWN:  # a comment's words, too
            yield from (word for word in stripped.split()[1:] if len(word) >= LONG_ENOUGH)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.strip() and not line.startswith("-----"):
            yield line.strip()


def _ssids(found: Contents) -> Iterator[str]:
    wifi = _yaml(found).get("wifi")
    networks = wifi.get("networks") if isinstance(wifi, dict) else None
    for network in networks if isinstance(networks, list) else ():
        if isinstance(network, dict):
            yield str(network.get("ssid", ""))


def _servers(found: Contents) -> Iterator[str]:
    profiles = (c for name, c in found.config.items() if name.startswith(f"{FOLDER}/"))
    for content in profiles:
        yield from remotes(content.decode(errors="replace"))
    for name, content in found.state.items():
        if name.startswith("added/"):
            yield from remotes(str(_json(content).get("profile", "")))


def _names(found: Contents) -> Iterator[str]:
    """What people call their devices, and what devices call themselves."""
    for name in _every_name(found):
        yield name
        yield as_label(name)
        yield title_label(name)


def _every_name(found: Contents) -> Iterator[str]:
    devices = _yaml(found).get("devices")
    for device in devices if isinstance(devices, list) else ():
        if isinstance(device, dict):
            yield str(device.get("name", ""))
    kept = _json(found.state.get("state.json", b"")).get("devices")
    for device in kept if isinstance(kept, list) else ():
        if isinstance(device, dict):
            yield str(device.get("name") or "")
            yield str(device.get("hostname") or "")
    leases = found.state.get("run/dhcp/dnsmasq.leases", b"").decode(errors="replace")
    yield from (lease.hostname for lease in parse_leases(leases))
    for name in ("activity.1.jsonl", "activity.jsonl"):
        for line in found.state.get(name, b"").splitlines():
            event = _json(line)
            yield str(event.get("device", ""))
            if event.get("kind") == "renamed":
                yield from (str(event.get("old", "")), str(event.get("new", "")))


def _yaml(found: Contents) -> dict[str, Any]:
    text = found.config.get(FILE, b"").decode(errors="replace")
    with contextlib.suppress(yaml.YAMLError, ValueError, RecursionError):
        read = yaml.safe_load(text)
        return read if isinstance(read, dict) else {}
    return {}


def _json(content: bytes) -> dict[str, Any]:
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
