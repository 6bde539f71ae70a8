"""The first process of an egress container: `python3 -m egress`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from egress import settings
from egress.child import NotAllowed
from egress.network import NetworkError
from egress.supervisor import Supervisor
from legs import LegsMissing

_SETTINGS = Path("/etc/manyways/egress.json")


def main() -> int:
    """Run until told to end. What stops it from starting is said in one line."""
    # Process 1 has no default way to end; the supervisor takes over once it runs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        Supervisor(settings.load(_SETTINGS)).run()
    except (settings.SettingsError, NetworkError, NotAllowed, LegsMissing) as error:
        print(f"egress: {error}", flush=True)
        return 1
    return 0


sys.exit(main())
