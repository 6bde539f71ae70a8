"""A daemon without one of its threads looks well and is not: it ends, so that Docker starts it."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import threading
from orchestrator import daemon

class OneThread:
    def __init__(self, *_words):
        self.thread = threading.Thread(target=lambda: {}["nobody"], name="events")

    def run(self, _socket):
        self.thread.start()
        self.thread.join()
        print("it went on")

daemon.Daemon = OneThread
daemon.main()
"""


def test_a_thread_that_dies_takes_the_process_along_and_says_why() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "thread events ended" in ended.stderr
    assert "KeyError: 'nobody'" in ended.stderr
