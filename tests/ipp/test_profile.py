"""Configuration profiles, and their signature as OpenSSL verifies it."""

from __future__ import annotations

import plistlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ipp.errors import LocalProtocolError
from ipp.profile import Destination, mobileconfig, sign
from tests.peers.process import clean_environment, find_program, run_program

SECRET = "ipp/print/u/k3p7-very-secret"
URI = f"ipps://print.example.com:8631/{SECRET}"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def a_certificate(key: Key, name: str, issuer: tuple[str, Key] | None = None) -> x509.Certificate:
    """A certificate by itself, or by another's name and key."""
    by, with_key = issuer or (name, key)
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None or name == "between", path_length=None), True)
        .sign(with_key, hashes.SHA256())
    )


def a_profile(**changes: Any) -> bytes:
    given: dict[str, Any] = {"identifier": "com.example.print.hall", "display_name": "Hall", **changes}
    return mobileconfig(given.pop("destinations", [Destination.of(URI)]), **given)


def test_a_profile_holds_the_printer_as_apple_spells_it() -> None:
    profile = plistlib.loads(a_profile(organization="Example", description="Your printer"))
    [payload] = profile["PayloadContent"]
    assert payload["AirPrint"] == [
        {"IPAddress": "print.example.com", "ResourcePath": SECRET, "Port": 8631, "ForceTLS": True}
    ]
    assert payload["PayloadType"] == "com.apple.airprint"
    assert payload["PayloadIdentifier"] == "com.example.print.hall.airprint"
    assert (profile["PayloadType"], profile["PayloadVersion"]) == ("Configuration", 1)
    assert profile["PayloadDescription"] == "Your printer"
    assert profile["PayloadOrganization"] == payload["PayloadOrganization"] == "Example"


def test_uuids_are_stable_distinct_and_follow_every_argument() -> None:
    def uuids(profile: bytes) -> list[str]:
        read = plistlib.loads(profile)
        return [read["PayloadUUID"], *(payload["PayloadUUID"] for payload in read["PayloadContent"])]

    assert a_profile() == a_profile()
    whole, payload = uuids(a_profile())
    assert str(UUID(whole)).upper() == whole != payload
    other = uuids(a_profile(destinations=[Destination.of(URI + "x")]))
    assert not {whole, payload} & set(other)
    assert uuids(a_profile(description="new"))[0] != whole
    assert uuids(a_profile(description="new"))[1] == payload


def test_several_printers_and_a_root_of_our_own() -> None:
    certificate = a_certificate(ec.generate_private_key(ec.SECP256R1()), "print.example.com")
    two = [Destination("192.0.2.1", "ipp/print"), Destination("192.0.2.2", "ipp/print", 80, force_tls=False)]
    airprint, root = plistlib.loads(a_profile(destinations=two, trusted=[certificate]))["PayloadContent"]
    assert [(one["IPAddress"], one["Port"], one["ForceTLS"]) for one in airprint["AirPrint"]] == [
        ("192.0.2.1", 631, True),
        ("192.0.2.2", 80, False),
    ]
    assert root["PayloadType"] == "com.apple.security.root"
    assert x509.load_der_x509_certificate(root["PayloadContent"]) == certificate


@pytest.mark.parametrize(
    ("uri", "destination"),
    [
        ("ipps://h/ipp/print", Destination("h", "ipp/print", 631)),
        ("ipp://h:8631/ipp/print/a%20b", Destination("h", "ipp/print/a b", 8631, force_tls=False)),
        ("ipps://[2001:db8::1]:99/p", Destination("2001:db8::1", "p", 99)),
    ],
)
def test_a_printers_uri_is_taken_apart(uri: str, destination: Destination) -> None:
    assert Destination.of(uri) == destination


@pytest.mark.parametrize(
    "uri",
    [
        f"https://h/{SECRET}",
        f"ipps:///{SECRET}",
        f"ipps://h:99999/{SECRET}",
        f"ipps://[h/{SECRET}",
        "ipp://h/",
    ],
)
def test_what_is_no_printers_uri_is_refused_without_showing_it(uri: str) -> None:
    with pytest.raises(LocalProtocolError, match="profile: ") as refused:
        Destination.of(uri)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_secret_path_is_not_shown_by_repr() -> None:
    assert SECRET not in repr(Destination.of(URI))


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("through", [False, True], ids=["self-signed", "chain"])
def test_openssl_verifies_a_signed_profile_and_gives_it_back(
    tmp_path: Path, kind: str, *, through: bool
) -> None:
    def new_key() -> Key:
        return (
            ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
        )

    root_key, between_key, key = new_key(), new_key(), new_key()
    if through:
        root = a_certificate(root_key, "root")
        chain = [a_certificate(between_key, "between", ("root", root_key))]
        certificate = a_certificate(key, "print.example.com", ("between", between_key))
    else:
        root, chain = a_certificate(key, "print.example.com"), []
        certificate = root
    profile = a_profile()
    (tmp_path / "signed").write_bytes(sign(profile, certificate, key, chain))
    (tmp_path / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    command: list[str | Path] = [
        *(find_program("openssl"), "cms", "-verify", "-inform", "DER", "-in", tmp_path / "signed"),
        *("-CAfile", tmp_path / "root.pem", "-purpose", "any", "-binary", "-out", tmp_path / "profile"),
    ]
    run_program(command, environment=clean_environment(tmp_path))
    assert (tmp_path / "profile").read_bytes() == profile


@pytest.mark.peer
def test_openssl_refuses_a_profile_changed_after_it_was_signed(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = a_certificate(key, "print.example.com")
    signed = sign(a_profile(), certificate, key)
    assert signed.count(b"very-secret") == 1
    (tmp_path / "signed").write_bytes(signed.replace(b"very-secret", b"quite-other"))
    (tmp_path / "root.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    command: list[str | Path] = [
        *(find_program("openssl"), "cms", "-verify", "-inform", "DER", "-in", tmp_path / "signed"),
        *("-CAfile", tmp_path / "root.pem", "-purpose", "any", "-out", tmp_path / "profile"),
    ]
    done = run_program(command, environment=clean_environment(tmp_path), check=False)
    assert done.returncode != 0
    assert "verification fail" in done.stderr.lower()
