"""The command line, `orchestrator VERB`: its words, its exit codes, and its last resort.

It must start fast on a small computer, so everything that a verb needs is imported when the
verb runs. No traceback reaches a person: what nobody foresaw becomes one line that says how
to report it, and MANYWAYS_DEBUG=1 shows the rest.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from orchestrator import __version__

if TYPE_CHECKING:
    from orchestrator.client import Control, ControlError
    from orchestrator.tree import Style
    from orchestrator.verbs import Answer

FAILED, UNREACHABLE, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 64, 130, 141
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


class _Parser(argparse.ArgumentParser):
    """argparse with an exit code of its own, because 2 says that the daemon does not answer."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n  for help: {self.prog} --help\n")


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


def _add_times(assign: _Parser) -> None:
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


def _config_here() -> str:
    return IN_CONTAINER if Path(IN_CONTAINER).is_dir() else "."


def _add_leaktest_words(leaktest: _Parser) -> None:
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


def _add_access_words(verb: Callable[[str, str, str], _Parser]) -> None:
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
    parser = _Parser(
        prog="orchestrator",
        description="Manyways: every device of the house picks its own way out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Manyways {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")

    def verb(name: str, summary: str, example: str, *, data: bool = True) -> _Parser:
        made: _Parser = verbs.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  {example}\n",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if data:
            made.add_argument("--json", action="store_true", help="print data for programs")
        return made

    verb("status", "show what works and what does not", "orchestrator status")
    verb("devices", "list every device and where it goes", "orchestrator devices")
    assign = verb("assign", "send a device by another destination", "orchestrator assign tv uk")
    assign.add_argument("device", metavar="DEVICE", help="its name, MAC or IP address")
    assign.add_argument("destination", metavar="DESTINATION", help="as `status` names it")
    _add_times(assign)
    undo = verb("undo", "take the last switch of a device back", "orchestrator undo tv")
    undo.add_argument("device", metavar="DEVICE", help="its name, MAC or IP address")
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
    rename = verb("rename", "give a device another name", "orchestrator rename tv 'Kitchen TV'")
    rename.add_argument("device", metavar="DEVICE", help="its name, MAC or IP address")
    rename.add_argument("name", metavar="NAME", help="up to 40 letters of any kind")
    _add_access_words(verb)
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
        default=Path(os.environ.get("MANYWAYS_CONFIG") or _config_here()),
        metavar="DIR",
        help="the directory that holds router.yaml and profiles/",
    )
    _add_machine_verbs(verb)
    verb("plan", "say what `up` would do, and why", "orchestrator plan")
    verb("up", "read the configuration and make everything so", "orchestrator up")
    verb(
        "down",
        "remove the router's containers and networks, but keep names and choices",
        "orchestrator down",
    )
    verb("run", "be the daemon (the container does this)", "orchestrator run", data=False)
    return parser


def _add_machine_verbs(verb: Callable[..., _Parser]) -> None:
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
    init.set_defaults(ask=_ask, json=False)
    doctor = verb(
        "doctor",
        "look for what goes wrong on real machines, each with cause and cure",
        "orchestrator doctor",
    )
    doctor.add_argument(
        "--hardware", action="store_true", help="also show the hardware, and what to expect of it"
    )
    doctor.set_defaults(
        config=Path(os.environ.get("MANYWAYS_CONFIG") or _config_here()),
        state=Path(os.environ.get("MANYWAYS_STATE", "/var/lib/manyways")),
    )
    doctor.epilog = f"{DOCTOR_CODES}\n{doctor.epilog}"


