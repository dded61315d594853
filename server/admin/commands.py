"""What can be asked over the admin socket, and what is answered: typed values, one JSON object a line.

A request is one line `{"command": "users.add", ...}`. Its answer is one line: `{"value": ...}` of the type
that the command's `answer` says, or `{"error": "what was wrong and what to do", "kind": "refused"}`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final, Literal, TypeAlias

import msgspec

from server.config import Authentication, QueueKind, QueueSettings, ReleaseAction

LINE_OCTETS_MAX: Final = 64 * 1024
ANSWER_OCTETS_MAX: Final = 64 * 1024 * 1024
LIST_MAX: Final = 10_000

Role: TypeAlias = Literal["user", "operator", "administrator"]
Which: TypeAlias = Literal["active", "finished", "all"]
# refused: it cannot be done so; the text says why. failed: a defect here; the daemon's log says more.
ErrorKind: TypeAlias = Literal["refused", "failed"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is answered."""


class PersonView(Answer, frozen=True):
    """A person. Neither password nor path can be read, only whether there is one."""

    name: str
    role: Role
    has_password: bool
    has_path: bool
    created: datetime


class PathView(Answer, frozen=True):
    """A secret path that was just made: where its person prints to. It is told this once."""

    name: str
    uris: list[str]


class QueueView(Answer, frozen=True):
    """A queue and its state. `uris` are where clients print to it."""

    name: str
    kind: QueueKind
    printer: str
    authentication: Authentication
    release: ReleaseAction
    info: str
    location: str
    default: bool
    from_file: bool
    state: str
    accepting: bool
    jobs: int
    uris: list[str]


class PrinterView(Answer, frozen=True):
    """A printer; with what it told of itself, where it was asked."""

    name: str
    uri: str
    info: str
    location: str
    from_file: bool
    make_and_model: str = ""
    state: str = ""
    formats: list[str] = []
    color: bool | None = None
    two_sided: bool | None = None
    certificate: str = ""


class DocumentView(Answer, frozen=True):
    """A document of a job."""

    number: int
    name: str
    format: str
    octets: int
    impressions: int | None


class JobView(Answer, frozen=True):
    """A job. `state` and `reasons` are the standards' keywords."""

    id: int
    uuid: str
    queue: str
    owner: str
    title: str
    state: str
    reasons: list[str]
    message: str
    created: datetime
    completed: datetime | None
    octets: int
    impressions: int | None
    printer: str | None
    documents: list[DocumentView] = []
    asked: dict[str, str] = {}


class EventView(Answer, frozen=True):
    """An event of the ledger."""

    seq: int
    at: datetime
    kind: str
    actor: str
    job: int | None
    subject: str
    payload: dict[str, Any]
    hash: str


class FaultView(Answer, frozen=True):
    """A place where the ledger is not what was written."""

    seq: int
    what: str


class VerdictView(Answer, frozen=True):
    """What reading the whole ledger found."""

    sound: bool
    events: int
    head: str
    faults: list[FaultView]


class ProfileView(Answer, frozen=True):
    """An AirPrint profile, and the secret path in it."""

    name: str
    octets: bytes
    uris: list[str]


class StatusView(Answer, frozen=True):
    """The daemon itself."""

    version: str
    pid: int
    addresses: list[str]
    queues: int
    jobs: int
    fingerprint: str


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command"):
    """A request. `answer` is the type of its value."""

    answer: ClassVar[Any] = None


class GetStatus(Command, frozen=True, tag="status"):
    """How the daemon is."""

    answer: ClassVar[Any] = StatusView


class AddPerson(Command, frozen=True, tag="users.add"):
    """Make a person known; without a password they print by a secret path only."""

    answer: ClassVar[Any] = PersonView
    name: str
    password: str | None = None
    role: Role = "user"


class ListPeople(Command, frozen=True, tag="users.list"):
    """Who is known."""

    answer: ClassVar[Any] = list[PersonView]


class RemovePerson(Command, frozen=True, tag="users.remove"):
    """Forget a person and cancel what they have parked; gives the number of jobs canceled."""

    answer: ClassVar[Any] = int
    name: str


class SetPassword(Command, frozen=True, tag="users.password"):
    """Another password, or none."""

    answer: ClassVar[Any] = PersonView
    name: str
    password: str | None


class SetRole(Command, frozen=True, tag="users.role"):
    """Another role."""

    answer: ClassVar[Any] = PersonView
    name: str
    role: Role


