"""The Printer object: what every request must be, which operation answers it, which attributes are given.

    octets -> Message -> Printer.handle: envelope (RFC 8011 4.1) -> operation -> Response

The operations are in `ipp.operations`; the jobs are in the spool; the HTTP side is `ipp.endpoint`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from .encoder import encode, encode_attribute
from .enums import GroupTag, Status, Tag
from .errors import AuthenticationRequired, RemoteProtocolError
from .exchange import Request, Response, User
from .job import Job
from .message import Attribute, Attributes, Group, Message
from .registry import attribute
from .spool import Clock, PrinterStatus, Spool, utc_now
from .subscriptions import Subscriptions
from .ticket import check_count, check_value
from .values import OutOfBand
from .vocabulary.attributes import ATTRIBUTES, MEMBERS
from .vocabulary.enums import Operation

VERSIONS: Final = ((1, 0), (1, 1), (2, 0), (2, 1), (2, 2))

# Only given when named (PWG 5100.7 6.9.38): it is larger than all the rest.
_ONLY_WHEN_NAMED: Final = frozenset({"media-col-database"})
# What clients may ask of a job, and the members of those that are collections: what a printer supports of
# either is its job-template group (RFC 8011 5.2, PWG 5100.7; `media-size-supported` of `media-col`).
_JOB_TEMPLATE: Final = frozenset(ATTRIBUTES["job-template"]) | {
    member
    for path, members in MEMBERS.items()
    if path.partition("/")[0] in ATTRIBUTES["job-template"]
    for member in members
}
_OPERATION: Final = frozenset(ATTRIBUTES["operation"])
# What a printer supports of a subscription (RFC 3995 11.2.3, table 1).
_SUBSCRIPTION_TEMPLATE: Final = frozenset(
    {
        "charset-supported",
        "generated-natural-language-supported",
        "notify-events-default",
        "notify-events-supported",
        "notify-lease-duration-default",
        "notify-lease-duration-supported",
        "notify-max-events-supported",
        "notify-pull-method-supported",
    }
)

# Operations that may come without a target (CUPS asks for the printers of a host).
UNTARGETED: Final = frozenset({0x4001, 0x4002})
# Operation attributes that are not registered as such: some are registered elsewhere, some are of CUPS.
_ALSO_OPERATION: Final = frozenset(
    {
        "first-printer-name",
        "my-subscriptions",
        "notify-job-id",
        "notify-subscription-id",
        "predecessor-job-id",
        "printer-type",
        "printer-type-mask",
        "purge-jobs",
    }
)
# Refusals that say which attributes they are about.
_NAMES_ATTRIBUTES: Final = frozenset(
    {
        Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED,
        Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE,
        Status.CLIENT_ERROR_COMPRESSION_NOT_SUPPORTED,
        Status.CLIENT_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED,
        Status.CLIENT_ERROR_NOT_FOUND,
    }
)
_GROUPS: Final = frozenset({"all", "job-template", "printer-description", "subscription-template"})
_CHARSET_AND_LANGUAGE: Final = (
    attribute("attributes-charset", "utf-8"),
    attribute("attributes-natural-language", "en"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """How a client came to the printer, as the printer tells it in its URIs.

    `plain` and `tls` say which of ipp and ipps this path answers; `authentication` is the keyword of
    uri-authentication-supported.
    """

    plain: bool = True
    tls: bool = True
    authentication: Literal["none", "requesting-user-name", "basic", "oauth"] = "requesting-user-name"


# May this user do this? The job is None where the operation is about the printer itself.
Policy: TypeAlias = Callable[[User, Operation, Job | None], bool]


def owners_and_operators(user: User, operation: Operation, job: Job | None) -> bool:
    """The policy of a small printer: a job is its owner's, the printer everybody's; operators may all."""
    return user.operator or job is None or job.owner == user.name


@dataclass(slots=True)
class Call:
    """One request on its way through an operation, with what the envelope has found out."""

    printer: Printer
    request: Request
    access: Access
    user: User
    unsupported: list[Attribute] = field(default_factory=list)

    @property
    def message(self) -> Message:
        """The request's message."""
        return self.request.message

    @property
    def spool(self) -> Spool:
        """Where the printer's jobs are."""
        return self.printer.spool

    @property
    def operation(self) -> Operation:
        """What is asked."""
        return self.message.operation

    @property
    def asked(self) -> Group:
        """The operation attributes."""
        return self.message.operation_attributes

    def may(self, job: Job | None = None) -> bool:
        """Whether the printer's policy lets this user do this operation (to this job)."""
        return self.printer.policy(self.user, self.operation, job)

    def demand(self, job: Job | None = None) -> None:
        """Raise client-error-not-authorized where `may` says no."""
        if not self.may(job):
            raise RemoteProtocolError("not this user's", status=Status.CLIENT_ERROR_NOT_AUTHORIZED)

    @property
    def printer_uri(self) -> str:
        """The printer's URI as this client calls it."""
        return self.printer.uri_for(self.request)

    def reply(
        self,
        status: Status = Status.SUCCESSFUL_OK,
        groups: Iterable[Group] = (),
        told: Iterable[Attribute] = (),
    ) -> Response:
        """The answer; where attributes were ignored, with them and the status that says so.

        `told` are further operation attributes.
        """
        if self.unsupported and status is Status.SUCCESSFUL_OK:
            status = Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
        return self.printer.respond(self.message, status, groups, self.unsupported, told)