VERBS = (
    *("status", "devices", "assign", "undo", "pause", "resume", "add-vpn", "remove-vpn", "rename"),
    *("logs", "activity", "password", "tokens"),
    *("init", "doctor", "leaktest", "check", "plan", "up", "down", "run"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never raises but for argparse's own exits."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Somebody like `head` has read enough. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback reaches a person
        return _last_resort(error, words)
    return code


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a terminal that lacks a letter still gets the rest
    stranger = next((word for word in words if not word.startswith("-")), None)
    if stranger is not None and stranger not in VERBS:
        return _unknown_verb(stranger)
    parser = build_parser()
    args = parser.parse_args(words)
    if args.verb is None:
        parser.print_help()
        return USAGE
    if args.verb == "run":
        from orchestrator import daemon

        return daemon.main()
    return _answer(args)


def _answer(args: argparse.Namespace) -> int:
    """Run a verb that prints, and print."""
    from orchestrator import verbs
    from orchestrator.client import Control, ControlError

    if args.verb == "leaktest":
        return _leaktest(args, Control(), _style())
    act: verbs.Verb = getattr(verbs, args.verb.replace("-", "_"))
    try:
        answer = act(args, Control(), _style())
    except ControlError as error:
        return _refused(error, args)
    _print(answer, args)
    return answer.code


def _leaktest(args: argparse.Namespace, control: Control, style: Style) -> int:
    """Run a leak test and print its findings as they come; with --json one document at the end."""
    from orchestrator import findings as show
    from orchestrator.client import ControlError, Finding

    findings: list[Finding] = []
    try:
        if args.disruptive and not args.yes and not _agreed(args, control):
            return USAGE
        for finding in control.leaktest(args.destinations, disruptive=args.disruptive):
            if not args.json:
                new = not findings or findings[-1]["destination"] != finding["destination"]
                if new:
                    print(show.heading(finding))
                print(show.line(finding, style), flush=True)
            findings.append(finding)
    except ControlError as error:
        return _refused(error, args, {"findings": findings} if findings else {})
    holds = show.holds(findings)
    if args.json:
        _print_json({"holds": holds, "findings": findings})
    else:
        print(show.total(findings))
    return 0 if holds else FAILED


def _agreed(args: argparse.Namespace, control: Control) -> bool:
    """Ask before devices are disturbed; who can't be asked has to say --yes."""
    from orchestrator import findings as show

    warning = show.warning(args.destinations, control.devices())
    if args.json or not sys.stdin.isatty():
        _complain("--disruptive needs a yes", warning, "to agree, add --yes")
        return False
    print(warning)
    try:
        agreed = input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        agreed = False
    if not agreed:
        print("Nothing was done.")
    return agreed


def _print(answer: Answer, args: argparse.Namespace) -> None:
    if args.json:
        _print_json(answer.data)
        return
    if answer.text:
        print(answer.text)
    sys.stdout.flush()
    for line in answer.aside:
        print(line, file=sys.stderr)
    for trouble in answer.trouble:
        _complain(trouble)


def _ask(question: str) -> str:
    """Ask on standard error, because standard output may go into a file. Raises EOFError."""
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        sys.stderr.write("\n")
        raise EOFError
    return answer


def _refused(
    error: ControlError, args: argparse.Namespace, so_far: Mapping[str, object] | None = None
) -> int:
    """Say what went wrong, and what would be right; with --json also what was found before."""
    from orchestrator.client import Unreachable

    unreachable = isinstance(error, Unreachable)
    if args.json:
        state = {"state": "unreachable"} if unreachable else {}
        mistakes = {"errors": list(error.errors)} if error.errors else {}
        _print_json(
            {**state, **(so_far or {}), "error": error.message, "hint": error.hint, **mistakes}
        )
    else:
        _complain(error.message, *error.errors, error.hint)
    return UNREACHABLE if unreachable else FAILED


def _complain(message: str, *details: str) -> None:
    from orchestrator.tree import clean

    lines = [f"orchestrator: {clean(message)}", *(f"  {clean(d)}" for d in details if d)]
    print("\n".join(lines), file=sys.stderr)


def _print_json(data: object) -> None:
    import json

    print(json.dumps(data, indent=2))


def _style() -> Style:
    """What standard output can show; a program that reads it gets no colour."""
    from datetime import datetime

    from orchestrator.runtime.clock import home_zone
    from orchestrator.tree import Style

    terminal = sys.stdout.isatty()
    encoding = (sys.stdout.encoding or "ascii").lower()
    columns = os.get_terminal_size(sys.stdout.fileno()).columns if terminal else 80
    return Style(
        width=max(40, min(columns or 80, 80)),
        unicode=encoding.startswith("utf"),
        colour=terminal and "NO_COLOR" not in os.environ,
        now=datetime.now(home_zone()),
    )


def _unknown_verb(word: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(word, VERBS, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(VERBS)}"
    _complain(f"there is no verb '{word}'", hint)
    return USAGE


def _last_resort(error: Exception, words: list[str]) -> int:
    if os.environ.get("MANYWAYS_DEBUG"):
        import traceback

        traceback.print_exc()
        return FAILED
    command = " ".join(["orchestrator", *words])
    line = (
        f"orchestrator: something unforeseen happened: {type(error).__name__}: {error}"
        f" (please report it with the output of: MANYWAYS_DEBUG=1 {command})"
    )
    print(" ".join(line.split()), file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
