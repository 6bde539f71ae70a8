"""From somebody else's OpenVPN profile to one that cannot hurt the router.

The reading is an allow-list: what is not known to be harmless never reaches OpenVPN. Common
providers' files must work, so what they usually contain is left out with a note; only what is
plainly hostile, or what cannot work here, makes the profile unusable.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model import Profile
from orchestrator.profile.problems import Problem, ReadBeside
from orchestrator.profile.special import take
from orchestrator.profile.syntax import parse
from orchestrator.profile.work import Work

_TELLS_SERVER = frozenset(
    ("remote-cert-tls", "remote-cert-eku", "remote-cert-ku", "verify-x509-name", "verify-hash")
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A usable profile, or the problems that stand against it (then `profile` is None)."""

    profile: Profile | None
    problems: tuple[Problem, ...]


def clean(text: str, read: ReadBeside, source: str) -> Cleaned:
    """Clean a profile.

    `read` gives the content of files that lie beside the profile; `source` is the profile's
    name in notes. Pure but for `read`. Never raises.
    """
    found, problems = parse(text)
    work = Work(read, problems=problems)
    for directive in found:  # may stand behind the lines that they excuse
        if directive.name == "ignore-unknown-option":
            work.ignored.update(directive.args)
        if directive.name == "setenv" and directive.args[:1] == ("FORWARD_COMPATIBLE",):
            work.forgiving = True
    for directive in found:
        take(work, directive)
    return _finish(work, source)


def _finish(work: Work, source: str) -> Cleaned:
    """Check what only the whole can tell, and put the profile together."""
    remotes = work.endpoints.finish()
    work.problems += [p for tag, p in work.unread.items() if tag not in work.inline]
    work.problems += work.endpoints.problems + work.ciphers.problems
    work.notes += work.endpoints.notes + work.ciphers.notes
    if all(problem.directive or problem.line is None for problem in work.problems):
        _check_whole(work)  # no line was unreadable, so what is missing is really missing
    if work.problems:
        return Cleaned(None, tuple(sorted(work.problems, key=lambda p: p.line or 0)))
    _fit_together(work, any(remote.protocol == "tcp" for remote in remotes))
    lines = [line for name in sorted(work.kept) for line in work.kept[name]]
    if work.random and len(remotes) > 1:
        lines.append("remote-random")
    notes = sorted(work.notes, key=lambda note: note.line or 0)
    profile = Profile(
        remotes=remotes,
        directives=(*lines, *work.ciphers.lines()),
        inline=dict(sorted(work.inline.items())),
        needs_credentials=work.needs_credentials,
        credentials=work.credentials,
        notes=tuple(dict.fromkeys(_note_text(source, note) for note in notes)),
        dns=tuple(dict.fromkeys(work.dns)),
    )
    return Cleaned(profile, ())


def _check_whole(work: Work) -> None:
    def lacks(directive: str, message: str, hint: str) -> None:
        work.problems.append(Problem(None, directive, message, hint))

    there = work.inline.keys() | {problem.directive for problem in work.problems}
    if not {"ca", "pkcs12", "peer-fingerprint"} & there:
        lacks(
            "ca",
            "is missing, so the server could not be recognised",
            "add the provider's certificate as <ca>…</ca> or `ca FILE`",
        )
    own = {"cert", "key"} & there
    if len(own) == 1:
        lacks(
            "key" if "cert" in own else "cert",
            "is missing",
            "a client certificate needs both <cert> and <key>",
        )
    elif not own and "pkcs12" not in there and not work.needs_credentials:
        lacks(
            "auth-user-pass",
            "is missing, and so is a client certificate: the server would not know who calls",
            "add `auth-user-pass`, or <cert> and <key>",
        )


def _fit_together(work: Work, tcp: bool) -> None:
    """Take out what OpenVPN refuses in company with something else."""
    if "tun-mtu" in work.kept:
        work.kept.pop("link-mtu", None)
    if "keepalive" in work.kept:
        work.kept.pop("ping", None)
        work.kept.pop("ping-restart", None)
    if tcp and work.kept.pop("fragment", []):
        work.notes.append(Problem(None, "fragment", "left out: it is for UDP only"))
    if "tls-auth" not in work.inline:
        work.kept.pop("key-direction", None)
    if not _TELLS_SERVER & work.kept.keys() and "peer-fingerprint" not in work.inline:
        work.notes.append(
            Problem(
                None,
                "",
                "does not say how the server's certificate is told from another customer's; "
                "if the provider allows it, add a line `remote-cert-tls server`",
            )
        )


def _note_text(source: str, note: Problem) -> str:
    place = f"{source}:{note.line}" if note.line else source
    about = f"{note.directive}: " if note.directive else ""
    return f"{place}: {about}{note.message}"
