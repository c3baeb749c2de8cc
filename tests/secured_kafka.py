"""A Kafka of one's own that lets in who signs in only: encrypted with SCRAM, and unencrypted with PLAIN."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from jalon.ports import LOOPBACK, free_ports
from jalon.runtime import kafka, kafka_jars
from jalon.runtime.topics import answers
from jalon.settings import Settings
from tests.waiting import eventually

USER, PASSWORD = "jalon", "the password of the tests"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class SecuredKafka:
    """Where it listens. `certificate` is its own, which vouches for itself."""

    encrypted_port: int
    plain_port: int
    certificate: Path

    def settings(self, directory: Path, *, security: str = "SASL_SSL", **changes: Any) -> Settings:
        """Return the settings of an installation that uses it, everything else in a directory and on free ports."""
        encrypted = security == "SASL_SSL"
        given = {
            "runtime": "external",
            "kafka_bootstrap": f"{LOOPBACK}:{self.encrypted_port if encrypted else self.plain_port}",
            "kafka_security": security,
            "kafka_sasl_mechanism": "SCRAM-SHA-512" if encrypted else "PLAIN",
            "kafka_user": USER,
            "kafka_password": PASSWORD,
            "kafka_partitions": 1,
            **({"kafka_ca_file": self.certificate} if encrypted else {}),
        }
        return Settings.for_directory(directory, **given | changes)


@contextmanager
def run_secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """Run a broker with the embedded one's properties, and listeners of its own beside the inner one."""
    settings = Settings.for_directory(folder)
    files = kafka.KafkaFiles.of(settings)
    encrypted, plain = free_ports(2)
    key, certificate = make_certificate()
    (folder / "ca.pem").write_text(certificate, encoding="ascii")
    kafka.write_properties(
        files.properties,
        secure(kafka.build_properties(settings, files.data), encrypted, plain, key, certificate),
    )
    files.log.parent.mkdir(parents=True)
    files.logging.write_text(kafka._LOGGING.format(log=files.log, log_mib=10), encoding="ascii")
    kafka_jars.fetch(kafka_jars.default_folder())
    java = kafka._java_arguments(kafka.find_java(), files, heap_mib=256)
    scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    formatting = ["kafka.tools.StorageTool", "format", "-t", kafka.draw_cluster_id(), "-c", str(files.properties)]
    subprocess.run([*java, *formatting, "--add-scram", scram], check=True, capture_output=True, timeout=120)
    with (folder / "kafka.out").open("wb") as out:
        broker = subprocess.Popen([*java, "kafka.Kafka", str(files.properties)], stdout=out, stderr=out)
    try:
        running = SecuredKafka(encrypted, plain, folder / "ca.pem")
        eventually(lambda: answers(running.settings(folder)), seconds=90)
        yield running
    finally:
        broker.kill()
        broker.wait()


def secure(properties: dict[str, str], encrypted: int, plain: int, key: str, certificate: str) -> dict[str, str]:
    """Return the properties with two listeners more."""
    listeners = f"SECURE://{LOOPBACK}:{encrypted},SIGNED://{LOOPBACK}:{plain}"
    return {
        **properties,
        "listeners": f"{properties['listeners']},{listeners}",
        "advertised.listeners": f"{properties['advertised.listeners']},{listeners}",
        "listener.security.protocol.map": ",".join(
            (properties["listener.security.protocol.map"], "SECURE:SASL_SSL", "SIGNED:SASL_PLAINTEXT")
        ),
        "offsets.topic.num.partitions": "1",
        "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.scram-sha-512.sasl.jaas.config": f"{_SCRAM} required;",
        "listener.name.secure.ssl.keystore.type": "PEM",
        "listener.name.secure.ssl.keystore.key": key,
        "listener.name.secure.ssl.keystore.certificate.chain": certificate,
        "listener.name.signed.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.signed.plain.sasl.jaas.config": f'{_PLAIN} required user_{USER}="{PASSWORD}";',
    }


def make_certificate() -> tuple[str, str]:
    """Return a key and a certificate of this machine's loopback address that it has signed itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kafka of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), certificate.public_bytes(Encoding.PEM).decode()
