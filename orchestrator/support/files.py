"""router.yaml and the profiles as others may see them: what is set, not what is secret."""

from __future__ import annotations

import re
from typing import Any

import yaml

from orchestrator.support.redact import REMOVED

SECRET_KEYS = re.compile(
    r"(?i)(pass|psk|secret|token|user|credential|key$|auth$|sae)"
)  # credentials: the name of the file, which somebody may have confused with its content
_BLOCK = re.compile(r"<(/?)([a-z0-9-]+)>")
# What stands behind these words is of use, and no secret; of all others only the word is shown.
SHOWN = frozenset(
    (
        *("allow-compression", "auth", "cipher", "client", "comp-lzo", "compress", "data-ciphers"),
        *("data-ciphers-fallback", "dev", "dev-type", "explicit-exit-notify", "float", "fragment"),
        *("hand-window", "keepalive", "key-direction", "link-mtu", "mssfix", "ncp-ciphers"),
        *("nobind", "persist-key", "persist-tun", "ping", "ping-restart", "port", "proto"),
        *("proto-force", "pull", "rcvbuf", "remote", "remote-cert-tls", "remote-random"),
        *("reneg-bytes", "reneg-sec", "resolv-retry", "rport", "script-security", "sndbuf"),
        *("tls-cipher", "tls-ciphersuites", "tls-client", "tls-version-min", "topology"),
        *("tun-mtu", "tun-mtu-extra", "verb"),
    )
)


def router_yaml(text: str) -> str:
    """Return router.yaml without secrets and comments; of one that can't be read the keys only."""
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return "# this file is no YAML: only its keys are shown\n" + _keys(text)
    return yaml.safe_dump(_without_secrets(found), sort_keys=False, allow_unicode=True)


def secret_values(found: Any) -> list[str]:
    """Return every value of router.yaml that stands behind a secret's key."""
    if isinstance(found, dict):
        here = [v for k, v in found.items() if SECRET_KEYS.search(str(k))]
        return [str(v) for v in here if isinstance(v, str | int | float)] + [
            value for v in found.values() for value in secret_values(v)
        ]
    if isinstance(found, list):
        return [value for item in found for value in secret_values(item)]
    return []


def profile(text: str) -> str:
    """Return an OpenVPN profile's directives; keys, files and passwords are left out."""
    lines: list[str] = []
    block = ""
    for number, raw in enumerate(text.splitlines(), 1):
        words = raw.split("#")[0].split(";")[0].split()
        tag = _BLOCK.fullmatch(raw.strip())
        if tag:
            block = "" if tag[1] else tag[2]
            lines.append(f"{number}: {tag[0]}")
        elif words and block in ("", "connection"):
            hidden = [_word(words[0]), *(REMOVED for _ in words[1:2])]
            shown = words if words[0] in SHOWN else hidden
            lines.append(f"{number}: {' '.join(shown)}")
    return "\n".join(lines) + "\n"


def remotes(text: str) -> list[str]:
    """Return the servers that a profile names."""
    words = (line.split() for line in text.splitlines())
    return [w[1] for w in words if len(w) > 1 and w[0] == "remote"]


def _word(word: str) -> str:
    return word if re.fullmatch(r"[a-z][a-z0-9-]{1,30}", word) else REMOVED


def _without_secrets(found: Any) -> Any:
    if isinstance(found, dict):
        return {
            str(k): REMOVED if SECRET_KEYS.search(str(k)) else _without_secrets(v)
            for k, v in found.items()
        }
    if isinstance(found, list):
        return [_without_secrets(item) for item in found]
    return found


def _keys(text: str) -> str:
    found = re.findall(r"(?m)^([ \t-]*[\"']?[A-Za-z_0-9]{1,40}[\"']?:)", text)
    return "".join(f"{key} …\n" for key in found)
