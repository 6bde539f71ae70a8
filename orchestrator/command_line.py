"""The words of the command line: every verb with its arguments and its help text.

One function adds the verbs of one kind, so that each stays short; what a verb does stands in
verbs.py under its name. Nothing here imports what a verb needs.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from orchestrator import __version__

USAGE = 64
IN_CONTAINER = "/config"
MOST_LINES = 10_000
_IN_MINUTES = {"m": 1, "min": 1, "h": 60, "d": 24 * 60}

EPILOG = """\
examples:
  orchestrator status
  orchestrator assign tv uk
  orchestrator assign tv uk --for 2h

exit codes: 0 all is well; 1 something is not, or the request failed; 2 the
Manyways daemon does not answer; 64 the command was not understood.
Each verb explains itself: orchestrator assign --help
"""
DOCTOR_CODES = """\
exit codes: 0 nothing is wrong; 1 a warning, or something that could not be
looked at; 2 an error, which keeps the router from working.
"""


class Parser(argparse.ArgumentParser):
    """argparse with an exit code of its own, because 2 says that the daemon does not answer."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n  for help: {self.prog} --help\n")


AddVerb = Callable[..., Parser]  # (name, summary, example, data=True)


def _lines(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST_LINES):
        raise argparse.ArgumentTypeError(f"write a number from 1 to {MOST_LINES}, not '{text}'")
    return int(text)


def _minutes(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,5})(m|min|h|d)", text.strip().lower())
    minutes = int(found[1]) * _IN_MINUTES[found[2]] if found else 0
    if not 1 <= minutes <= _IN_MINUTES["d"] * 7:
        raise argparse.ArgumentTypeError(f"write for example 30m, 2h or 1d, not '{text}'")
    return minutes


def _add_times(assign: Parser) -> None:
    times = assign.add_mutually_exclusive_group()
    times.add_argument(
        "--for",
        dest="minutes",
        type=_minutes,
        metavar="TIME",
        help="then back to where it is now: 30m, 2h; a week at most",
    )
    times.add_argument(
        "--until", metavar="TIME", help="then back: midnight, or 2030-12-31T23:30:00+01:00"
    )


def _config() -> Path:
    here = IN_CONTAINER if Path(IN_CONTAINER).is_dir() else "."
    return Path(os.environ.get("MANYWAYS_CONFIG") or here)


def _state() -> Path:
    return Path(os.environ.get("MANYWAYS_STATE", "/var/lib/manyways"))


def _add_leaktest_words(leaktest: Parser) -> None:
    leaktest.add_argument(
        "destinations", metavar="DESTINATION", nargs="*", help="as `status` names it (all)"
    )
    leaktest.add_argument(
        "--disruptive",
        action="store_true",
        help="also take each destination down for some seconds, to see its kill switch at work",
    )
    leaktest.add_argument(
        "--yes", action="store_true", help="do not ask before --disruptive disturbs devices"
    )


