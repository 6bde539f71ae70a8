"""The docker command as the demo uses it.

The demo runs before any virtual environment exists, so it has the standard library and the
docker command only.
"""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class DemoError(Exception):
    """The demo cannot go on; the message says what is wrong and how to look."""


def docker(*arguments: str, timeout: float = 120.0) -> str:
    """Return what `docker ARGUMENTS` printed. Raises DemoError with docker's own words."""
    done = attempt(*arguments, timeout=timeout)
    if done.returncode != 0:
        raise DemoError(f"`docker {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout


def attempt(*arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run docker and return the outcome, good or bad. Raises DemoError when it cannot run."""
    try:
        return subprocess.run(
            ("docker", *arguments), capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise DemoError("the docker command is missing; `make setup` installs it") from None
    except subprocess.TimeoutExpired:
        raise DemoError(
            f"`docker {' '.join(arguments)}` did not end within {timeout:.0f} s"
        ) from None


def identifiers(kind: str, label: str) -> list[str]:
    """Return the ids of all containers, networks or volumes (`kind`, singular) with `label`."""
    everything = ("--all",) if kind == "container" else ()
    return docker(kind, "ls", "--quiet", *everything, "--filter", f"label={label}").split()


def inspect(kind: str, *names: str) -> list[dict[str, Any]]:
    """Return docker's description of each of `names` that exists."""
    found = []
    for name in names:
        outcome = attempt(kind, "inspect", name)
        if outcome.returncode == 0:
            found += json.loads(outcome.stdout)
    return found


def long_run(
    label: str,
    command: Sequence[str],
    log: Path,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> None:
    """Run a command that takes minutes, its output in `log`, with a sign of life every 15 s.

    Raises DemoError with the end of the log when it fails or takes more than `timeout` seconds.
    """
    print(f"{label} …", flush=True)
    started = time.monotonic()
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=directory
        ) as process,
    ):
        while True:
            try:
                code = process.wait(timeout=15)
                break
            except subprocess.TimeoutExpired:
                passed = time.monotonic() - started
                if passed > timeout:
                    process.terminate()
                    raise DemoError(f"{label}: not done after {timeout:.0f} s; see {log}") from None
                print(f"{label} … {passed:.0f} s", flush=True)
    if code != 0:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise DemoError(f"{label}: failed (all of it: {log})\n{end}")
