"""Programs of the system (ip, iw) that are asked for what the kernel knows or shall do."""

from __future__ import annotations

import subprocess


class Refused(Exception):
    """The system refused something; the message says what and why."""


def run(*command: str) -> str:
    """Return what a program prints. Raises Refused."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise Refused(f"{' '.join(command)}: {said or f'exit code {done.returncode}'}")
    return done.stdout
