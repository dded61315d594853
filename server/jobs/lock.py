"""The lock of a job with a job-password (PWG 5100.11 5.1): wanted at the release, and hard to guess."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from ipp import RemoteProtocolError, Status
from ipp.exchange import User
from ipp.job import Job
from ipp.spool import Clock
from server.errors import NotStoredError
from server.identity.guessing import Attempts, Rate, Rates
from server.jobs.actors import actor_of
from server.storage import ledger
from server.storage.index import Index, Transaction

_log: Final = logging.getLogger(__name__)

# Why a parked job waits, and why one that has a password does (PWG 5100.11).
PARKED: Final = "job-release-wait"
LOCKED: Final = "job-password-wait"
# A PIN of four digits is one of 10,000: of each job five may be tried at once, then 144 a day, from wherever.
RATES: Final = Rates(origin=Rate(20, 15), name_at_origin=Rate(5, 600), name=Rate(5, 600))


class Passwords(Protocol):
    """Slow hashing: `identity.people.Hasher`."""

    async def hash_octets(self, octets: bytes) -> str:
        """The PHC string of a secret."""
        ...

    async def verify_octets(self, octets: bytes, phc: str | None) -> bool:
        """Whether the PHC string is that of these octets."""
        ...


class Lock:
    """Asks for the job-passwords of one tenant's jobs. `attempts` knows who may try one now."""

    def __init__(
        self, index: Index, passwords: Passwords, clock: Clock, attempts: Attempts | None = None
    ) -> None:
        self._index = index
        self._passwords = passwords
        self._clock = clock
        self._attempts = attempts or Attempts(rates=RATES)

    async def hash(self, password: bytes) -> str:
        """What is kept of a password."""
        return await self._passwords.hash_octets(password)

    async def open(self, job: Job, password: bytes | None, user: User, peer: str) -> None:
        """Return where the job has no lock or this opens it. The ledger is told of a password that does not.

        It is asked for again where the job was released already: it may be sent to another device now.

        Raises:
            RemoteProtocolError: client-error-not-authorized where there is none, where it is another one, and
                where too many were, whether this one is right or not. client-error-not-found.
        """
        phc = await self._index.read(lambda t: _password_of(t, job))
        if phc is None:
            return
        if password is None:
            raise _refused("it comes out with its job-password only: give it")
        name = str(job.uuid)
        if not self._attempts.begin(name, peer):
            _log.warning("%s: too many wrong job-passwords for job %d; not looked at", peer, job.id)
            raise _refused("too many wrong job-passwords were given: try again in ten minutes")
        if not await self._passwords.verify_octets(password, phc):
            now = self._clock()

            def tell(t: Transaction) -> None:
                actor = actor_of(t, user)
                t.record(ledger.Event("job-password-refused", now, actor, job_id=job.id, subject=job.printer))

            await self._index.write(tell)
            raise _refused("that is not its job-password")
        self._attempts.succeed(name, peer)


def parked_reasons(t: Transaction, job: Job) -> set[str]:
    """What a job waits for that is parked (again); nothing, where it comes out unasked.

    One with a password never does, whatever was made of its queue since; nor one whose queue is gone.
    """
    if t.jobs.password(job.id) is not None:
        return {PARKED, LOCKED}
    try:
        parks = t.queues.get(job.printer).kind == "hold"
    except NotStoredError:
        parks = True
    return {PARKED} if parks else set()


def _password_of(t: Transaction, job: Job) -> str | None:
    """What is kept of the password that a job was sent with: that counts, not why it says that it waits."""
    try:
        return t.jobs.password(job.id)
    except NotStoredError as error:
        raise RemoteProtocolError(str(error), status=Status.CLIENT_ERROR_NOT_FOUND) from error


def _refused(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(why, status=Status.CLIENT_ERROR_NOT_AUTHORIZED)
