"""The key pairs and certificates of the local timestamp authority: a root, and the leaf that signs (RFC 3161, 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.clock import now as clock_now

from .files import write_atomically

AUTHORITY = "recours local TSA (not qualified)"
LEAF_VALIDITY = timedelta(days=3 * 365)
LEAF_RENEWED_BEFORE = timedelta(days=365)
ROOT_VALIDITY = timedelta(days=25 * 365)


def certified(
    state_dir: Path,
    name: str,
    certify: Callable[[ec.EllipticCurvePrivateKey], x509.Certificate],
    *,
    renewed_before: timedelta = timedelta(0),
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The key and certificate in ``<name>.pem`` (0600); made anew when absent or when its end is near."""
    path = state_dir / f"{name}.pem"
    if path.exists():
        pem = path.read_bytes()
        key, certificate = load_pem_private_key(pem, None), x509.load_pem_x509_certificate(pem)
        if (
            isinstance(key, ec.EllipticCurvePrivateKey)
            and certificate.not_valid_after_utc - renewed_before > clock_now()
        ):
            return key, certificate
    fresh = ec.generate_private_key(ec.SECP256R1())
    certificate = certify(fresh)
    private = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # One file for both, so that a crash cannot leave a key with another key's certificate.
    write_atomically(path, private + certificate.public_bytes(Encoding.PEM))
    return fresh, certificate


def root_certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A root for ``key``, signed by itself, which certifies leaves alone."""
    name = _name("recours local TSA root (not qualified)")
    builder = _builder(name, name, key, ROOT_VALIDITY).add_extension(x509.BasicConstraints(True, 0), critical=True)
    builder = builder.add_extension(key_usage(signs_certificates=True), critical=True)
    return builder.sign(key, hashes.SHA256())


def leaf_certificate(
    key: ec.EllipticCurvePrivateKey, root_key: ec.EllipticCurvePrivateKey, root: x509.Certificate
) -> x509.Certificate:
    """A certificate by the root for ``key``, for timestamps and nothing else (critical extended key usage)."""
    builder = _builder(_name(AUTHORITY), root.subject, key, LEAF_VALIDITY)
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    builder = builder.add_extension(key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return builder.add_extension(authority, critical=False).sign(root_key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity: timedelta
) -> x509.CertificateBuilder:
    now = clock_now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + validity)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "recours"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
