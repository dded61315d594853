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

    async def open(self, job: Job, password: bytes | None, user: User, peer: str) -> bool:
        """Whether there was a lock, which the password opened. The ledger is told of one that did not.

        Raises:
            RemoteProtocolError: client-error-not-authorized where there is none, where it is another one, and
                where too many were, whether this one is right or not.
        """
        phc = await self._index.read(lambda t: password_of(t, job))
        if phc is None:
            return False
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
        return True


def parked_reasons(t: Transaction, job_id: int) -> set[str]:
    """What a job waits for that is parked (again)."""
    return {PARKED} if t.jobs.password(job_id) is None else {PARKED, LOCKED}


def password_of(t: Transaction, job: Job) -> str | None:
    """What is kept of the password with which this job is parked; None where it is not, or has none.

    What it was sent with counts, not the reasons that it gives for waiting. Raises client-error-not-found.
    """
    try:
        return t.jobs.password(job.id) if PARKED in job.reasons else None
    except NotStoredError as error:
        raise RemoteProtocolError(str(error), status=Status.CLIENT_ERROR_NOT_FOUND) from error


def _refused(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(why, status=Status.CLIENT_ERROR_NOT_AUTHORIZED)
