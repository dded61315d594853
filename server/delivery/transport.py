"""What carries a job to a device: the protocol of transports, and what they exchange with the dispatcher."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from ipp import Attributes, JobState
from ipp.job import Document, Job
from server.errors import PullprintError


class DeliveryError(PullprintError):
    """A delivery that printed nothing for sure. The text is for the job's owner: what, where, what to do.

    `reasons` are job-state-reasons that say why.
    """

    def __init__(self, text: str, *, reasons: frozenset[str] = frozenset()) -> None:
        super().__init__(text)
        self.reasons = reasons


class NotDeliveredError(DeliveryError):
    """The device did not print the job, and will not. `again`: the same attempt may succeed a little later.

    `state` is how the device ended its job, where it had one.
    """

    def __init__(
        self,
        text: str,
        *,
        reasons: frozenset[str] = frozenset(),
        again: bool = False,
        state: JobState | None = None,
    ) -> None:
        super().__init__(text, reasons=reasons)
        self.again = again
        self.state = state


class OutcomeUnknownError(DeliveryError):
    """Octets left, and nobody can say whether they were or will be printed: only a person can look."""


@dataclass(frozen=True, slots=True)
class Device:
    """An output device as a transport needs it. `certificate` is the pinned SHA-256 fingerprint, or empty."""

    name: str
    uri: str = field(repr=False)  # may hold credentials
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Cargo:
    """One document on its way out. Each iteration over `octets` opens it anew, from the beginning."""

    document: Document
    octets: AsyncIterable[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """What the device tells while it has the job."""

    stopped: bool = False
    message: str = ""
    impressions: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the device told of a job that it completed: impressions, where it counts them, and what to add to
    the job-state-reasons and to the message."""

    impressions: int | None = None
    reasons: frozenset[str] = frozenset()
    message: str = ""


Note: TypeAlias = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shipment:
    """One attempt to bring a job to a device, as the journal has it: `number` is the journal's.

    `remote_job` is the transport's own note of how far it came, None where it made none: `note` keeps a new
    one, durable when it returns. `pin` keeps the fingerprint of a certificate that was trusted at first use.
    """

    number: int
    job: Job
    cargo: tuple[Cargo, ...] = field(repr=False)
    remote_job: str | None = None
    note: Note = field(repr=False, kw_only=True)
    pin: Note = field(repr=False, kw_only=True)
    report: Callable[[Progress], Awaitable[None]] = field(repr=False, kw_only=True)


class Transport(Protocol):
    """Brings jobs to one device. One contract test holds every implementation to what is said here.

    Each of the last three returns only when the device has completed the job, and else raises
    `NotDeliveredError` or `OutcomeUnknownError`. Whatever it raises, cancellation included, the journal's
    note is enough for `settle` and `cancel` to go on from there, in another process too.
    """

    async def probe(self) -> Attributes:
        """What the device tells of itself; nothing, where the transport cannot ask."""
        ...

    async def deliver(self, shipment: Shipment) -> Receipt:
        """Bring the job to the device and wait until it is printed."""
        ...

    async def settle(self, shipment: Shipment) -> Receipt:
        """Find out how an attempt that was cut short ended, or ends. Nothing is sent a second time."""
        ...

    async def cancel(self, shipment: Shipment) -> Receipt:
        """Stop an attempt that was cut short, where the device still can; it may be completed by then."""
        ...
