"""router.yaml, and the files with secrets beside it."""

from __future__ import annotations

from orchestrator.doctor.clock import day
from orchestrator.doctor.machine import Certificate, Machine, known
from orchestrator.doctor.words import Finding, Findings

SOON_S = 14 * 86400
_ASK = "ask the provider for a new profile, and put it in the place of the old one"


def router_yaml(machine: Machine) -> Findings:
    """Whether there is one, and whether it can be read."""
    mistakes = known(machine.mistakes)
    if mistakes is None:
        yield Finding("router.yaml", "error", "is missing", "`orchestrator init` writes one")
    elif mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        yield Finding(
            "router.yaml",
            "error",
            f"has {count}: {mistakes[0]}",
            "`orchestrator check` lists every mistake, and what would be right",
        )
    elif machine.chosen:
        yield Finding(
            "router.yaml",
            "ok",
            "there is none, and the router runs with what it chose (`orchestrator init --yes` "
            "writes that down)",
        )
    else:
        yield Finding("router.yaml", "ok", "is good")


def secrets(machine: Machine) -> Findings:
    """Files with keys and passwords are for their owner only."""
    files = known(machine.secrets)
    public = [str(file.path) for file in files if file.public]
    if public:
        yield Finding(
            "secrets",
            "warning",
            f"everybody on this machine can read {_some(public)}",
            f"`chmod -R go= {' '.join(dict.fromkeys(path.split('/')[0] for path in public))}` in "
            "the configuration's folder",
        )
    else:
        yield Finding("secrets", "ok", _private(len(files)))


def certificates(machine: Machine) -> Findings:
    """A VPN whose certificate has ended does not connect, and its server rarely says why."""
    for name in machine.unread_profiles:
        yield Finding(
            "certificates",
            "not checked",
            f"{name} can't be used as it is",
            "`orchestrator check` says what is wrong with it",
        )
    now = known(machine.clock).now
    bad = 0
    for certificate in known(machine.certificates):
        for finding in _judged(certificate, now):
            bad += 1
            yield finding
    if not bad:
        count = len(known(machine.certificates))
        seen = f"{count} looked at; none ends within 14 days" if count else "there is none"
        yield Finding("certificates", "ok", seen)


def _judged(certificate: Certificate, now: float) -> Findings:
    of = "the provider's certificate" if certificate.what == "ca" else "the own certificate"
    which = f"{certificate.profile}: {of}"
    if certificate.ends <= now:
        yield Finding("certificates", "error", f"{which} ended on {day(certificate.ends)}", _ASK)
    elif certificate.begins > now:
        yield Finding(
            "certificates",
            "error",
            f"{which} begins on {day(certificate.begins)}, and here it is {day(now)}",
            "look at this machine's clock first",
        )
    elif certificate.ends <= now + SOON_S:
        left = int((certificate.ends - now) // 86400)
        days = {0: "in less than a day", 1: "in 1 day"}.get(left, f"in {left} days")
        yield Finding(
            "certificates", "warning", f"{which} ends {days}, on {day(certificate.ends)}", _ASK
        )


def _some(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _private(number: int) -> str:
    if number == 0:
        return "there is no file with a key or a password"
    return "1 file, for its owner only" if number == 1 else f"{number} files, for their owner only"
