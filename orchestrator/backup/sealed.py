"""Encryption of a whole file with a passphrase.

Two lines of plain text, then the encrypted rest. Both lines are authenticated with it, so nobody
can weaken a parameter. The key comes from scrypt (RFC 7914), the encryption is ChaCha20-Poly1305
(RFC 8439), because small computers have no AES instructions.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any

MAGIC = "manyways-backup"
VERSION = 1
SHORTEST = 8  # characters of a passphrase
LARGEST = 64 << 20  # bytes of a backup; a real one is far below a megabyte
_N, _R, _P = 2**16, 8, 1  # 64 MiB, about a second on a small computer
_MOST_N = 2**17
_MEMORY = 256 << 20
_LONGEST_HEADER = 1024


class Unopened(Exception):
    """A backup that can't be opened. `hint` says what would be right."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def seal(content: bytes, passphrase: str) -> bytes:
    """Return `content` encrypted. Raises ValueError for a passphrase that is too short."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if len(passphrase) < SHORTEST:
        raise ValueError(f"the passphrase is shorter than {SHORTEST} characters")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    key, proof = _keys(passphrase, salt, _N, _R, _P)
    parameters = {
        "kdf": "scrypt", "n": _N, "r": _R, "p": _P, "salt": salt.hex(), "proof": proof,
        "cipher": "chacha20-poly1305", "nonce": nonce.hex(), "bytes": len(content) + 16,
    }  # fmt: skip
    header = f"{MAGIC} {VERSION}\n{json.dumps(parameters)}\n".encode()
    return header + ChaCha20Poly1305(key).encrypt(nonce, content, header)


def unseal(file: bytes, passphrase: str) -> bytes:
    """Return what was sealed. Raises Unopened; nothing of a damaged file is ever returned."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    header, parameters, body = _read(file)
    try:
        salt, nonce = bytes.fromhex(parameters["salt"]), bytes.fromhex(parameters["nonce"])
        n, r, p = (int(parameters[name]) for name in ("n", "r", "p"))
        told, proof = int(parameters["bytes"]), str(parameters["proof"])
        sane = parameters["kdf"] == "scrypt" and parameters["cipher"] == "chacha20-poly1305"
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged() from error
    if not sane or not 2 <= n <= _MOST_N or n & (n - 1) or r != _R or p != _P or len(nonce) != 12:
        raise _damaged()
    if len(body) < told:
        raise Unopened(
            f"the backup is cut off: {len(body)} of {told} bytes are there",
            "copy it again from where it was kept",
        )
    key, ours = _keys(passphrase, salt, n, r, p)
    if not hmac.compare_digest(ours, proof):
        raise Unopened("that is not the passphrase of this backup", "nothing was changed")
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, body, header)
    except InvalidTag as error:
        raise _damaged() from error


def _read(file: bytes) -> tuple[bytes, dict[str, Any], bytes]:
    """Return (both lines as they are, the parameters, the encrypted rest). Raises Unopened."""
    first, _, rest = file.partition(b"\n")
    magic, _, version = first[:_LONGEST_HEADER].decode(errors="replace").partition(" ")
    if magic != MAGIC:
        raise Unopened("this is no backup of Manyways", "`orchestrator backup FILE` makes one")
    if version != str(VERSION):
        raise Unopened(
            f"the backup's format is {version!r:.20}; this version of Manyways reads {VERSION}",
            "upgrade Manyways first",
        )
    second, end, body = rest.partition(b"\n")
    if not end or len(second) > _LONGEST_HEADER:
        raise _damaged()
    try:
        parameters = json.loads(second)
    except ValueError as error:
        raise _damaged() from error
    if not isinstance(parameters, dict):
        raise _damaged()
    return file[: len(file) - len(body)], parameters, body


def _keys(passphrase: str, salt: bytes, n: int, r: int, p: int) -> tuple[bytes, str]:
    """Return the key, and a value that tells a wrong passphrase from a damaged file."""
    raw = hashlib.scrypt(
        passphrase.encode("utf-8", "surrogateescape"),
        salt=salt, n=n, r=r, p=p, dklen=64, maxmem=_MEMORY,
    )  # fmt: skip
    return raw[:32], hashlib.sha256(raw[32:]).hexdigest()


def _damaged() -> Unopened:
    return Unopened("the backup is damaged", "copy it again from where it was kept")
