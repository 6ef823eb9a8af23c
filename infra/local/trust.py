"""What this machine trusts, as a key store for a Java that came in a wheel.

Such a Java knows only the authorities it was built with; behind a company's proxy the machine knows one more.
The file is Java's own JKS format: certificates, then a SHA-1 over them and a password.
"""

import hashlib
import os
import ssl
import struct
import time
from collections.abc import Mapping
from pathlib import Path

PASSWORD = "changeit"  # noqa: S105 (Java's public default; it guards against damage, not people)
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_SALT = b"Mighty Aphrodite"  # Java's own
_END = "-----END CERTIFICATE-----"
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine
)


def bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The machine's certificates in one PEM file, if it has them so."""
    named = (environment.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *_BUNDLES)
    return next((Path(name) for name in named if name and Path(name).is_file()), None)


def key_store(pem: str) -> bytes:
    """Every certificate of a PEM file as a JKS trust store."""
    certificates = [ssl.PEM_cert_to_DER_cert(text) for text in _certificates(pem)]
    body = struct.pack(">III", _MAGIC, _VERSION, len(certificates))
    now = int(time.time() * 1000)
    for number, certificate in enumerate(certificates):
        entry = struct.pack(">I", _TRUSTED) + _text(f"authority-{number}") + struct.pack(">Q", now)
        body += entry + _text("X.509") + struct.pack(">I", len(certificate)) + certificate
    return body + hashlib.sha1(PASSWORD.encode("utf-16-be") + _SALT + body).digest()  # noqa: S324 (the format's)


def _certificates(pem: str) -> list[str]:
    parts = (part.partition("-----BEGIN CERTIFICATE-----") for part in pem.split(_END)[:-1])
    return [f"{begin}{text}{_END}" for _, begin, text in parts if begin]


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw
