"""The settings of the whole product: read once, at the command line, checked, and passed on from there.

Nothing else in Jalon reads the environment. The processes that `jalon up` starts read the very settings it was given,
from a file of the data directory, so an instance is never half on old values.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from jalon.errors import WrongSettings
from jalon.ports import LOOPBACK, free_ports

PREFIX = "JALON_"
# Read beside the settings: where they are, and what tests run against (tests/conftest.py).
BESIDE = ("JALON_SETTINGS", "JALON_TEST_")
DEFAULT_FILE = "jalon.env"

Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseSettings):
    """Every setting, with its default. The environment variable of `lrs_port` is `JALON_LRS_PORT`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )

    data_dir: Path = Field(
        default=Path(".jalon"), description="Where everything is kept: data, keys, logs, the state of the processes."
    )
    runtime: Literal["embedded", "external"] = Field(
        default="embedded",
        description="`embedded`: `jalon up` also runs Kafka and ClickHouse. `external`: they are elsewhere.",
    )

    kafka_bootstrap: str = Field(
        default="", description="host:port, comma-separated, of an external Kafka. Only with runtime=external."
    )
    kafka_port: Port = Field(default=9092, description="Port of the embedded Kafka, on loopback.")
    kafka_controller_port: Port = Field(
        default=9093, description="Port of the embedded Kafka's controller, on loopback."
    )
    kafka_heap_mib: Annotated[int, Field(ge=256)] = Field(
        default=512, description="Java heap of the embedded Kafka, in MiB."
    )
    topic: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$")] = Field(
        default="jalon.accepted", description="Topic of accepted records."
    )
    kafka_partitions: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=4, description="Partitions of that topic, when it is created: the most workers that can share it."
    )
    kafka_replication: Annotated[int, Field(ge=1, le=9)] = Field(
        default=1, description="Copies of that topic, when it is created. On a cluster: 3."
    )
    topic_retention_hours: Positive = Field(
        default=168,
        description="How long accepted records stay in Kafka, the only place where statements hold names.",
    )

    clickhouse_host: str = Field(default=LOOPBACK, description="Host of ClickHouse.")
    clickhouse_port: Port = Field(default=8123, description="HTTP port of ClickHouse.")
    clickhouse_user: Annotated[str, Field(min_length=1)] = Field(
        default="jalon", description="Owner of Jalon's databases in ClickHouse."
    )
    clickhouse_password: SecretStr = Field(
        default=SecretStr(""), description="Its password. Embedded: generated when left empty."
    )
    clickhouse_secure: bool = Field(default=False, description="Whether to speak HTTPS to ClickHouse.")

    database_url: str = Field(
        default="",
        repr=False,
        description="SQLAlchemy address of tenants, credentials and vault. Empty: SQLite in the data directory.",
    )
    master_key_file: Path | None = Field(
        default=None, description="File of the vault's master key. Empty: `master.key` in the data directory."
    )

    lrs_host: str = Field(default=LOOPBACK, description="Address the LRS listens on.")
    lrs_port: Port = Field(default=8080, description="Port of the LRS.")
    lrs_public_url: str = Field(default="", description="The LRS's address as clients see it. Empty: host and port.")
    max_body_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] = Field(
        default=16 * 1024 * 1024, description="Largest body of a request that the LRS accepts, in bytes."
    )
    attachments_url: str = Field(
        default="",
        description=(
            "Object store of attachments: file:, s3:, gs: or az: address. Empty: `attachments/` in the data directory."
        ),
    )
    max_attachment_bytes: Annotated[int, Field(ge=1024, le=5 * 1024 * 1024 * 1024)] = Field(
        default=256 * 1024 * 1024,
        description="Largest attachment that the LRS accepts, in bytes; those of one request: four times as much.",
    )
    barrier_seconds: Seconds = Field(
        default=10, description="How long a read waits at most for what was accepted before it, in seconds."
    )

    lrs_cors_origins: str = Field(
        default="*",
        description="Origins (https://host, parted by spaces) whose pages may use the LRS. `*`: any. "
        "They need a credential all the same.",
    )
    lrs_rate_per_second: Annotated[float, Field(ge=0)] = Field(
        default=0,
        description="Requests that one credential may send a second on the average, to each LRS process. 0: no limit.",
    )
    lrs_rate_burst: Positive = Field(
        default=100, description="Requests that one credential may send at once, under such a rate."
    )
    oidc_issuer: str = Field(
        default="", description="OpenID Connect issuer whose bearer tokens the LRS takes. Empty: none."
    )
    oidc_audience: str = Field(default="", description="What its tokens must name as their audience (`aud`).")
    oidc_tenant_claim: Annotated[str, Field(min_length=1)] = Field(
        default="tenant", description="The claim that names the tenant."
    )
    oidc_scope_claim: Annotated[str, Field(min_length=1)] = Field(
        default="scope", description="The claim that holds the scopes of xAPI, as a list or parted by spaces."
    )
    oidc_scope_prefix: str = Field(
        default="", description="What those scopes begin with in tokens, such as `xapi:`. Others are ignored."
    )

    boards_host: str = Field(default=LOOPBACK, description="Address the built-in boards listen on.")
    boards_port: Port = Field(default=8081, description="Port of the built-in boards.")
    boards_public_url: str = Field(
        default="", description="The boards' address as browsers see it. Empty: host and port."
    )

    boards_secret: SecretStr = Field(
        default=SecretStr(""), description="Signs the boards' sessions. Generated when left empty."
    )

    worker_group: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$")] = Field(
        default="jalon-processors", description="The stream processors' consumer group."
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Stream processor processes; more share the partitions."
    )

    grafana_url: str = Field(default="", description="A Grafana to provision for each tenant. Empty: none.")
    grafana_user: str = Field(default="admin", description="Grafana server administrator.")
    grafana_password: SecretStr = Field(default=SecretStr(""), description="The administrator's password.")

    startup_seconds: Seconds = Field(
        default=180, description="How long `jalon up` waits for everything to be ready, in seconds."
    )
    minimum_free_mib: Annotated[int, Field(ge=0)] = Field(
        default=1024, description="Free disk below which `jalon up` refuses to start, in MiB."
    )
    log_mib: Positive = Field(
        default=10, description="Size at which a process's log file is rotated, in MiB; three are kept."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (pydantic-settings' signature)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the caller alone: only `load` looks at the environment."""
        return (init_settings,)

    @field_validator("data_dir", "master_key_file")
    @classmethod
    def _make_absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @field_validator("data_dir")
    @classmethod
    def _check_path(cls, path: Path) -> Path:
        # supervisord's configuration gives a meaning to these, and has no way to take it from them everywhere.
        if any(character in "%;#\n\r" for character in str(path)):
            raise ValueError("choose a directory without % ; and # in its path")
        return path

    @field_validator("lrs_public_url", "boards_public_url", "grafana_url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.netloc):
            raise ValueError("it must be empty or an http:// or https:// address")
        return url.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, issuer: str) -> str:
        # Compared with tokens character by character, so nothing is taken off its end.
        parts = urlsplit(issuer)
        if issuer and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment):
            raise ValueError("it must be empty or an http:// or https:// address without query")
        return issuer

    @field_validator("lrs_cors_origins")
    @classmethod
    def _check_origins(cls, origins: str) -> str:
        for origin in origins.split():
            parts = urlsplit(origin)
            if origin != "*" and (
                parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != origin
            ):
                raise ValueError(f"{origin} is no origin: write https://host or https://host:port, without a path")
        return origins

    @field_validator("attachments_url")
    @classmethod
    def _check_object_store(cls, url: str) -> str:
        schemes = ("file", "s3", "s3a", "gs", "az", "abfs", "abfss")
        if url and urlsplit(url).scheme not in schemes:
            raise ValueError(f"it must be empty or the address of an object store: {', '.join(schemes)}")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.runtime == "external" and not self.kafka_bootstrap:
            raise ValueError("JALON_RUNTIME=external needs JALON_KAFKA_BOOTSTRAP, the address of your Kafka")
        if self.runtime == "embedded" and self.kafka_bootstrap:
            raise ValueError(
                "JALON_KAFKA_BOOTSTRAP is set, but JALON_RUNTIME is embedded: set JALON_RUNTIME=external or clear it"
            )
        if self.runtime == "embedded" and self.clickhouse_host not in {LOOPBACK, "localhost"}:
            raise ValueError("the embedded ClickHouse listens on loopback only: clear JALON_CLICKHOUSE_HOST")
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError(
                "JALON_OIDC_ISSUER needs JALON_OIDC_AUDIENCE: without it a token made for another service would do"
            )
        ports: dict[int, str] = {}
        for name in self.ports():
            if other := ports.get(getattr(self, name)):
                raise ValueError(f"{variable(other)} and {variable(name)} are the same port ({getattr(self, name)})")
            ports[getattr(self, name)] = name
        return self

    def ports(self) -> tuple[str, ...]:
        """Name the settings that hold a port on which a process of this instance listens."""
        embedded = ("kafka_port", "kafka_controller_port", "clickhouse_port") if self.runtime == "embedded" else ()
        return (*embedded, "lrs_port", "boards_port")

    @property
    def record_bytes(self) -> int:
        """The largest record: a body whose statements have gained an id, an authority and a version."""
        return self.max_body_bytes + 4 * 1024 * 1024

    @property
    def message_bytes(self) -> int:
        """What Kafka must take at once: the largest record with its key, headers and envelope."""
        return self.record_bytes + 1024 * 1024

    @property
    def kafka_servers(self) -> str:
        """The bootstrap servers to use, embedded or not."""
        return self.kafka_bootstrap or f"{LOOPBACK}:{self.kafka_port}"

    @property
    def identity_url(self) -> str:
        """The SQLAlchemy address to use."""
        return self.database_url or f"sqlite:///{self.data_dir / 'identity.sqlite3'}"

    @property
    def master_key_path(self) -> Path:
        """The master key's file."""
        return self.master_key_file or self.data_dir / "master.key"

    @property
    def attachments_address(self) -> str:
        """The address of the object store to use."""
        return self.attachments_url or (self.data_dir / "attachments").as_uri()

    @property
    def lrs_url(self) -> str:
        """The LRS's address for people and clients, without a final slash."""
        return self.lrs_public_url or self.lrs_local_url

    @property
    def lrs_local_url(self) -> str:
        """The LRS's address from this machine, without a final slash."""
        return f"http://{_reachable(self.lrs_host)}:{self.lrs_port}"

    @property
    def boards_local_url(self) -> str:
        """The boards' address from this machine, without a final slash."""
        return f"http://{_reachable(self.boards_host)}:{self.boards_port}"

    @property
    def boards_url(self) -> str:
        """The boards' address for people, without a final slash."""
        return self.boards_public_url or self.boards_local_url

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.data_dir / "logs"

    @property
    def run(self) -> Path:
        """The folder of what exists only while, or because, processes run."""
        return self.data_dir / "run"

    @classmethod
    def load(cls, environment: dict[str, str] | None = None, *, file: Path | None = None) -> Settings:
        """Read the environment (before) and the settings file (after); raises WrongSettings with one sentence.

        The file is the one given, or that named by JALON_SETTINGS, or `jalon.env` in the working directory if present.
        """
        environment = dict(os.environ) if environment is None else environment
        named = file or (Path(environment["JALON_SETTINGS"]) if environment.get("JALON_SETTINGS") else None)
        if named and not named.is_file():
            raise WrongSettings(f"The settings file {named} does not exist.")
        path = named or Path(DEFAULT_FILE)
        values = {key: value or "" for key, value in dotenv_values(path).items()} if path.is_file() else {}
        if stray := [key for key in values if not key.startswith(PREFIX)]:
            raise WrongSettings(f"{path}: {stray[0]} is not a setting: the names begin with {PREFIX}.")
        values |= {key: value for key, value in environment.items() if key.startswith(PREFIX)}
        known = {variable(name): name for name in cls.model_fields}
        given: dict[str, Any] = {}
        for key, value in values.items():
            if key.startswith(BESIDE):
                continue
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                raise WrongSettings(f"{key} is not a setting{f'; did you mean {close[0]}?' if close else '.'}")
            if value != "":
                given[known[key]] = value
        return cls.check(given)

    @classmethod
    def check(cls, values: dict[str, Any]) -> Settings:
        """Build settings from values, telling the first wrong one in a sentence (WrongSettings)."""
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = first["msg"].removeprefix("Value error, ")
            name = str(first["loc"][0]) if first["loc"] else ""
            sentence = f"{variable(name)}: {reason[:1].lower()}{reason[1:]}" if name else reason
            raise WrongSettings(f"{sentence.rstrip('.')}.") from None

    @classmethod
    def for_directory(cls, directory: Path, **values: Any) -> Settings:  # noqa: ANN401 (any setting's type)
        """Settings of a throw-away instance: everything in `directory`, on free ports, nothing from the environment."""
        names = ("kafka_port", "kafka_controller_port", "clickhouse_port", "lrs_port", "boards_port")
        wanted = [name for name in names if name not in values]
        return cls.check({"data_dir": directory, **dict(zip(wanted, free_ports(len(wanted)), strict=True)), **values})

    def dump(self) -> str:
        """Return everything, secrets included, as JSON for `restore`: for a 0600 file only."""
        secrets = {
            name: value.get_secret_value()
            for name in type(self).model_fields
            if isinstance(value := getattr(self, name), SecretStr)
        }
        return json.dumps(self.model_dump(mode="json") | secrets, indent=1)

    @classmethod
    def restore(cls, text: str) -> Settings:
        """Return the settings that `dump` wrote."""
        return cls.model_validate_json(text)


def write_table() -> str:
    """Return every setting with its default and meaning, as the table of docs/operations.md."""
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        shown = default.get_secret_value() if isinstance(default, SecretStr) else default
        rows.append(f"| `{variable(name)}` | {'' if shown in {'', None} else f'`{shown}`'} | {field.description} |")
    return "\n".join(rows) + "\n"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def _reachable(host: str) -> str:
    return LOOPBACK if host in {"0.0.0.0", "::", ""} else f"[{host}]" if ":" in host else host  # noqa: S104 (compared)


if __name__ == "__main__":
    print(write_table(), end="")
