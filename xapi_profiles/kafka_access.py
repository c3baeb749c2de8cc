"""How a client is let in to Kafka, the same for every client of ours, whichever library it is made with.

It is here, beside the form of a record, because a producer may write to Kafka without any other part of Jalon.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Whether connections are encrypted (`…SSL`), and as whom a client signs in (`SASL_…`).

    `ca_file` holds the certificates (PEM) of who vouches for the brokers; with '' the system's own are trusted.
    """

    security: Security = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""

    @property
    def is_encrypted(self) -> bool:
        """Whether connections are encrypted."""
        return self.security.endswith("SSL")

    @property
    def signs_in(self) -> bool:
        """Whether a client needs user and password."""
        return self.security.startswith("SASL")

    def open_context(self) -> ssl.SSLContext | None:
        """Return what verifies the brokers and their names, None where connections are not encrypted.

        Raises OSError and ssl.SSLError when the certificates cannot be read.
        """
        return ssl.create_default_context(cafile=self.ca_file or None) if self.is_encrypted else None

    def list_options(self) -> dict[str, Any]:
        """Return the options of a client, which kafka-python and aiokafka name alike. Raises as `open_context`."""
        options: dict[str, Any] = {"security_protocol": self.security}
        if self.is_encrypted:
            options["ssl_context"] = self.open_context()
        if self.signs_in:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return options


ANYBODY: Final = KafkaAccess()
"""Unencrypted and without signing in, as the embedded Kafka has it, on loopback."""
