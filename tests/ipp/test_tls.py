import logging
import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ipp.tls import VALIDITY, GivenIdentity, OwnIdentity, fingerprint, read_signer

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class SettableClock:
    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> tuple[bytes, str, str | None]:
    """Certificate, version and protocol that a client of this name sees."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with suppress(ssl.SSLError, OSError), server.wrap_socket(ours, server_side=True) as wrapped:
            wrapped.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(theirs, server_hostname=name) as wrapped:
            certificate = wrapped.getpeercert(binary_form=True)
            assert certificate is not None
            return certificate, wrapped.version() or "", wrapped.selected_alpn_protocol()
    finally:
        theirs.close()
        thread.join()
        ours.close()


def trusting(path: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_the_first_run_makes_a_certificate_that_clients_who_trust_it_accept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "identity.pem"
    identity = OwnIdentity(path, ["printer.example", "192.0.2.7", "2001:db8::1"])
    certificate = path.read_bytes().partition(b"-----END PRIVATE KEY-----\n")[2]
    (tmp_path / "trusted.pem").write_bytes(certificate)
    for name in ["printer.example", "localhost", "192.0.2.7", "2001:db8::1", "127.0.0.1", "::1"]:
        shown, version, protocol = handshake(identity.context(), trusting(tmp_path / "trusted.pem"), name)
        assert fingerprint(shown) == identity.fingerprint
        assert (version, protocol) == ("TLSv1.3", "http/1.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(identity.context(), trusting(tmp_path / "trusted.pem"), "other.example")


def test_it_is_an_elliptic_key_for_servers_valid_for_two_years(tmp_path: Path) -> None:
    clock = SettableClock()
    certificate = OwnIdentity(tmp_path / "identity.pem", ["printer.example"], clock=clock).certificate
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert certificate.not_valid_before_utc < START
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == VALIDITY
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["printer.example", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1"), ip_address("::1")]


def test_names_are_written_as_clients_look_them_up(tmp_path: Path) -> None:
    certificate = OwnIdentity(
        tmp_path / "i.pem", ["Bücher.Example.", "PRINTER", "[fe80::1%eth0]"]
    ).certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["xn--bcher-kva.example", "printer", "localhost"]
    assert ip_address("fe80::1") in names.get_values_for_type(x509.IPAddress)


def test_only_the_owner_can_read_the_key_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        OwnIdentity(tmp_path / "identity.pem", [])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "identity.pem").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["identity.pem"]


def test_a_second_run_shows_the_same_certificate(tmp_path: Path) -> None:
    first = OwnIdentity(tmp_path / "identity.pem", ["printer.example"])
    assert OwnIdentity(tmp_path / "identity.pem", ["printer.example"]).fingerprint == first.fingerprint
    assert OwnIdentity(tmp_path / "identity.pem", []).fingerprint == first.fingerprint


def test_a_new_name_gets_a_new_certificate_for_the_same_key(tmp_path: Path) -> None:
    first = OwnIdentity(tmp_path / "identity.pem", ["one.example"]).certificate
    second = OwnIdentity(tmp_path / "identity.pem", ["one.example", "two.example"]).certificate
    assert second.serial_number != first.serial_number
    assert second.public_key() == first.public_key()


def test_it_is_renewed_before_it_expires_while_it_is_in_use(tmp_path: Path) -> None:
    clock = SettableClock()
    identity = OwnIdentity(tmp_path / "identity.pem", [], clock=clock)
    first, context = identity.fingerprint, identity.context()
    clock.advance(days=600)
    assert identity.context() is context
    clock.advance(days=70)
    assert identity.context() is not context
    assert identity.fingerprint != first
    assert identity.certificate.not_valid_after_utc > clock.now + timedelta(days=700)


def test_a_file_that_is_no_identity_is_said_so_and_kept(tmp_path: Path) -> None:
    (tmp_path / "identity.pem").write_text("notes")
    with pytest.raises(ValueError):
        OwnIdentity(tmp_path / "identity.pem", [])
    assert (tmp_path / "identity.pem").read_text() == "notes"


def test_no_ticket_follows_the_handshake_since_libcups_takes_it_for_an_error(tmp_path: Path) -> None:
    assert OwnIdentity(tmp_path / "identity.pem", ["printer.local"]).context().num_tickets == 0


def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    identity = OwnIdentity(tmp_path / "identity.pem", [])
    assert identity.context().minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_key_with_a_pass_phrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    OwnIdentity(tmp_path / "identity.pem", [])
    octets = (tmp_path / "identity.pem").read_bytes()
    key = serialization.load_pem_private_key(octets, password=None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "key.pem").write_bytes(locked)
    program = "import sys; from pathlib import Path; from ipp.tls import server_context; "
    program += "server_context(*map(Path, sys.argv[1:]))"
    words = [sys.executable, "-c", program, str(tmp_path / "identity.pem"), str(tmp_path / "key.pem")]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, timeout=60, check=False
    )
    assert b"locked by a pass phrase" in done.stderr
    assert b"Enter" not in done.stderr


class TestGivenFiles:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    def write(self, authority: trustme.CA, folder: Path, name: str = "printer.example") -> trustme.LeafCert:
        leaf = authority.issue_cert(name)
        leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        leaf.private_key_pem.write_to_path(folder / "key.pem")
        return leaf

    def serial(self, identity: GivenIdentity, authority: trustme.CA) -> int:
        client = ssl.create_default_context()
        authority.configure_trust(client)
        shown, _, _ = handshake(identity.context(), client, "printer.example")
        return x509.load_der_x509_certificate(shown).serial_number

    def test_are_read_again_when_they_change(self, tmp_path: Path, authority: trustme.CA) -> None:
        clock = SettableClock()
        self.write(authority, tmp_path)
        identity = GivenIdentity(tmp_path / "cert.pem", tmp_path / "key.pem", clock=clock)
        first = self.serial(identity, authority)
        clock.advance(seconds=2)
        assert self.serial(identity, authority) == first
        self.write(authority, tmp_path)
        clock.advance(seconds=2)
        assert self.serial(identity, authority) != first

    def test_stay_in_use_while_new_ones_do_not_fit(
        self, tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
    ) -> None:
        clock = SettableClock()
        self.write(authority, tmp_path)
        identity = GivenIdentity(tmp_path / "cert.pem", tmp_path / "key.pem", clock=clock)
        first = self.serial(identity, authority)
        shutil.copy(tmp_path / "key.pem", tmp_path / "old-key.pem")
        self.write(authority, tmp_path)
        (tmp_path / "key.pem").rename(tmp_path / "new-key.pem")
        shutil.copy(tmp_path / "old-key.pem", tmp_path / "key.pem")
        clock.advance(seconds=2)
        with caplog.at_level(logging.WARNING):
            assert self.serial(identity, authority) == first
        assert "the former one stays" in caplog.text
        (tmp_path / "new-key.pem").replace(tmp_path / "key.pem")
        clock.advance(seconds=2)
        assert self.serial(identity, authority) != first

    def test_that_vanish_stay_in_use(self, tmp_path: Path, authority: trustme.CA) -> None:
        clock = SettableClock()
        self.write(authority, tmp_path)
        identity = GivenIdentity(tmp_path / "cert.pem", tmp_path / "key.pem", clock=clock)
        first = self.serial(identity, authority)
        (tmp_path / "cert.pem").unlink()
        clock.advance(seconds=2)
        assert self.serial(identity, authority) == first

    def test_that_are_missing_at_the_start_are_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            GivenIdentity(tmp_path / "cert.pem")


def test_a_signer_is_read_from_one_file_or_from_two(tmp_path: Path) -> None:
    OwnIdentity(tmp_path / "identity.pem", ["printer.example"])
    whole = (tmp_path / "identity.pem").read_bytes()
    signer = read_signer(tmp_path / "identity.pem")
    assert signer.key.public_key() == signer.certificate.public_key()
    assert signer.chain == ()
    (tmp_path / "key.pem").write_bytes(whole)
    assert read_signer(tmp_path / "identity.pem", tmp_path / "key.pem").certificate == signer.certificate
    (tmp_path / "nothing.pem").write_bytes(b"")
    with pytest.raises(ValueError):
        read_signer(tmp_path / "nothing.pem")
