"""The sample profiles of tests/golden/profiles, filled with keys, and the files beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.profile import Unreadable

FOLDER = Path(__file__).parent / "golden" / "profiles"
GOOD = (
    "air-style",
    "connections",
    "express-style",
    "mullvad-style",
    "nord-style",
    "old-office",
    "pia-style",
    "proton-style",
    "surfshark-style",
)
BAD = ("damaged", "empty", "hostile", "only-ipv6")


def _pem(label: str) -> str:
    return f"-----BEGIN {label}-----\nTWFueXdheXM=\n-----END {label}-----"


# Shaped like keys, but none: whatever is made of them can be compared with a file.
SHAPES = {
    "CA": _pem("CERTIFICATE"),
    "CERT": _pem("CERTIFICATE"),
    "KEY": _pem("PRIVATE KEY"),
    "CRL": _pem("X509 CRL"),
    "STATIC": _pem("OpenVPN Static key V1"),
}
_BESIDE = {
    "ca.crt": "CA",
    "mullvad_ca.crt": "CA",
    "client.crt": "CERT",
    "client.key": "KEY",
    "ta.key": "STATIC",
}


def sample(name: str, keys: Mapping[str, str] = SHAPES) -> str:
    """The text of a sample with `keys` in the places of @CA@, @KEY@ and so on."""
    text = (FOLDER / f"{name}.ovpn").read_text()
    for mark, value in keys.items():
        text = text.replace(f"@{mark}@", value)
    return text


class Beside:
    """Stands for the files that lie beside a profile."""

    def __init__(self, keys: Mapping[str, str] = SHAPES) -> None:
        self.keys = keys

    def __call__(self, name: str) -> bytes:
        if name not in _BESIDE:
            raise Unreadable("is not there")
        return self.keys[_BESIDE[name]].encode()
