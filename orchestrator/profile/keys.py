"""The keys and certificates of a profile, taken out of whatever surrounds them.

Files from providers carry comments, `openssl x509 -text` listings and odd line ends. Only the
PEM blocks themselves are passed on, so nothing else can hide inside an inline block.
"""

from __future__ import annotations

import base64
import binascii
import re

from orchestrator.profile.problems import Unreadable

_CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_PRIVATE = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "EC PARAMETERS")
_STATIC = ("OpenVPN Static key V1",)

_LABELS: dict[str, tuple[str, ...]] = {
    "ca": _CERTIFICATE,
    "cert": _CERTIFICATE,
    "extra-certs": _CERTIFICATE,
    "key": _PRIVATE,
    "tls-auth": _STATIC,
    "tls-crypt": _STATIC,
    "tls-crypt-v2": ("OpenVPN tls-crypt-v2 client key",),
    "crl-verify": ("X509 CRL",),
}
# The bound keeps a text of thousands of beginnings from being read to its end for each of them.
_BLOCK = re.compile(r"-----BEGIN ([A-Za-z0-9 -]{1,40})-----([^-]*)-----END \1-----")
_FINGERPRINT = re.compile(r"([0-9A-Fa-f]{2}:){19,31}[0-9A-Fa-f]{2}")


def normalised(tag: str, raw: bytes) -> str:
    """The text for an inline block `tag`, made of nothing but its PEM blocks.

    Raises `Unreadable` when it does not hold what the directive needs.
    """
    if tag == "pkcs12":
        return _base64_block(raw)
    text = raw.decode("utf-8", "replace")
    if tag in ("peer-fingerprint", "verify-hash"):
        return _fingerprints(text)
    if tag == "key" and "ENCRYPTED" in text:
        raise Unreadable(
            "this key is locked with a passphrase, and nobody is there to type it",
            "remove the passphrase with `openssl rsa -in KEY -out NEWKEY`",
        )
    labels = _LABELS[tag]
    blocks = [match for match in _BLOCK.finditer(text) if match[1] in labels]
    if not any(match[1] != "EC PARAMETERS" for match in blocks):
        raise Unreadable(
            f"there is no {_article(labels[0])} in it",
            f"it must hold a block that begins with -----BEGIN {labels[0]}-----",
        )
    return "".join(_written(match) for match in blocks)


def _article(label: str) -> str:
    words = {
        "PRIVATE KEY": "private key",
        "CERTIFICATE": "certificate",
        "X509 CRL": "revocation list",
        "OpenVPN Static key V1": "OpenVPN static key",
    }
    return words.get(label, label)


def _written(match: re.Match[str]) -> str:
    body = "".join(match[2].split())
    if not body or not re.fullmatch(r"[A-Za-z0-9+/=]+", body):
        raise Unreadable("its text is damaged", "download the profile again")
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {match[1]}-----", *lines, f"-----END {match[1]}-----\n"])


def _fingerprints(text: str) -> str:
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    found = [line for line in lines if line]
    if not found or not all(_FINGERPRINT.fullmatch(line) for line in found):
        raise Unreadable("these are not fingerprints", "write one AA:BB:… (SHA-256) per line")
    return "".join(f"{line}\n" for line in found)


def _base64_block(raw: bytes) -> str:
    """A PKCS#12 bundle is binary in a file and base64 inside a profile."""
    try:
        data = base64.b64decode(b"".join(raw.split()), validate=True)
    except (binascii.Error, ValueError):
        data = raw
    if not data.startswith(b"\x30"):
        raise Unreadable("this is not a PKCS#12 bundle", "download the profile again")
    return base64.encodebytes(data).decode("ascii")