Handler: TypeAlias = Callable[[Call], Awaitable[Response]]


class Printer:
    """One printer: its attributes, its operations, its jobs.

    `attributes` are those that do not change from one request to the next (`ipp.everywhere.attributes` makes
    them); what depends on the moment and on how the client came is added to each answer. `operations` says
    which operations there are, and operations-supported follows from it. `authenticated` names the operations
    for which a user must be authenticated. `pages` is the path of the page for people (printer-more-info) and
    `icons` are paths of images.

    Attributes are encoded once, when they change; an answer to Get-Printer-Attributes joins what is ready.
    """

    def __init__(
        self,
        attributes: Attributes,
        operations: Mapping[Operation, Handler],
        spool: Spool,
        *,
        policy: Policy = owners_and_operators,
        access: Access = Access(),
        authenticated: frozenset[Operation] = frozenset(),
        page: str = "/",
        icons: tuple[str, ...] = (),
        clock: Clock = utc_now,
    ) -> None:
        self.spool = spool
        self.policy = policy
        self.clock = clock
        self.operations = dict(operations)
        self.access = access
        self.subscriptions = Subscriptions(spool.notices, clock)
        self._authenticated = authenticated
        self._page = page
        self._icons = icons
        self._attributes = Attributes()
        self._encoded: dict[str, bytes] = {}
        self._selectable: frozenset[str] = _GROUPS  # names of groups, and of what is encoded
        self._started = clock()
        self._config_changed = self._started
        self._changes = 0  # how often attributes were set: two changes may come at one time of the clock
        self._select = lru_cache(maxsize=64)(self._join)
        self._moment = lru_cache(maxsize=64)(self._encode_moment)
        self.set_attributes(attributes)

    @property
    def attributes(self) -> Attributes:
        """The static attributes; change them by `set_attributes`."""
        return self._attributes

    def set_attributes(self, attributes: Iterable[Attribute]) -> None:
        """Add or replace static attributes, and encode them anew."""
        merged = Attributes(self._attributes)
        for each in (*attributes, *self._own()):
            merged.put(each)
        self._attributes = merged
        self._encoded = {each.name: encode_attribute(each) for each in merged}
        self._selectable = _GROUPS.union(self._encoded)
        self._config_changed = self.clock()
        self._changes += 1
        self._select.cache_clear()
        self._moment.cache_clear()

    def _own(self) -> Iterable[Attribute]:
        """What follows from how this object works."""
        yield attribute("charset-configured", "utf-8")
        yield attribute("charset-supported", "utf-8")
        yield attribute("natural-language-configured", "en")
        yield attribute("generated-natural-language-supported", "en")
        versions = [f"{major}.{minor}" for major, minor in VERSIONS]
        yield attribute("ipp-versions-supported", *versions)
        yield attribute("operations-supported", *sorted(int(code) for code in self.operations))

    def through(self, access: Access) -> Entrance:
        """The same printer, reached in another way."""
        return Entrance(self, access)

    async def handle(self, request: Request) -> Response:
        """Answer a request that came by the printer's usual way. Raises as `exchange.Handler` says."""
        return await self.answer(request, self.access)

    async def answer(self, request: Request, access: Access) -> Response:
        """Answer a request that came as `access` says."""
        message = request.message
        call: Call | None = None
        try:
            self._check_envelope(message)
            handler = self.operations.get(message.operation)
            if handler is None:
                raise RemoteProtocolError(
                    f"no operation 0x{message.code:04x}", status=Status.SERVER_ERROR_OPERATION_NOT_SUPPORTED
                )
            call = Call(self, request, access, self._user(request))
            self._check_target(call)
            self._check_operation_attributes(call)
            return await handler(call)
        except RemoteProtocolError as error:
            if error.offset is not None:
                raise  # the encoding itself is wrong: HTTP's business
            named = call is not None and error.status in _NAMES_ATTRIBUTES
            return self.respond(message, error.status, unsupported=call.unsupported if call and named else ())

    def _user(self, request: Request) -> User:
        """The most authenticated user there is (RFC 8011 9.3): no claimed name where one was proved."""
        if request.user is not None:
            return request.user
        if request.message.operation in self._authenticated:
            raise AuthenticationRequired
        claimed = request.message.operation_attributes.string("requesting-user-name", "anonymous")
        return User(str(claimed) or "anonymous", authenticated=False)

    def _check_envelope(self, message: Message) -> None:
        """RFC 8011 4.1.1 to 4.1.4, in the order in which peers answer for them."""
        if message.version not in VERSIONS:
            raise RemoteProtocolError(
                f"version {message.version}", status=Status.SERVER_ERROR_VERSION_NOT_SUPPORTED
            )
        if message.request_id <= 0:
            raise RemoteProtocolError("request-id is not positive")
        tags = [group.tag for group in message.groups]
        if tags.count(GroupTag.OPERATION) > 1 or (tags and tags[0] != GroupTag.OPERATION):
            raise RemoteProtocolError("operation attributes are not the first group, and once", offset=8)
        asked = message.operation_attributes
        if asked.names()[:2] != ["attributes-charset", "attributes-natural-language"]:
            raise RemoteProtocolError("attributes-charset, then attributes-natural-language, must come first")
        if asked["attributes-charset"].tag != Tag.CHARSET or (
            asked["attributes-natural-language"].tag != Tag.NATURAL_LANGUAGE
        ):
            raise RemoteProtocolError("charset or natural language of another syntax")
        charset = asked.string("attributes-charset", "")
        if charset.lower() not in ("utf-8", "us-ascii"):
            raise RemoteProtocolError(f"charset {charset}", status=Status.CLIENT_ERROR_CHARSET_NOT_SUPPORTED)
        for group in message.groups:
            if len(set(group.names())) != len(group):
                raise RemoteProtocolError("an attribute stands twice in a group")

    def _check_target(self, call: Call) -> None:
        """RFC 8011 4.1.5: printer-uri, or job-uri, third; and it is this printer's."""
        asked = call.asked
        uri = asked.string("printer-uri") or asked.string("job-uri")
        if uri is None:
            if call.operation in UNTARGETED:
                return
            raise RemoteProtocolError("neither printer-uri nor job-uri")
        if asked.names()[2] not in ("printer-uri", "job-uri"):
            raise RemoteProtocolError("the target is not the third attribute")
        try:
            path = urlsplit(uri).path.rstrip("/")
        except ValueError as error:
            raise RemoteProtocolError("the target is no URI") from error
        own = urlsplit(self.uri_for(call.request)).path
        if path != own and not (path.startswith(f"{own}/") and is_number(path[len(own) + 1 :])):
            raise RemoteProtocolError("another printer's URI", status=Status.CLIENT_ERROR_NOT_FOUND)

    def uri_for(self, request: Request) -> str:
        """The printer's URI as the client of this request calls it, without a job's number behind it."""
        head, _, tail = request.uri.rstrip("/").rpartition("/")
        return head if is_number(tail) else request.uri.rstrip("/")

    def _check_operation_attributes(self, call: Call) -> None:
        """RFC 8011 4.1.7: syntaxes and lengths; names nobody knows go back as unsupported."""
        for each in call.asked:
            if each.name not in _OPERATION and each.name not in _ALSO_OPERATION:
                call.unsupported.append(Attribute.of(each.name, Tag.UNSUPPORTED, OutOfBand.UNSUPPORTED))
                continue
            check_value(each)
            check_count(each)

    def respond(
        self,
        message: Message,
        status: Status,
        groups: Iterable[Group] = (),
        unsupported: Iterable[Attribute] = (),
        told: Iterable[Attribute] = (),
    ) -> Response:
        """A response to a request: its version and request-id, the charset and language, then the groups."""
        version = message.version if message.version in VERSIONS else (2, 0)
        answer = Message(
            status, message.request_id, [Group(GroupTag.OPERATION, (*_CHARSET_AND_LANGUAGE, *told))], version
        )
        refused = list(unsupported)
        if refused:
            answer.groups.append(Group(GroupTag.UNSUPPORTED, refused))
        answer.groups.extend(groups)
        return Response(encode(answer))

    async def describe(self, call: Call, requested: frozenset[str]) -> bytes:
        """The octets of the printer attributes that were requested, as this client is to see them."""
        status = await self.spool.status()
        second = int(self.clock().timestamp())
        moment = self._moment(call.printer_uri, call.request.secure, call.access, status, second)
        told = [octets for name, octets in moment.items() if is_requested(name, requested)]
        # Only names that there are: strangers choose the others, and what is selected is remembered.
        return b"".join((self._select(requested & self._selectable), *told))

    async def attributes_at(self, uri: str, access: Access | None = None) -> Attributes:
        """Every attribute as a client that comes by this URI is told; what DNS-SD says is made from these."""
        now = self.clock()
        status = await self.spool.status()
        secure = uri.startswith("ipps:")
        moment = (*self._uris(uri, secure, access or self.access), *self._state(status, now))
        return Attributes((*self._attributes, *moment))

    def up_time_at(self, when: datetime) -> int:
        """A moment on the scale of printer-up-time (RFC 8011 5.4.29): seconds, 1 when the printer started.

        What happened before that is 0 or less (RFC 8011 5.3.14).
        """
        return int((when - self._started).total_seconds()) + 1

    @property
    def up_time(self) -> int:
        """printer-up-time now: at least 1, also where the clock was set back."""
        return max(1, self.up_time_at(self.clock()))

    def unchanged(self) -> Callable[[], bool]:
        """Whether what is told of the printer is still what it is now; within one second of the clock."""
        then = self._stamp()
        return lambda: self._stamp() == then

    def _stamp(self) -> tuple[object, int, int]:
        return self.spool.stamp, self._changes, int(self.clock().timestamp())

    def _join(self, requested: frozenset[str]) -> bytes:
        return b"".join(octets for name, octets in self._encoded.items() if is_requested(name, requested))

    def _encode_moment(
        self, uri: str, secure: bool, access: Access, status: PrinterStatus, second: int
    ) -> dict[str, bytes]:
        """The attributes that depend on the moment or on how the client came, encoded once a second."""
        now = datetime.fromtimestamp(second, self._started.tzinfo)
        made = (*self._uris(uri, secure, access), *self._state(status, now))
        return {each.name: encode_attribute(each) for each in made}

    def _uris(self, uri: str, secure: bool, access: Access) -> Iterable[Attribute]:
        """Every URI is built from the host and path that the client used: it can reach those."""
        rest = uri.partition("://")[2]
        host = rest.partition("/")[0]
        ways = [("ipps", "tls")] * access.tls + [("ipp", "none")] * access.plain
        yield attribute("printer-uri-supported", *(f"{scheme}://{rest}" for scheme, _ in ways))
        yield attribute("uri-security-supported", *(security for _, security in ways))
        yield attribute("uri-authentication-supported", *[access.authentication] * len(ways))
        web = f"{'https' if secure or not access.plain else 'http'}://{host}"
        yield attribute("printer-more-info", f"{web}{self._page}")
        yield attribute("printer-supply-info-uri", f"{web}{self._page}")
        if self._icons:
            yield attribute("printer-icons", *(f"{web}{icon}" for icon in self._icons))

    def _state(self, status: PrinterStatus, now: datetime) -> Iterable[Attribute]:
        reasons = sorted(status.reasons) or ["none"]
        yield attribute("printer-state", status.state)
        yield attribute("printer-state-reasons", *reasons)
        yield attribute("printer-state-message", status.message)
        # integer(1:MAX): a state from before the start has been that of this printer since its start.
        yield attribute("printer-state-change-time", max(1, self.up_time_at(status.changed)))
        yield attribute("printer-state-change-date-time", status.changed)
        yield attribute("printer-is-accepting-jobs", status.accepting_jobs)
        yield attribute("queued-job-count", status.queued_jobs)
        yield attribute("printer-up-time", max(1, self.up_time_at(now)))
        yield attribute("printer-current-time", now)
        yield attribute("printer-config-change-time", max(1, self.up_time_at(self._config_changed)))
        yield attribute("printer-config-change-date-time", self._config_changed)
        yield attribute("printer-alert", *(_alert(reason) for reason in reasons))
        yield attribute("printer-alert-description", *reasons)


