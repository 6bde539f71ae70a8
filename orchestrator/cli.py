"""The command line, `orchestrator VERB`: its exit codes, its printing, and its last resort.

It must start fast on a small computer, so everything that a verb needs is imported when the
verb runs. No traceback reaches a person: what nobody foresaw becomes one line that says how
to report it, and MANYWAYS_DEBUG=1 shows the rest.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.command_line import USAGE, VERBS, build_parser

if TYPE_CHECKING:
    from orchestrator.client import Control, ControlError
    from orchestrator.tree import Style
    from orchestrator.verbs import Answer

FAILED, UNREACHABLE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141


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
    args.ask = _ask
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
    if answer.raw:
        sys.stdout.buffer.write(answer.raw)
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
