"""Old words for ciphers and compression, said as OpenVPN 2.6 and 2.7 understand them.

Since 2.5 both sides agree on one of `data-ciphers`, and `cipher` no longer counts: a provider's
old file would stop to work, or work only with a warning. A server that cannot negotiate at all
needs `data-ciphers-fallback`. See openvpn(8), "Data channel cipher negotiation".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from orchestrator.profile.problems import Problem

MODERN = ("AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305")
_MAX_LIST = 120  # OpenVPN's own limit is 127
_BLOCK = r"(AES|ARIA|CAMELLIA)-(128|192|256)-(CBC|CFB|CFB1|CFB8|OFB)"
_CURRENT = re.compile(
    rf"{_BLOCK}|(AES|ARIA)-(128|192|256)-GCM|CHACHA20-POLY1305"
    r"|SM4-(CBC|CFB|GCM|OFB)|DES-EDE3?-(CBC|CFB|OFB)"
)
_LEGACY = re.compile(r"(BF|CAST5|SEED|IDEA|RC2|DES)-(CBC|CFB|OFB)|RC2-(40|64)-CBC")
_ALIASES = {
    "BLOWFISH": "BF-CBC",
    "BF": "BF-CBC",
    "CAST": "CAST5-CBC",
    "AES-256": "AES-256-CBC",
    "AES256": "AES-256-CBC",
    "AES-128": "AES-128-CBC",
    "AES128": "AES-128-CBC",
    "CAST-CBC": "CAST5-CBC",
}


@dataclass(slots=True)
class Ciphers:
    """Collects what a profile says about ciphers."""

    listed: list[tuple[int, str]] = field(default_factory=list)
    list_given: bool = False
    fallback: str | None = None
    legacy: bool = False
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def take(self, line: int, directive: str, args: tuple[str, ...]) -> None:
        """`cipher`, `data-ciphers`, `ncp-ciphers` or `data-ciphers-fallback` with its word."""
        if len(args) != 1:
            self.problems.append(Problem(line, directive, "needs exactly one word behind it"))
        elif directive in ("data-ciphers", "ncp-ciphers"):
            self.list_given = True
            # DEFAULT is OpenVPN 2.7's word for its own list
            words = args[0].upper().replace("DEFAULT", ":".join(MODERN)).split(":")
            self.listed += [(line, name) for word in words if (name := self._name(line, word))]
        elif args[0].lower() in ("none", "null"):
            self.problems.append(
                Problem(line, directive, "would send everything unencrypted", "delete the line")
            )
        else:
            self._single(line, directive, args[0])

    def _single(self, line: int, directive: str, word: str) -> None:
        name = self._name(line, word.upper())
        if name is None:
            return
        self.listed.append((line, name))
        if directive == "data-ciphers-fallback" or self.fallback is None:
            self.fallback = name

    def _name(self, line: int, word: str) -> str | None:
        word = _ALIASES.get(word.removeprefix("?"), word.removeprefix("?"))
        if word in ("", "NONE"):
            return None
        if _LEGACY.fullmatch(word):
            if not self.legacy:
                self.notes.append(
                    Problem(
                        line,
                        "cipher",
                        f"{word} is old and weak: it is used only if the "
                        "server offers nothing better",
                    )
                )
            self.legacy = True
            return word
        if _CURRENT.fullmatch(word):
            return word
        self.notes.append(
            Problem(line, "cipher", "a cipher that OpenVPN does not know is left out")
        )
        return None

    def lines(self) -> list[str]:
        """The directives that say the same to a current OpenVPN."""
        names = [name for _, name in self.listed]
        if not self.list_given:
            names = [*MODERN, *names]
        if not names:
            names = list(MODERN)
        text = ":".join(dict.fromkeys(names))
        while len(text) > _MAX_LIST:
            text = text.rpartition(":")[0]
        # BF-CBC and its age live in OpenSSL's "legacy" provider, which must be asked for
        lines = ["providers legacy default"] if self.legacy else []
        lines.append(f"data-ciphers {text}")
        if self.fallback:
            lines.append(f"data-ciphers-fallback {self.fallback}")
        return lines


_STUBS = {("comp-lzo", "no"), ("compress", ""), ("compress", "stub"), ("compress", "stub-v2")}
_COMPRESSION = {
    "comp-lzo": ("", "no", "yes", "adaptive"),
    "compress": ("", "stub", "stub-v2", "migrate", "lzo", "lz4", "lz4-v2"),
    "allow-compression": ("yes", "no", "asym"),
}


def compression(directive: str, args: tuple[str, ...]) -> list[str] | None:
    """Lines that keep the framing but never compress what is sent; None: not understood.

    Compressing before encrypting lets an onlooker guess the content (VORACLE), but the server
    still expects the extra byte in every packet.
    """
    word = args[0] if args else ""
    if len(args) > 1 or word not in _COMPRESSION[directive]:
        return None
    if directive == "allow-compression" or word == "migrate":
        return []
    line = f"{directive} {word}".strip()
    return [line] if (directive, word) in _STUBS else ["allow-compression asym", line]
