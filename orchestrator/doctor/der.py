"""From when until when a certificate is valid (RFC 5280, 4.1), out of PEM text.

The standard library reads certificates only of servers that it talks to, and a whole
cryptographic library for two dates is heavy for a small computer.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0xA0, 0x17, 0x18


class Unreadable(Exception):
    """This is no certificate."""


def validity(pem: str) -> list[tuple[float, float]]:
    """Return (begins, ends), seconds since 1970, of every certificate in `pem`.

    Raises Unreadable, also when there is none.
    """
    blocks = _BLOCK.findall(pem)
    if not blocks:
        raise Unreadable("it holds no certificate")
    return [_one(block) for block in blocks]


def _one(block: str) -> tuple[float, float]:
    try:
        der = base64.b64decode(block)
        _, certificate, _ = _element(der)
        _, signed, _ = _element(certificate)
        tag, _, rest = _element(signed)
        # serialNumber, signature and issuer stand before the validity; an old one has no version.
        for _ in range(3 if tag == _VERSION else 2):
            _, _, rest = _element(rest)
        _, dates, _ = _element(rest)
        kind, begins, rest = _element(dates)
        other, ends, _ = _element(rest)
        return _time(kind, begins), _time(other, ends)
    except (ValueError, IndexError, binascii.Error) as error:
        raise Unreadable("it is no certificate") from error


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return an element's tag and content, and what follows it (X.690, 8.1)."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    end = start + length
    if end > len(data):
        raise ValueError("it ends too early")
    return tag, data[start:end], data[end:]


def _time(kind: int, text: bytes) -> float:
    digits = text.decode("ascii")
    if kind == _UTC_TIME:
        # Two digits of the year: from 1950 to 2049 (RFC 5280, 4.1.2.5.1).
        digits = ("19" if digits >= "50" else "20") + digits
    elif kind != _GENERALIZED_TIME:
        raise ValueError("it is no time")
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
