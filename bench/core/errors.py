"""The one exception that a user is meant to see."""


class UserError(Exception):
    """A problem the user can mend: what failed, what is known and the next step, in one line.

    The command line prints the message without a traceback and exits with `code` (2: bad input,
    3: the run is held by another process).
    """

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code
