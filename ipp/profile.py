"""Configuration profiles that give Apple's systems printers which they need not discover (.mobileconfig).

A printer's path may be a secret of the person the profile is made for, as it is all that tells this
person from others where a client knows no passwords: a profile is then as secret as a password.
"""

from __future__ import annotations

import hashlib
import plistlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit
from uuid import NAMESPACE_URL, uuid5

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from .dnssd import DEFAULT_PORT
from .errors import LocalProtocolError

MEDIA_TYPE: Final = "application/x-apple-aspen-config"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one printer is; the path is left out of its `repr`, because it may be a secret."""

    host: str
    resource_path: str = field(repr=False)
    port: int = DEFAULT_PORT
    force_tls: bool = True

    @classmethod
    def of(cls, uri: str) -> Self:
        """The destination of an ipp or ipps URI. Raises LocalProtocolError, which does not show the path."""
        try:
            parts = urlsplit(uri)
            port = parts.port or DEFAULT_PORT
        except ValueError:
            raise LocalProtocolError("profile: the printer's URI has no valid host or port") from None
        path = unquote(parts.path).lstrip("/")
        if parts.scheme not in ("ipp", "ipps") or not parts.hostname or not path:
            raise LocalProtocolError("profile: a printer's URI is ipp://HOST/PATH or ipps://HOST/PATH")
        return cls(parts.hostname, path, port, force_tls=parts.scheme == "ipps")


def mobileconfig(
    destinations: Iterable[Destination],
    *,
    identifier: str,
    display_name: str,
    organization: str = "",
    description: str = "",
    trusted: Sequence[x509.Certificate] = (),
) -> bytes:
    """A profile, as an XML property list, that adds printers (payload com.apple.airprint).

    `identifier` names the profile in reverse-DNS manner: one of the same identifier replaces it.
    `trusted` are certificates to be trusted as roots, for a server that made its own. Equal arguments
    give equal octets; the UUIDs follow from all of them.
    """
    common = {"PayloadVersion": 1, **({"PayloadOrganization": organization} if organization else {})}
    payloads: list[dict[str, Any]] = [
        {
            **common,
            "PayloadType": "com.apple.airprint",
            "PayloadIdentifier": f"{identifier}.airprint",
            "PayloadDisplayName": display_name,
            "AirPrint": [
                {
                    "IPAddress": one.host,
                    "ResourcePath": one.resource_path,
                    "Port": one.port,
                    "ForceTLS": one.force_tls,
                }
                for one in destinations
            ],
        }
    ]
    for number, certificate in enumerate(trusted, 1):
        payloads.append(
            {
                **common,
                "PayloadType": "com.apple.security.root",
                "PayloadIdentifier": f"{identifier}.root-{number}",
                "PayloadDisplayName": certificate.subject.rfc4514_string() or display_name,
                "PayloadContent": certificate.public_bytes(serialization.Encoding.DER),
            }
        )
    profile: dict[str, Any] = {
        **common,
        "PayloadType": "Configuration",
        "PayloadIdentifier": identifier,
        "PayloadDisplayName": display_name,
        "PayloadContent": [{**payload, "PayloadUUID": _uuid_of(payload)} for payload in payloads],
        **({"PayloadDescription": description} if description else {}),
    }
    return plistlib.dumps({**profile, "PayloadUUID": _uuid_of(profile)})


def _uuid_of(payload: dict[str, Any]) -> str:
    # A digest first, because the octets hold a secret that a UUID of them alone is not made to keep.
    digest = hashlib.sha256(plistlib.dumps(payload)).hexdigest()
    return str(uuid5(NAMESPACE_URL, f"urn:sha256:{digest}")).upper()


def sign(
    profile: bytes,
    certificate: x509.Certificate,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    chain: Iterable[x509.Certificate] = (),
) -> bytes:
    """The profile within a CMS signature (DER), as a device shows to be verified (RFC 5652).

    `chain` are the certificates between `certificate` and a root that devices trust.
    """
    builder = pkcs7.PKCS7SignatureBuilder().set_data(profile).add_signer(certificate, key, hashes.SHA256())
    for link in chain:
        builder = builder.add_certificate(link)
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
