"""What goes wrong with what a user chooses. Errors of files lie with who reads these."""

from __future__ import annotations


class OptionError(ValueError):
    """A choice that cannot be, or that does not go with the others; the message tells the remedy."""

    def __init__(self, message: str, option: str | None = None) -> None:
        """`option`: the keyword of `longtake.open` that it is about, and its name on the command line."""
        super().__init__(message)
        self.option = option

    def __reduce__(self) -> tuple[type[OptionError], tuple[str, str | None]]:
        return OptionError, (str(self), self.option)
