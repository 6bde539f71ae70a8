"""What every test shares: markers by folder, the order, time limits, and honest skips.

A test's folder says what it needs. Where that is missing, the test is skipped with the reason
in words; with MANYWAYS_STRICT=1, as `make test` runs it, it fails instead.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# In the order in which they run, with the seconds that one test, its fixtures included, may take.
TIME_LIMITS = {
    "unit": 30,
    "golden": 30,
    "netns": 60,
    "containers": 600,
    "leaks": 900,
    "web": 300,
    "vm": 1500,
}


def _kind(item: pytest.Item) -> str:
    """Return the name of the folder of tests/ that holds the test."""
    return item.path.relative_to(HERE).parts[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its folder, limit its time, and run the quick kinds first."""
    kinds = list(TIME_LIMITS)
    for item in items:
        kind = _kind(item)
        if kind not in TIME_LIMITS:
            raise pytest.UsageError(f"{item.nodeid}: tests live in tests/{{{','.join(kinds)}}}/")
        item.add_marker(kind)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIME_LIMITS[kind]))
    items.sort(key=lambda item: kinds.index(_kind(item)))


@functools.cache
def _missing(kind: str) -> str:
    """Return what a kind of tests lacks on this machine, or nothing."""
    if kind in ("unit", "golden"):
        return ""
    if os.geteuid() != 0:
        return "making network namespaces and containers needs root"
    programs = {
        "netns": ("ip", "nft", "unshare"),
        "containers": ("ip", "docker", "tcpdump"),
        "leaks": ("ip", "docker", "tcpdump", "nsenter", "nft"),
        "web": ("ip", "docker", "chromium"),
        "vm": ("qemu-system-x86_64", "docker", "mke2fs"),
    }[kind]
    option = "--tests-vm" if kind == "vm" else "--tests"
    if absent := [program for program in programs if shutil.which(program) is None]:
        return f"not installed: {', '.join(absent)} (compose/setup {option} installs them)"
    if "docker" in programs:
        return _engine_missing()
    return ""


@functools.cache
def _engine_missing() -> str:
    answer = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return "" if answer.returncode == 0 else f"Docker does not answer: {answer.stderr.strip()}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or with MANYWAYS_STRICT=1 fail, a test whose needs are not met."""
    missing = _missing(_kind(item))
    if not missing:
        return
    if os.environ.get("MANYWAYS_STRICT") == "1":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)