def _add_access_verbs(verb: AddVerb) -> None:
    password = verb(
        "password",
        "say whether the page has a password, or remove one that was forgotten",
        "orchestrator password --remove",
    )
    password.add_argument(
        "--remove", action="store_true", help="open the page to everybody at home again"
    )
    tokens = verb(
        "tokens",
        "list, make and revoke the keys of programs that use the API",
        'orchestrator tokens --make "Home Assistant"',
    )
    change = tokens.add_mutually_exclusive_group()
    change.add_argument("--make", metavar="NAME", help="make a key; it is shown this once")
    change.add_argument("--revoke", metavar="ID", help="make a key worthless from now on")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line with its help texts."""
    parser = Parser(
        prog="orchestrator",
        description="Manyways: every device of the house picks its own way out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Manyways {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")

    def verb(name: str, summary: str, example: str, *, data: bool = True) -> Parser:
        made: Parser = verbs.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  {example}\n",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if data:
            made.add_argument("--json", action="store_true", help="print data for programs")
        return made

    _add_device_verbs(verb)
    _add_destination_verbs(verb)
    _add_access_verbs(verb)
    _add_looking_verbs(verb)
    _add_machine_verbs(verb)
    _add_keeping_verbs(verb)
    _add_router_verbs(verb)
    return parser


def _add_device_verbs(verb: AddVerb) -> None:
    verb("status", "show what works and what does not", "orchestrator status")
    verb("devices", "list every device and where it goes", "orchestrator devices")
    assign = verb("assign", "send a device by another destination", "orchestrator assign tv uk")
    assign.add_argument("device", metavar="DEVICE", help="its name, MAC or IP address")
    assign.add_argument("destination", metavar="DESTINATION", help="as `status` names it")
    _add_times(assign)
    undo = verb("undo", "take the last switch of a device back", "orchestrator undo tv")
    undo.add_argument("device", metavar="DEVICE", help="its name, MAC or IP address")
    rename = verb("rename", "give a device another name", "orchestrator rename tv 'Kitchen TV'")
    rename.add_argument("device", metavar="DEVICE", help="its name, MAC or IP address")
    rename.add_argument("name", metavar="NAME", help="up to 40 letters of any kind")


def _add_destination_verbs(verb: AddVerb) -> None:
    for name, summary in (
        ("pause", "refuse everything of a destination's devices until `resume`"),
        ("resume", "let a paused destination's devices out again"),
    ):
        made = verb(name, summary, f"orchestrator {name} uk")
        made.add_argument("destination", metavar="DESTINATION", help="as `status` names it")
    add = verb("add-vpn", "add a VPN by its OpenVPN profile", "orchestrator add-vpn nl.ovpn")
    add.add_argument("file", metavar="FILE", help="the provider's .ovpn file; - is standard input")
    add.add_argument("--name", default="", metavar="NAME", help="of the destination (the file's)")
    add.add_argument(
        "--user", default="", metavar="USER",
        help="for a provider with passwords; the password is asked for, or read from the first "
        "line of standard input",
    )  # fmt: skip
    remove = verb("remove-vpn", "remove a VPN that was added", "orchestrator remove-vpn nl")
    remove.add_argument("destination", metavar="NAME", help="as `status` names it")


def _add_looking_verbs(verb: AddVerb) -> None:
    logs = verb("logs", "show what a part of the router wrote last", "orchestrator logs uk")
    logs.add_argument(
        "name",
        metavar="NAME",
        help="router, dhcp, webui, orchestrator, or a destination",
    )
    logs.add_argument("--lines", type=_lines, default=100, metavar="N", help="how many (100)")
    leaktest = verb(
        "leaktest",
        "join the home network as a device and show whether every promise holds",
        "orchestrator leaktest uk",
    )
    _add_leaktest_words(leaktest)
    activity = verb(
        "activity", "show what happened: who switched what, what failed", "orchestrator activity"
    )
    activity.add_argument("--device", default="", metavar="DEVICE", help="only what concerns it")
    activity.add_argument("--lines", type=_lines, default=50, metavar="N", help="how many (50)")
    check = verb("check", "read the configuration and list every mistake", "orchestrator check")
    check.add_argument(
        "--config",
        type=Path,
        default=_config(),
        metavar="DIR",
        help="the directory that holds router.yaml and profiles/",
    )


def _add_router_verbs(verb: AddVerb) -> None:
    verb("plan", "say what `up` would do, and why", "orchestrator plan")
    verb("up", "read the configuration and make everything so", "orchestrator up")
    verb(
        "down",
        "remove the router's containers and networks, but keep names and choices",
        "orchestrator down",
    )
    verb("run", "be the daemon (the container does this)", "orchestrator run", data=False)


def _add_keeping_verbs(verb: AddVerb) -> None:
    """What reads and writes files of the host is obeyed by compose/orchestrator."""
    backup = verb(
        "backup",
        "write all that the router knows into one encrypted file",
        "orchestrator backup /media/stick/router.backup",
        data=False,
    )
    backup.add_argument("file", metavar="FILE", help="a file of this machine that is not there yet")
    backup.add_argument("--force", action="store_true", help="replace FILE")
    restore = verb(
        "restore",
        "bring back what a backup holds, or take that back",
        "orchestrator restore /media/stick/router.backup",
        data=False,
    )
    restore.add_argument("file", metavar="FILE", nargs="?", help="what `backup` has written")
    restore.add_argument("--dry-run", action="store_true", help="only say what would change")
    restore.add_argument("--yes", action="store_true", help="do not ask before")
    restore.add_argument(
        "--back", action="store_true", help="bring back what was there before the last restore"
    )
    support = verb(
        "support",
        "gather what a bug report needs into one archive, without secrets",
        "orchestrator support report.tar.gz",
        data=False,
    )
    support.add_argument(
        "file", metavar="FILE", help="a file of this machine that is not there yet"
    )
    support.add_argument("--force", action="store_true", help="replace FILE")
    support.set_defaults(config=_config(), state=_state(), json=False, hardware=True)
    upgrade = verb(
        "upgrade",
        "build this checkout's images, change over, and go back if that goes wrong",
        "orchestrator upgrade",
        data=False,
    )
    upgrade.add_argument("--back", action="store_true", help="run the images from before again")
    upgrade.add_argument("--wait", metavar="S", help="seconds to become healthy in (300)")
    for made in (backup, restore):
        made.add_argument(
            "--passphrase-file", metavar="PATH", help="its first line; else it is asked for"
        )
        made.set_defaults(config=_config(), state=_state(), json=False)


def _add_machine_verbs(verb: AddVerb) -> None:
    init = verb(
        "init",
        "look at this machine and write a first router.yaml",
        "orchestrator init",
        data=False,
    )
    init.add_argument("--yes", action="store_true", help="ask nothing; take what is proposed")
    # Obeyed by compose/orchestrator, which writes the file on the host.
    init.add_argument(
        "--force", action="store_true", help="replace router.yaml; it stays as router.yaml.bak"
    )
    init.set_defaults(json=False)
    doctor = verb(
        "doctor",
        "look for what goes wrong on real machines, each with cause and cure",
        "orchestrator doctor",
    )
    doctor.add_argument(
        "--hardware", action="store_true", help="also show the hardware, and what to expect of it"
    )
    doctor.set_defaults(
        config=_config(),
        state=_state(),
    )
    doctor.epilog = f"{DOCTOR_CODES}\n{doctor.epilog}"


VERBS = (
    *("status", "devices", "assign", "undo", "pause", "resume", "add-vpn", "remove-vpn", "rename"),
    *("logs", "activity", "password", "tokens"),
    *(
        "init",
        "doctor",
        "leaktest",
        "check",
        "backup",
        "restore",
        "support",
        "plan",
        "up",
        "down",
        "run",
    ),
)
