"""What can go wrong between a client and the daemon, in words for a person."""

from __future__ import annotations


class ControlError(Exception):
    """A request that failed: what is wrong, what would be right, and all mistakes if several."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        errors: tuple[str, ...] = (),
        status: int = 500,
        wait: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.errors = errors
        self.status = status  # HTTP's, for the page
        self.wait = wait  # seconds until another try makes sense


class Unreachable(ControlError):
    """The daemon does not answer at all."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint, status=503)
