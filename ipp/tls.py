"""The identity a server shows by TLS: a certificate made by itself or one from given files, kept fresh."""

from __future__ import annotations

import hashlib
import logging
import os
import ssl
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LOG: Final = logging.getLogger(__name__)

# Apple's systems refuse certificates valid for more than 825 days.
VALIDITY: Final = timedelta(days=730)
RENEWAL: Final = timedelta(days=60)
_CLOCK_SKEW: Final = timedelta(days=1)
_ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
_LOOK_AGAIN: Final = timedelta(seconds=1)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of the system's clock."""
    return datetime.now(UTC)


def fingerprint(certificate_der: bytes) -> str:
    """The SHA-256 of a certificate, in lower case hexadecimal digits."""
    return hashlib.sha256(certificate_der).hexdigest()


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 and later, HTTP/1.1, with this certificate chain; `key` where it is in a file of its own.

    Raises OSError or `ssl.SSLError` where the files cannot be read or do not fit each other, and where the
    key is encrypted: there is nobody to ask for its pass phrase.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # libcups takes a TLS 1.3 ticket after the handshake for an error when it has set a time-out, as its
    # backend and `ipptool -T` do, and connects anew for ever.
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key, password=_refuse_pass_phrase)
    return context


def _refuse_pass_phrase() -> str:
    """Instead of OpenSSL's own way: it asks at the terminal, and everybody waits for the answer."""
    raise ssl.SSLError("the key is locked by a pass phrase, and there is nobody to ask: give it without one")


class Signer(NamedTuple):
    """What signs in a server's name: its certificate, the key of it, and the certificates above it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]


def read_signer(certificate: Path, key: Path | None = None) -> Signer:
    """The signer of PEM files as `server_context` takes them.

    Raises OSError where a file cannot be read, ValueError where it holds no RSA or EC key, or no certificate.
    """
    octets = certificate.read_bytes()
    first, *chain = x509.load_pem_x509_certificates(octets)
    loaded = serialization.load_pem_private_key(key.read_bytes() if key else octets, password=None)
    if not isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("a key of another kind than RSA or EC")
    return Signer(first, loaded, tuple(chain))


class GivenIdentity:
    """A certificate that somebody else renews: both files are read again when either changes.

    Connections that exist keep what they began with. While the files do not fit each other, as between the
    writing of one and the other, the last ones that did stay in use.
    """

    def __init__(self, certificate: Path, key: Path | None = None, *, clock: Clock = utc_now) -> None:
        """Raises OSError or `ssl.SSLError` where the files cannot be used."""
        self._certificate = certificate
        self._key = key
        self._clock = clock
        self._looked = clock()
        self._seen = self._stamp()
        self._context = server_context(certificate, key)

    def context(self) -> ssl.SSLContext:
        """The context for a new connection."""
        now = self._clock()
        if abs(now - self._looked) >= _LOOK_AGAIN:
            self._looked = now
            self._reload()
        return self._context

    def _stamp(self) -> tuple[tuple[int, int, int], ...]:
        stats = [path.stat() for path in (self._certificate, self._key) if path is not None]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)

    def _reload(self) -> None:
        try:
            stamp = self._stamp()
            if stamp == self._seen:
                return
            self._context = server_context(self._certificate, self._key)
            self._seen = stamp
            _LOG.info("took over the changed TLS certificate in %s", self._certificate)
        except (OSError, ssl.SSLError) as error:
            _LOG.warning(
                "the changed TLS certificate in %s cannot be used (%s): the former one stays",
                self._certificate,
                error,
            )


class OwnIdentity:
    """A certificate that signs itself, kept with its key in one file (mode 0600) and made on the first run.

    It is made anew, for the same key, when it would expire within 60 days or does not cover every name.
    """

    def __init__(self, path: Path, names: Iterable[str], *, clock: Clock = utc_now) -> None:
        """`names` are host names and addresses under which clients come; `localhost` is always among them.

        Raises OSError where the file cannot be read or written, ValueError where it holds something else.
        """
        self._path = path
        self._names = _subject_names([*names, *_ALWAYS])
        self._clock = clock
        self._looked = clock()
        self._certificate = self._ensure(self._looked)
        self._context = server_context(path)

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate shown now."""
        return self._certificate

    @property
    def fingerprint(self) -> str:
        """What a client pins: the SHA-256 of the certificate."""
        return fingerprint(self._certificate.public_bytes(serialization.Encoding.DER))

    def context(self) -> ssl.SSLContext:
        """The context for a new connection."""
        now = self._clock()
        if abs(now - self._looked) >= _LOOK_AGAIN:
            self._looked = now
            if not self._is_good(self._certificate, now):
                self._certificate = self._ensure(now)
                self._context = server_context(self._path)
        return self._context

    def _ensure(self, now: datetime) -> x509.Certificate:
        key = None
        if self._path.exists():
            octets = self._path.read_bytes()
            certificate = x509.load_pem_x509_certificate(octets)
            if self._is_good(certificate, now):
                return certificate
            loaded = serialization.load_pem_private_key(octets, password=None)
            key = loaded if isinstance(loaded, ec.EllipticCurvePrivateKey) else None
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = make_certificate(key, self._names, now)
        _write_secret(
            self._path,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM),
        )
        _LOG.info("made a TLS certificate for %s in %s", ", ".join(map(_spelt, self._names)), self._path)
        return certificate

    def _is_good(self, certificate: x509.Certificate, now: datetime) -> bool:
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEWAL:
            return False
        try:
            extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return False
        return set(self._names) <= set(extension.value)


def make_certificate(
    key: ec.EllipticCurvePrivateKey, names: Iterable[x509.GeneralName], now: datetime
) -> x509.Certificate:
    """A certificate for a server of these names that the key signs for itself (RFC 5280)."""
    names = list(names)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _spelt(names[0])[:64])])
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now - _CLOCK_SKEW + VALIDITY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _subject_names(names: Iterable[str]) -> list[x509.DNSName | x509.IPAddress]:
    """Each name once, in order: addresses as addresses, host names in their ASCII form."""
    found: dict[x509.DNSName | x509.IPAddress, None] = {}
    for name in names:
        address = _address(name)
        if address is not None:
            found[x509.IPAddress(address)] = None
        elif plain := name.rstrip(".").lower():
            found[x509.DNSName(plain.encode("idna").decode("ascii"))] = None
    return list(found)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _spelt(name: x509.GeneralName) -> str:
    return str(name.value)


def _write_secret(path: Path, octets: bytes) -> None:
    """Put a file in place whole and durable, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
