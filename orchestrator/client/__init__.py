"""The client of the control socket, so that the page and the command line speak alike.

It is the only part of the orchestrator that the page's container holds, so it needs nothing
but the standard library. What can go wrong, from a dead daemon to a mistyped name, arrives
as a `ControlError` whose message and hint a person can read as they are.
"""

from orchestrator.client.control import BASE as BASE
from orchestrator.client.control import CSRF as CSRF
from orchestrator.client.control import DEFAULT_SOCKET as DEFAULT_SOCKET
from orchestrator.client.control import Control as Control
from orchestrator.client.errors import ControlError as ControlError
from orchestrator.client.errors import Unreachable as Unreachable
from orchestrator.client.strict import NotStrict as NotStrict
from orchestrator.client.strict import read_object as read_object
from orchestrator.client.words import *  # noqa: F403
from orchestrator.client.words import describe_cut as describe_cut
from orchestrator.client.words import heard as heard