def is_number(text: str) -> bool:
    """Whether this is a job's number in a URI: digits of ASCII; `str.isdigit` also takes a superscript."""
    return text.isascii() and text.isdigit()


def _alert(reason: str) -> bytes:
    """A printer-alert value (PWG 5100.9 5.2.2) for a printer-state-reasons keyword."""
    severity = {"error": "critical", "warning": "warning"}.get(reason.rpartition("-")[2], "other")
    return f"code=other;severity={severity};group=generalPrinter;groupindex=1".encode()


def is_requested(name: str, requested: frozenset[str]) -> bool:
    """Whether requested-attributes (RFC 8011 4.2.5.1) asks for a printer attribute, by name or by group."""
    if name in requested:
        return True
    if name in _ONLY_WHEN_NAMED:
        return False
    if "all" in requested:
        return True
    if name in _SUBSCRIPTION_TEMPLATE and "subscription-template" in requested:
        return True
    for suffix in ("-default", "-supported", "-ready", "-database"):
        if name.endswith(suffix) and name.removesuffix(suffix) in _JOB_TEMPLATE:
            return "job-template" in requested
    return "printer-description" in requested


@dataclass(frozen=True, slots=True)
class Entrance:
    """A printer as it is reached by one kind of path; what a Route leads to."""

    printer: Printer
    access: Access

    async def handle(self, request: Request) -> Response:
        """Answer as the printer does, with URIs that fit this path."""
        return await self.printer.answer(request, self.access)
