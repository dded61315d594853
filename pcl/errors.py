"""The only exceptions that leave this package."""

__all__ = ["ClaimError", "ConversionError", "PclError", "WriterError"]


class PclError(Exception):
    """Root of the package's own exceptions; a foreign stream never raises it out of an Analyzer.

    `offset` is the octet of the stream where the matter lies, None where there is no such place.
    """

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message if offset is None else f"{message} (octet {offset})")
        self.message = message
        self.offset = offset


class ClaimError(PclError):
    """The caller used an analyser wrongly: fed it after finish(), or finished it twice."""


class WriterError(PclError):
    """A page was given to a writer that cannot hold it; says which value and what is allowed."""


class ConversionError(PclError):
    """A stream cannot be converted; says what in it stands in the way."""
