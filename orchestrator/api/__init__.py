"""The control API, as HTTP over a unix socket."""

from orchestrator.api.app import make_app as make_app
from orchestrator.api.server import make_server as make_server