class MakePath(Command, frozen=True, tag="users.link"):
    """A new secret path, in place of the one before."""

    answer: ClassVar[Any] = PathView
    name: str
    queue: str = ""


class RevokePath(Command, frozen=True, tag="users.unlink"):
    """No secret path any more."""

    answer: ClassVar[Any] = PersonView
    name: str


class MakeProfile(Command, frozen=True, tag="profile"):
    """An AirPrint profile around a new secret path. `host` is where the devices reach this machine.

    With `sign` it is signed by the key of the daemon's TLS certificate.
    """

    answer: ClassVar[Any] = ProfileView
    name: str
    queue: str = ""
    host: str = ""
    sign: bool = False


class ListQueues(Command, frozen=True, tag="queues.list"):
    """The queues."""

    answer: ClassVar[Any] = list[QueueView]


class AddQueue(Command, frozen=True, tag="queues.add"):
    """A new queue."""

    answer: ClassVar[Any] = QueueView
    queue: QueueSettings


class SetQueue(Command, frozen=True, tag="queues.set"):
    """Change those settings of a queue that are given."""

    answer: ClassVar[Any] = QueueView
    name: str
    kind: QueueKind | None = None
    printer: str | None = None
    authentication: Authentication | None = None
    release: ReleaseAction | None = None
    info: str | None = None
    location: str | None = None
    default: bool | None = None


class RemoveQueue(Command, frozen=True, tag="queues.remove"):
    """Take a queue away."""

    name: str


class ListPrinters(Command, frozen=True, tag="printers.list"):
    """The printers."""

    answer: ClassVar[Any] = list[PrinterView]


class AddPrinter(Command, frozen=True, tag="printers.add"):
    """A new printer; asked what it is first, unless `probe` is false. Its name follows from what it says."""

    answer: ClassVar[Any] = PrinterView
    uri: str
    name: str = ""
    info: str = ""
    location: str = ""
    probe: bool = True


class ProbePrinter(Command, frozen=True, tag="printers.probe"):
    """Ask a known printer, by its name, or any, by its URI, what it is."""

    answer: ClassVar[Any] = PrinterView
    printer: str


class TrustPrinter(Command, frozen=True, tag="printers.trust"):
    """Forget the certificate that a printer showed at first; take the next, or only the one given.

    `certificate` is a SHA-256 fingerprint in hexadecimal digits.
    """

    answer: ClassVar[Any] = PrinterView
    name: str
    certificate: str = ""


class RemovePrinter(Command, frozen=True, tag="printers.remove"):
    """Take a printer away."""

    name: str


class ListJobs(Command, frozen=True, tag="jobs.list"):
    """Jobs, in the order they will print; finished ones newest first."""

    answer: ClassVar[Any] = list[JobView]
    which: Which = "active"
    owner: str | None = None
    queue: str | None = None
    limit: int = 100


class ShowJob(Command, frozen=True, tag="jobs.show"):
    """One job with its documents and what was asked for it."""

    answer: ClassVar[Any] = JobView
    job: int


class ReleaseJob(Command, frozen=True, tag="release"):
    """Let a parked job come out of a printer; one with a job-password (a PIN) with that only."""

    answer: ClassVar[Any] = JobView
    job: int
    printer: str
    pin: str | None = None


class CancelJob(Command, frozen=True, tag="cancel"):
    """Cancel a job and destroy its documents."""

    answer: ClassVar[Any] = JobView
    job: int


class VerifyLedger(Command, frozen=True, tag="ledger.verify"):
    """Read the whole ledger. `head` is what an earlier verification noted: `SEQ:HASH`."""

    answer: ClassVar[Any] = VerdictView
    head: str = ""


class ShowLedger(Command, frozen=True, tag="ledger.show"):
    """Events after a number, or (None) the newest ones; oldest first."""

    answer: ClassVar[Any] = list[EventView]
    after: int | None = None
    job: int | None = None
    limit: int = 100


AnyCommand: TypeAlias = (
    GetStatus
    | AddPerson
    | ListPeople
    | RemovePerson
    | SetPassword
    | SetRole
    | MakePath
    | RevokePath
    | MakeProfile
    | ListQueues
    | AddQueue
    | SetQueue
    | RemoveQueue
    | ListPrinters
    | AddPrinter
    | ProbePrinter
    | TrustPrinter
    | RemovePrinter
    | ListJobs
    | ShowJob
    | ReleaseJob
    | CancelJob
    | VerifyLedger
    | ShowLedger
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer's envelope: a value, or what was wrong."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""
    kind: ErrorKind = "refused"
