"""`orchestrator up` after a change that could cut the home network off: how to keep it, and what
became of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from orchestrator.client import Control, Probation
from orchestrator.tree import clean

INTERRUPTED = 130
_LOOK_EVERY_S = 1.0
_JOIN_ANEW = (
    "\nA device takes up other addresses when it joins anew: pull its cable, or switch its Wi-Fi"
    " off and on."
)


def wait(
    control: Control, output: TextIO, errors: TextIO, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Wait until the change on probation is kept (0) or taken back (1); print which, and how to
    keep it. Interrupting ends the waiting only (130). Raises ControlError.
    """
    status = control.status()
    now = status["probation"]
    if now is not None and now["state"] != "taken back":
        print(how_to_keep(now, status["lan"]["page"]), file=output, flush=True)
    terminal, drawn = output.isatty(), False
    try:
        while now is not None and now["state"] != "taken back":
            if terminal:
                print(f"\r{now['seconds_left']:3} s left ", end="", file=output, flush=True)
                drawn = True
            sleep(_LOOK_EVERY_S)
            now = control.status()["probation"]
    except KeyboardInterrupt:
        print(f"{_end(drawn)}The time goes on; to keep the change: orchestrator confirm",
              file=output)  # fmt: skip
        return INTERRUPTED
    if now is None:
        print(f"{_end(drawn)}The change is kept.", file=output)
        return 0
    print(_end(drawn), end="", file=output, flush=True)
    print(f"orchestrator: the change was taken back, because {clean(now['why'])}", file=errors)
    print("  everything is as it was; mend router.yaml and say: orchestrator up", file=errors)
    return 1


def how_to_keep(now: Probation, page: str) -> str:
    """What a person has to do while a change waits."""
    joins = any(reason.startswith("lan.") for reason in now["reasons"])
    return (
        f"This could cut the home network off: {clean('; '.join(now['reasons']))}.\n"
        f"It is taken back by itself in {now['seconds_left']} s, unless somebody opens"
        f" {clean(page)} on a device at home\nor says here: orchestrator confirm"
        + (_JOIN_ANEW if joins else "")
    )


def _end(drawn: bool) -> str:
    return "\n" if drawn else ""
