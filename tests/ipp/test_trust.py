# ruff: noqa: SIM117  # a server and, within its time, a client: two blocks
import ssl
from pathlib import Path

import pytest

from ipp import (
    LocalProtocolError,
    Operation,
)
from ipp.client import Client
from ipp.errors import CertificateChanged, ConnectionFailed
from ipp.tls import OwnIdentity
from ipp.trust import (
    AnyCertificate,
    Authorities,
    Basic,
    FirstUse,
    Pinned,
    Trust,
    authorities_context,
    unverified_context,
)
from ipp.upload import ClientTimes
from tests.ipp.serving import printing_at
from tests.ipp.wire import RecordingHandler

EVERY_LOOP = True

ANNA = Basic("anna", "pass")
QUICK = ClientTimes(connect_s=5, answer_s=5, stall_s=5)
SECRET = "Zm9vYmFyYmF6"


class TestTrust:
    @pytest.fixture(params=["authorities", "pinned", "first-use", "known", "any"])
    def trust(self, request: pytest.FixtureRequest, identity: OwnIdentity, authorities: Authorities) -> Trust:
        colons = ":".join(identity.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
        trusts: dict[str, Trust] = {
            "authorities": authorities,
            "pinned": Pinned(colons),
            "first-use": FirstUse({}),
            "any": AnyCertificate(),
        }
        return trusts.get(request.param, FirstUse({}))

    async def test_accepts_the_right_certificate(
        self, handler: RecordingHandler, identity: OwnIdentity, trust: Trust
    ) -> None:
        async with printing_at(handler, identity) as where:
            async with Client(f"ipps://{where}/ipp/print", trust=trust) as client:
                for _ in range(2):
                    assert (await client.send(client.request(Operation.GET_JOBS))).status == 0
            if isinstance(trust, FirstUse):
                assert trust.store == {where: identity.fingerprint}

    async def test_refuses_what_no_authority_signed(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with printing_at(handler, identity) as where:
            async with Client(f"ipps://{where}/ipp/print") as client:
                with pytest.raises(ConnectionFailed, match=f"{where} is not trusted") as caught:
                    await client.send(client.request(Operation.GET_JOBS))
        assert not caught.value.may_have_arrived
        assert not handler.requests

    async def test_refuses_the_right_certificate_under_another_name(
        self, handler: RecordingHandler, tmp_path: Path
    ) -> None:
        other = OwnIdentity(tmp_path / "other.pem", ["other.example"])
        pem = (tmp_path / "other.pem").read_text()
        (tmp_path / "t.pem").write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
        async with printing_at(handler, other) as where:
            port = where.partition(":")[2]
            async with Client(
                f"ipps://127.0.0.2:{port}/ipp/print", trust=Authorities(tmp_path / "t.pem")
            ) as client:
                with pytest.raises(ConnectionFailed):
                    await client.send(client.request(Operation.GET_JOBS))

    @pytest.mark.parametrize("trust", [Pinned("ab" * 32), "first-use"])
    async def test_refuses_another_certificate_than_the_known_before_anything_is_sent(
        self, handler: RecordingHandler, identity: OwnIdentity, trust: Trust | str
    ) -> None:
        async with printing_at(handler, identity) as where:
            known = trust if isinstance(trust, Pinned) else FirstUse({where: "cd" * 32})
            async with Client(f"ipps://{where}/ipp/print/always", trust=known, credentials=ANNA) as client:
                with pytest.raises(CertificateChanged, match="another certificate") as caught:
                    await client.send(client.request(Operation.PRINT_JOB), b"document")
        assert not caught.value.may_have_arrived
        assert caught.value.shown == identity.fingerprint.replace(":", "").lower()
        assert ("forget" in str(caught.value)) == isinstance(known, FirstUse)
        assert not handler.requests

    async def test_in_a_fingerprint_that_is_none_is_our_mistake(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with printing_at(handler, identity) as where:
            async with Client(f"ipps://{where}/ipp/print", trust=Pinned("abcd")) as client:
                with pytest.raises(LocalProtocolError, match="SHA-256"):
                    await client.send(client.request(Operation.GET_JOBS))


def test_tls_1_2_is_the_least() -> None:
    for context in (authorities_context(Authorities()), unverified_context()):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_file_without_authorities_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.pem").write_text("notes")
    for path in (tmp_path / "notes.pem", tmp_path / "missing.pem"):
        with pytest.raises(OSError) as caught:
            authorities_context(Authorities(path))
        assert caught.value.filename == str(path)


def test_a_name_with_a_colon_cannot_be_told_from_its_password() -> None:
    with pytest.raises(LocalProtocolError):
        Basic("anna:b", "pass")
