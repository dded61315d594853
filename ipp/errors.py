"""What can go wrong between two parties that speak IPP: we misused the protocol, or the peer did."""

from .enums import Status


class IppError(Exception):
    """Root of every error this package raises on purpose."""


class LocalProtocolError(IppError):
    """The caller asked for what the protocol does not allow; a defect on our side."""


class RemoteProtocolError(IppError):
    """The peer sent what the protocol does not allow, or refused.

    `status` is the IPP status that fits (or that the peer gave). `offset` is the position of the first
    wrong octet, counted from the first octet of the message, where the error is one of encoding. The text
    is for our logs: a peer is answered with the status and a fixed text, never with this one.
    """

    def __init__(
        self,
        message: str,
        *,
        status: Status = Status.CLIENT_ERROR_BAD_REQUEST,
        offset: int | None = None,
    ) -> None:
        super().__init__(message if offset is None else f"{message} (octet {offset})")
        self.status = status
        self.offset = offset


class AuthenticationRequired(IppError):  # noqa: N818  # says what is the case, as the status does
    """Raised by a handler, before it reads the document, where only an authenticated user may go on."""


class ConnectionFailed(IppError):  # noqa: N818  # says what is the case
    """A peer could not be reached or trusted, went silent, or broke off.

    The text says what happened, where, and what to do. `may_have_arrived` tells whether the peer may have
    acted on the request: False means that it was never wholly or partly sent, so that it can be repeated.
    """

    def __init__(self, message: str, *, may_have_arrived: bool) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived


class CertificateChanged(ConnectionFailed):
    """A peer shows another certificate than the pinned one, with the SHA-256 fingerprint `shown`.

    Nothing was said to it.
    """

    def __init__(self, message: str, shown: str) -> None:
        super().__init__(message, may_have_arrived=False)
        self.shown = shown
