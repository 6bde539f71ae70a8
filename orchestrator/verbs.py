"""What each verb of the command line does, apart from parsing and printing.

A verb asks the daemon and returns an `Answer`: text for a person, the same as data for
`--json`, and an exit code. Nothing here prints, so every word can be tested as a value.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import happenings
from orchestrator import status as show
from orchestrator.client import Control
from orchestrator.tree import Style, clean

if TYPE_CHECKING:
    from argparse import Namespace

    from orchestrator.client import Event, Outcome
    from orchestrator.keeping import Unkept
    from orchestrator.model import HostFacts


@dataclass(frozen=True, slots=True)
class Answer:
    """What to print: `text`, or `data` with --json; `trouble` and `aside` to standard error."""

    text: str
    data: Mapping[str, Any]
    code: int = 0
    trouble: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    raw: bytes = b""  # a file, in the place of `text`


_PAGE = 200  # events that the daemon gives at a time
Verb = Callable[["Namespace", Control, Style], Answer]


def status(_: Namespace, control: Control, style: Style) -> Answer:
    report = control.status()
    return Answer(show.status_text(report, style), report, show.exit_code(report))


def devices(_: Namespace, control: Control, style: Style) -> Answer:
    found = control.devices()
    return Answer(show.devices_text(found, style), {"devices": found})


def assign(args: Namespace, control: Control, style: Style) -> Answer:
    receipt = control.assign(args.device, args.destination, minutes=args.minutes, until=args.until)
    return Answer(show.receipt_text(receipt, style), receipt)


def undo(args: Namespace, control: Control, style: Style) -> Answer:
    receipt = control.undo(args.device)
    return Answer(show.receipt_text(receipt, style), receipt)


def pause(args: Namespace, control: Control, _: Style) -> Answer:
    receipt = control.pause(args.destination)
    return Answer(show.pause_text(receipt), receipt)


def resume(args: Namespace, control: Control, _: Style) -> Answer:
    receipt = control.resume(args.destination)
    return Answer(show.pause_text(receipt), receipt)


def add_vpn(args: Namespace, control: Control, _: Style) -> Answer:
    """Send a profile to the daemon, which reads it; what is wrong is its answer."""
    from orchestrator import sending

    try:
        profile, password = sending.read(args.file, bool(args.user))
    except sending.Unsendable as error:
        return Answer("", {"error": str(error)}, 1, (str(error),))
    name = args.name or Path(args.file).name
    trial = control.add_destination(name, profile, args.user, password)
    return Answer(show.trial_text(trial), trial, 0 if trial["accepted"] else 1)


def remove_vpn(args: Namespace, control: Control, _: Style) -> Answer:
    control.remove_destination(args.destination)
    return Answer(f"{clean(args.destination)} is removed", {"name": args.destination})


def rename(args: Namespace, control: Control, _: Style) -> Answer:
    device = control.rename(args.device, args.name)
    text = f"{clean(args.device)} is now called {clean(device['title'])}"
    if device["title"] != device["name"]:
        text += f", and {clean(device['name'])} in the home network"
    return Answer(text, device)


def password(args: Namespace, control: Control, _: Style) -> Answer:
    access = control.remove_password() if args.remove else control.access()
    if access["damaged"]:
        text = (
            "What was set could not be read, so nobody may change anything on the page."
            "\nTo open it to everybody at home: orchestrator password --remove"
        )
        return Answer(text, access, 1)
    if not access["password"]:
        return Answer("The page has no password: everybody at home may change everything.", access)
    return Answer(f"The page has a password. {_POLICIES[access['policy']]}", access)


_POLICIES = {
    "everybody": "Without it everybody at home may still switch all devices.",
    "own": "Without it everybody may look, and switch their own device.",
    "password": "Without it the page shows nothing.",
}


def tokens(args: Namespace, control: Control, _: Style) -> Answer:
    if args.make is not None:
        made = control.make_token(args.make)
        text = f"{clean(made['name'])}: {made['secret']}\nIt is not shown again."
        return Answer(text, made)
    if args.revoke is not None:
        control.revoke_token(args.revoke)
        return Answer(f"The key {clean(args.revoke)} is worthless now.", {"revoked": args.revoke})
    found = control.tokens()
    lines = [
        f"{token['id']}  {clean(token['name'])}  made {token['made_at'][:10]},"
        f" last used {(token['used_at'] or 'never')[:10]}"
        for token in found
    ]
    return Answer("\n".join(lines) or "There are no keys.", {"tokens": found})


def plan(_: Namespace, control: Control, style: Style) -> Answer:
    actions = control.plan()
    nothing = "Nothing to do: everything is as it should be."
    return Answer(show.actions_text(actions, nothing, style), {"actions": actions})


def up(_: Namespace, control: Control, style: Style) -> Answer:
    return _outcome(control.up(), "Everything is as it should be.", style)


def down(_: Namespace, control: Control, style: Style) -> Answer:
    return _outcome(control.down(), "Nothing was running.", style)


def _outcome(outcome: Outcome, nothing: str, style: Style) -> Answer:
    trouble = tuple(outcome.get("errors", ()))
    text = show.actions_text(outcome["actions"], "" if trouble else nothing, style)
    return Answer(text, outcome, 1 if trouble else 0, trouble)


def logs(args: Namespace, control: Control, _: Style) -> Answer:
    lines = control.logs(args.name, args.lines)
    text = "\n".join(clean(line.expandtabs()) for line in lines)
    return Answer(text, {"lines": lines})


def activity(args: Namespace, control: Control, style: Style) -> Answer:
    """The last events; they come in pages."""
    found: list[Event] = []
    before: int | None = None
    while len(found) < args.lines:
        limit = min(_PAGE, args.lines - len(found))
        page = control.activity(before=before, limit=limit, device=args.device)
        found += page["events"]
        if (before := page["before"]) is None:
            break
    return Answer(happenings.activity_text(found, style), {"events": found})


def check(args: Namespace, _control: Control, _style: Style) -> Answer:
    """Read the configuration here, without the daemon."""
    from orchestrator.config import ConfigErrors, load, report

    facts, trouble = _host_facts()
    try:
        config = load(args.config, facts)
    except ConfigErrors as mistakes:
        errors = [str(error) for error in mistakes.errors]
        return Answer(report(mistakes), {"ok": False, "errors": errors, "notes": []}, 1, trouble)
    return Answer(
        report(config), {"ok": True, "errors": [], "notes": list(config.notes)}, 0, trouble
    )


def doctor(args: Namespace, _control: Control, style: Style) -> Answer:
    """Look at this machine, without the daemon."""
    from dataclasses import asdict

    from orchestrator.doctor import examine, exit_code, report
    from orchestrator.runtime.machine import Folders, look

    findings = examine(look(Folders(args.config, args.state), hardware=args.hardware))
    code = exit_code(findings)
    data = {"exit_code": code, "findings": [asdict(finding) for finding in findings]}
    return Answer(report(findings, style), data, code)


def init(args: Namespace, _control: Control, _style: Style) -> Answer:
    """Make a first router.yaml for this machine, without the daemon; it is printed, not written.

    `args.ask` asks a person; it is not called with --yes.
    """
    from orchestrator.doctor.machine import NotSeen
    from orchestrator.interview import interview
    from orchestrator.proposal import NoProposal, plugs, propose, render
    from orchestrator.runtime.machine import look_for_ports

    try:
        ports, taken = look_for_ports()
        proposal = propose(ports, taken)
        wanted = proposal if args.yes else interview(proposal, ports, taken, args.ask)
    except NotSeen as why:
        return Answer("", {}, 1, (f"this machine's ports can't be seen: {why}",))
    except NoProposal as lack:
        return Answer("", {}, 1, (f"{lack.message}; {lack.hint}",))
    except EOFError:
        return Answer("", {}, 64, ("nobody answers; to take what is proposed, add --yes",))
    if wanted is None:
        return Answer("", {}, 1, ("nothing was written",))
    return Answer(render(wanted, ports).rstrip(), {}, aside=tuple(plugs(wanted, ports)))


def backup(args: Namespace, _control: Control, _style: Style) -> Answer:
    """Make a backup, without the daemon; it is printed, not written."""
    from orchestrator.keeping import Folders, Unkept, back_up

    try:
        raw = back_up(Folders(args.config, args.state), sys.stdin.buffer)
    except Unkept as error:
        return _unkept(error)
    return Answer("", {}, raw=raw)


def restore(args: Namespace, _control: Control, _style: Style) -> Answer:
    """Say what a backup would change, or restore it, without the daemon."""
    from orchestrator import keeping

    folders = keeping.Folders(args.config, args.state)
    facts, trouble = _host_facts()
    try:
        wanted = keeping.before(folders) if args.back else keeping.open_backup(sys.stdin.buffer)
        preview = keeping.restore(wanted, folders, facts, dry_run=args.dry_run)
    except keeping.Unkept as error:
        return _unkept(error)
    text = "\n".join(clean(line) for line in (*preview.lines, *preview.mistakes))
    beside = "router.yaml.restored does not fit yet: correct it, then name it router.yaml"
    done = beside if preview.mistakes else ""
    return Answer(text if args.dry_run else done, {}, 0, trouble)


def support(args: Namespace, control: Control, style: Style) -> Answer:
    """Make the archive for a bug report; what does not answer is told of in it."""
    import json

    from orchestrator import __version__
    from orchestrator.backup.contents import Contents, Unreadable, collect
    from orchestrator.client import ControlError
    from orchestrator.runtime.gathering import gather
    from orchestrator.support.archive import build

    try:
        found = collect(args.config, args.state)
    except Unreadable:
        found = Contents({}, {})
    gathered, machine = gather("manyways-orchestrator")
    gathered["version.txt"] = f"Manyways {__version__}\n"
    # Here in the container; doctor looks at the host and needs no daemon.
    for name, ask in (("status", status), ("plan", plan), ("doctor", doctor), ("check", check)):
        try:
            said = json.dumps(ask(args, control, style).data, indent=1)
        except ControlError as error:
            said = f"{error.message}\n{error.hint}"
        gathered[f"{name}.json"] = said
    return Answer("", {}, raw=build(found, gathered, machine))


def upgrade(_args: Namespace, _control: Control, _style: Style) -> Answer:
    """The host does it: what is replaced can't replace itself."""
    text = "an upgrade needs the host's command: compose/orchestrator upgrade, in the checkout"
    return Answer("", {}, 1, (text,))


def _unkept(error: Unkept) -> Answer:
    hint = f"; {error.hint}" if error.hint else ""
    return Answer("", {}, 1, (f"{error}{hint}",))


def _host_facts() -> tuple[HostFacts | None, tuple[str, ...]]:
    """What the host has already, or why that could not be seen."""
    from orchestrator.runtime import host
    from orchestrator.runtime.engine import Engine, EngineFailed
    from orchestrator.runtime.namespace import NamespaceGone

    try:
        try:
            engine = Engine()
        except EngineFailed:
            engine = None
        return host.facts(engine), ()
    except (NamespaceGone, EngineFailed, OSError) as error:
        return None, (f"not compared with what this machine has: {error}",)
