"""Takes secrets and names out of a text, each name in the same way wherever it stands.

Two nets, one behind the other: what is known to be secret or a name on this router, and what has
the form of a secret. MAC addresses keep their first half, which says who made the device.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address

REMOVED = "[removed]"
SHORTEST = 3  # characters; a shorter value would be found in every second word

_PEM = re.compile(r"-----BEGIN [^-\n]+-----.*?(-----END [^-\n]+-----|\Z)", re.S)
_INLINE = re.compile(r"<([a-z0-9-]{2,40})>\s*\n.*?(</\1>|\Z)", re.S)
_TOKEN = re.compile(r"manyways_[A-Za-z0-9_-]{20,}", re.I)
_USERINFO = re.compile(r"(://)[^/\s@\"']+@")
_LONG_HEX = re.compile(r"\b(sha256:[0-9a-f]{12}|[0-9a-fA-F]{6})[0-9a-fA-F]{26,}\b")
_LABELLED = re.compile(
    r"(?i)\b((?:wpa_|sae_)?(?:passphrase|password|passwd|psk|secret|token|authorization|cookie)"
    r"[\"']?\s*[:=]\s*)(?!\[)(\"[^\"\n]*\"|'[^'\n]*'|[^\s,}]+)"
)
_DHCP_NAME = re.compile(r"(DHCP[A-Z]+\([^)\n]*\) \S+ (?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}) [^\n]+")
_MAC = re.compile(r"\b((?:[0-9a-fA-F]{2}[:-]){2}[0-9a-fA-F]{2})((?:[:-][0-9a-fA-F]{2}){3})\b")
_OF_MAC = re.compile(r"\b(device-)([0-9a-f]{6})\b")  # what a device without a name is called
_TITLE_OF_MAC = re.compile(r"\b(Device )([0-9a-f]{2}:[0-9a-f]{2})\b")
_IPV4 = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])((?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})(?![\w:.])")


class Redactor:
    """Replaces the same thing by the same word throughout one archive."""

    def __init__(self, known: Mapping[str, str], key: bytes) -> None:
        """`known` maps what must go to what takes its place; `key` is random, and kept nowhere."""
        self._key = key
        self._public: dict[str, str] = {}
        usable = {value.casefold(): word for value, word in known.items() if len(value) >= SHORTEST}
        self._words = usable
        longest_first = sorted(usable, key=len, reverse=True)
        self._known = (
            re.compile(
                "|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in longest_first), re.I
            )
            if longest_first
            else None
        )
        # A secret may stand in the middle of a longer word, as in a URL or an escaped text.
        secrets = [re.escape(v) for v in longest_first if usable[v] == REMOVED]
        self._secrets = re.compile("|".join(secrets), re.I) if secrets else None

    def text(self, text: str) -> str:
        """Return `text` without anything that must go."""
        for pattern in (_PEM, _INLINE, _TOKEN):
            text = pattern.sub(REMOVED, text)
        if self._secrets:
            text = self._secrets.sub(REMOVED, text)
        text = _USERINFO.sub(rf"\1{REMOVED}@", text)
        text = _LABELLED.sub(rf"\1{REMOVED}", text)
        text = _DHCP_NAME.sub(r"\1 [name]", text)
        if self._known:
            text = self._known.sub(lambda found: self._words[found[0].casefold()], text)
        text = _MAC.sub(self._mac, text)
        text = _OF_MAC.sub(lambda found: found[1] + self._hashed(found[2]), text)
        text = _TITLE_OF_MAC.sub(lambda found: found[1] + self._hashed(found[2])[:4], text)
        text = _LONG_HEX.sub(lambda found: f"{found[1]}…", text)
        return _IPV6.sub(self._ipv6, _IPV4.sub(self._ipv4, text))

    def _mac(self, found: re.Match[str]) -> str:
        mac = found[0].replace("-", ":").lower()
        if mac in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"):
            return found[0]
        other = self._hashed(mac[9:].replace(":", ""))
        return f"{mac[:8]}:{other[:2]}:{other[2:4]}:{other[4:6]}"

    def _hashed(self, half: str) -> str:
        return hmac.new(self._key, half.encode(), hashlib.sha256).hexdigest()[:6]

    def _ipv4(self, found: re.Match[str]) -> str:
        try:
            address = IPv4Address(found[1])
        except AddressValueError:
            return found[0]
        home = not address.is_global or address.is_multicast or found[1].startswith("0.")
        return found[0] if home else self._numbered(str(address), "public")

    def _ipv6(self, found: re.Match[str]) -> str:
        try:
            address = IPv6Address(found[1])
        except AddressValueError:
            return found[0]
        # The last half of a link-local address is often the MAC address.
        if address.is_multicast or address.is_loopback or int(address) >> 64 << 64 == int(address):
            return found[0] if not address.is_global else self._numbered(str(address), "public6")
        return self._numbered(str(address), "address6")

    def _numbered(self, value: str, word: str) -> str:
        return self._public.setdefault(value, f"[{word}-{len(self._public) + 1}]")
