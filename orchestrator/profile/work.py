"""What is known about a profile while it is being read, line by line."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from orchestrator.profile import directives as table
from orchestrator.profile.ciphers import Ciphers
from orchestrator.profile.keys import normalised
from orchestrator.profile.problems import Problem, ReadBeside, Unreadable
from orchestrator.profile.remotes import Endpoints
from orchestrator.profile.syntax import MAX_LINE, Directive, write

_HELPED = 50
_WORDS = sorted(table.EVERY)


@dataclass(slots=True)
class Work:
    """Collects kept lines, blocks, endpoints, notes and problems."""

    read: ReadBeside
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)
    inline: dict[str, str] = field(default_factory=dict)
    unread: dict[str, Problem] = field(default_factory=dict)
    endpoints: Endpoints = field(default_factory=Endpoints)
    ciphers: Ciphers = field(default_factory=Ciphers)
    dns: list[IPv4Address] = field(default_factory=list)
    credentials: tuple[str, str] | None = None
    needs_credentials: bool = False
    random: bool = False
    forgiving: bool = False
    ignored: set[str] = field(default_factory=set)

    def problem(self, one: Directive, message: str, hint: str = "") -> None:
        known = one.name if one.name in table.EVERY else ""
        self.problems.append(Problem(one.line, known, message, hint))

    def note(self, one: Directive, message: str) -> None:
        self.notes.append(Problem(one.line, one.name, message))

    def unknown(self, one: Directive) -> None:
        if self.forgiving or one.name in self.ignored:
            return
        # A file with thousands of such lines is something else, and comparing takes a while.
        helpful = len(self.problems) < _HELPED
        near = difflib.get_close_matches(one.name, _WORDS, 1, 0.7) if helpful else []
        hint = f"did you mean '{near[0]}'?" if near else "delete the line, or put a # before it"
        self.problems.append(
            Problem(one.line, "", "this line does not begin with an OpenVPN directive", hint)
        )

    def keep(self, one: Directive) -> None:
        if one.inline is not None:
            if one.name in table.INLINE:
                self._block(one, one.name, one.inline.encode())
            else:
                self.problem(one, "cannot be written as a block", f"write `{one.name} VALUE`")
            return
        joined = " ".join(one.args)
        line = write(one.name, one.args)
        readable = joined.isprintable() and "\ufffd" not in joined
        if not re.fullmatch(table.KEPT[one.name], joined) or not readable:
            self.problem(one, "what stands behind it is not understood", "see openvpn(8)")
        elif len(line.encode()) > MAX_LINE:
            self.problem(one, "what stands behind it is too long")
        elif one.name == "peer-fingerprint":
            self.inline[one.name] = self.inline.get(one.name, "") + joined + "\n"
        else:
            self.kept[one.name] = [line]

    def file(self, one: Directive) -> None:
        if one.inline is not None:
            self._block(one, one.name, one.inline.encode())
            return
        if not one.args:
            self.problem(one, "needs the name of a file behind it")
            return
        name, *rest = one.args
        if one.name == "tls-auth" and rest:
            if rest[0] in ("0", "1"):
                self.kept["key-direction"] = [write("key-direction", (rest[0],))]
            else:
                self.problem(one, "its direction must be 0 or 1")
        if one.name == "crl-verify" and rest:
            self.problem(one, "names a directory", "name one file: crl-verify FILE")
        elif name not in ("[inline]", "[[INLINE]]"):
            try:
                self._block(one, one.name, self.read(name))
            except Unreadable as error:
                self.unread[one.name] = Problem(one.line, one.name, error.message, error.hint)

    def _block(self, one: Directive, tag: str, raw: bytes) -> None:
        try:
            self.inline[tag] = normalised(tag, raw)
        except Unreadable as error:
            self.problem(one, error.message, error.hint)
