"""A certificate authority of the tests' own: server and client certificates, good and bad ones."""

import datetime
import ipaddress
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Pair", "pem_of"]


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM texts."""

    certificate: str
    key: str


def pem_of(key: Any, passphrase: str = "") -> str:
    way = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, way).decode()


class Authority:
    """Vouches for names. `certificate` is its own, in PEM form."""

    def __init__(self, name: str = "an authority of the tests") -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(self._name, self._key, (-1, 10)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = self._signed(made)

    def vouch(self, name: str, *, days: tuple[float, float] = (-1, 1), passphrase: str = "", key: Any = None) -> Pair:
        """A certificate for a name, valid from and until a number of days from now."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        made = self._builder(subject, own, days).add_extension(
            x509.SubjectAlternativeName([address, x509.DNSName("localhost")]), critical=False
        )
        return Pair(self._signed(made), pem_of(own, passphrase))

    def _builder(self, subject: x509.Name, key: Any, days: tuple[float, float]) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
        )

    def _signed(self, builder: x509.CertificateBuilder) -> str:
        made = builder.sign(self._key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()
