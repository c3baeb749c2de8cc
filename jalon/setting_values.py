"""What kinds of values settings have, each with its own check: a wrong one is told by what it should have been."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from identity.errors import InvalidValue
from identity.roles import Role
from jalon.ports import LOOPBACK
from xapi_profiles.kafka_access import KafkaAccess

_OBJECT_STORES = ("file", "s3", "s3a", "gs", "az", "abfs", "abfss")


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.netloc):
        raise ValueError("it must be empty or an http:// or https:// address")
    return url.rstrip("/")


def _check_key_service(url: str) -> str:
    parts = urlsplit(url)
    local = parts.hostname in {"localhost", LOOPBACK, "::1"}
    if url and not (parts.netloc and (parts.scheme == "https" or (parts.scheme == "http" and local))):
        raise ValueError("it must be empty or an https:// address (http:// on this machine), since keys travel")
    return url.rstrip("/")


def _check_issuer(issuer: str) -> str:
    # Compared with tokens character by character, so nothing is taken off its end.
    parts = urlsplit(issuer)
    if issuer and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment):
        raise ValueError("it must be empty or an http:// or https:// address without query")
    return issuer


def _check_roles(roles: str) -> str:
    read_roles(roles)
    return roles


def _check_origins(origins: str) -> str:
    for origin in origins.split():
        parts = urlsplit(origin)
        if origin != "*" and (parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != origin):
            raise ValueError(f"{origin} is no origin: write https://host or https://host:port, without a path")
    return origins


def _check_object_store(url: str) -> str:
    if url and urlsplit(url).scheme not in _OBJECT_STORES:
        raise ValueError(f"it must be empty or the address of an object store: {', '.join(_OBJECT_STORES)}")
    return url.rstrip("/")


def read_roles(text: str) -> dict[str, list[Role]]:
    """Return the roles that each word of an identity provider means. Raises ValueError with a sentence."""
    try:
        known = json.loads(text or "{}")
        return {str(word): [Role.parse(role) for role in meant.split()] for word, meant in known.items()}
    except InvalidValue as error:
        raise ValueError(str(error)) from None
    except (ValueError, AttributeError):
        raise ValueError('write a JSON object of words and roles, such as {"Training staff": "acme:viewer"}') from None


def check_kafka_access(access: KafkaAccess, *, embedded: bool) -> None:
    """Raise ValueError, with a sentence, for what no client could be let in to Kafka with."""
    if embedded and access.security != "PLAINTEXT":
        raise ValueError(
            f"JALON_KAFKA_SECURITY is {access.security}, but JALON_RUNTIME is embedded: that Kafka is on loopback, open"
        )
    if access.signs_in and not (access.user and access.password):
        raise ValueError(f"JALON_KAFKA_SECURITY={access.security} needs JALON_KAFKA_USER and JALON_KAFKA_PASSWORD")
    if (access.user or access.password) and not access.signs_in:
        raise ValueError(
            "JALON_KAFKA_USER or JALON_KAFKA_PASSWORD is set, but nobody signs in: "
            "set JALON_KAFKA_SECURITY to SASL_SSL or SASL_PLAINTEXT, or clear them"
        )
    if access.ca_file and not access.is_encrypted:
        raise ValueError(
            "JALON_KAFKA_CA_FILE is set, but nothing is encrypted: "
            "set JALON_KAFKA_SECURITY to SASL_SSL or SSL, or clear it"
        )
    try:
        access.open_context()
    except OSError as error:
        raise ValueError(
            f"JALON_KAFKA_CA_FILE={access.ca_file} cannot be read as certificates ({type(error).__name__})"
        ) from None


Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Url = Annotated[str, AfterValidator(_check_url)]
KeyServiceUrl = Annotated[str, AfterValidator(_check_key_service)]
IssuerUrl = Annotated[str, AfterValidator(_check_issuer)]
ObjectStoreUrl = Annotated[str, AfterValidator(_check_object_store)]
Origins = Annotated[str, AfterValidator(_check_origins)]
Roles = Annotated[str, AfterValidator(_check_roles)]
