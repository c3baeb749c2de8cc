"""The settings of the whole product: read once, at the command line, checked, and passed on from there.

Nothing else in Jalon reads the environment. The processes that `jalon up` starts read the very settings it was given,
from a file of the data directory, so an instance is never half on old values.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from identity.roles import Role
from jalon.errors import WrongSettings
from jalon.ports import LOOPBACK, free_ports
from jalon.setting_values import (
    IssuerUrl,
    KeyServiceUrl,
    ObjectStoreUrl,
    Origins,
    Port,
    Positive,
    Roles,
    Seconds,
    Url,
    check_kafka_access,
    read_roles,
)
from xapi_profiles.kafka_access import KafkaAccess, Mechanism, Security

PREFIX = "JALON_"
# Read beside the settings: where they are, and what tests run against (tests/conftest.py).
BESIDE = ("JALON_SETTINGS", "JALON_TEST_")
DEFAULT_FILE = "jalon.env"

# What opens the vault is on no disk by our doing: it goes from process to process in their environment alone.
OPENS_VAULT = ("master_key", "transit_token")


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
    kafka_security: Security = Field(
        default="PLAINTEXT",
        description="How clients reach an external Kafka: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.",
    )
    kafka_sasl_mechanism: Mechanism = Field(
        default="SCRAM-SHA-512", description="How they sign in to it: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`."
    )
    kafka_user: str = Field(default="", description="As whom, with `SASL_…`.")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="That user's password.")
    kafka_ca_file: Path | None = Field(
        default=None,
        description="File with the certificates (PEM) of who vouches for its brokers. Empty: the system's own.",
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
    master_key_source: Literal["file", "environment", "transit"] = Field(
        default="file",
        description="Where the vault's master key is: a `file`, the `environment`, or a key service (`transit`).",
    )
    master_key_file: Path | None = Field(
        default=None, description="File of the vault's master key. Empty: `master.key` in the data directory."
    )
    master_key: SecretStr = Field(
        default=SecretStr(""),
        description="The master key itself, 32 bytes in base64, with the source `environment`. Never written to disk.",
    )
    transit_url: KeyServiceUrl = Field(
        default="", description="Address of a key service with the transit API (HashiCorp Vault, OpenBao)."
    )
    transit_mount: Annotated[str, Field(min_length=1)] = Field(
        default="transit", description="Where its transit engine is mounted."
    )
    transit_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = Field(
        default="jalon", description="The transit key that is the master key."
    )
    transit_namespace: str = Field(default="", description="Its namespace, if it has any.")
    transit_token: SecretStr = Field(
        default=SecretStr(""), description="A token that may encrypt and decrypt with it. Never written to disk."
    )
    transit_token_file: Path | None = Field(
        default=None, description="A file that holds such a token instead; read anew whenever one is needed."
    )

    backup_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=30,
        description="How many days you keep backups of databases and attachments, as receipts of erasures tell.",
    )

    lrs_host: str = Field(default=LOOPBACK, description="Address the LRS listens on.")
    lrs_port: Port = Field(default=8080, description="Port of the LRS.")
    lrs_public_url: Url = Field(default="", description="The LRS's address as clients see it. Empty: host and port.")
    max_body_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] = Field(
        default=16 * 1024 * 1024, description="Largest body of a request that the LRS accepts, in bytes."
    )
    attachments_url: ObjectStoreUrl = Field(
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

    lrs_cors_origins: Origins = Field(
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
    oidc_issuer: IssuerUrl = Field(
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
    boards_public_url: Url = Field(
        default="", description="The boards' address as browsers see it. Empty: host and port."
    )

    boards_proxies: str = Field(
        default=LOOPBACK,
        description="Addresses, parted by commas, of the proxies before the boards: what they say of whom they speak "
        "for (`X-Forwarded-For`) is believed.",
    )
    boards_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signs what the boards leave in a browser before it is signed in. Generated when left empty.",
    )
    session_idle_minutes: Positive = Field(
        default=720, description="After how long without a request a session of the boards ends, in minutes."
    )
    session_hours: Positive = Field(
        default=168, description="After how long a session of the boards ends anyway, in hours."
    )
    sign_in_issuer: IssuerUrl = Field(
        default="", description="OpenID Connect issuer at which people may sign in to the boards. Empty: none."
    )
    sign_in_client_id: str = Field(default="", description="As which of its clients the boards ask it.")
    sign_in_client_secret: SecretStr = Field(
        default=SecretStr(""), description="That client's secret. Empty: a public client."
    )
    sign_in_scope: Annotated[str, Field(pattern=r"(^|.* )openid( .*|$)")] = Field(
        default="openid profile", description="The scopes that are asked for, parted by spaces."
    )
    sign_in_roles_claim: str = Field(
        default="jalon_roles", description="The claim of its ID tokens that gives roles, such as `acme:viewer`."
    )
    sign_in_roles: Roles = Field(
        default="",
        description="What the words of that claim mean, if they are no roles themselves: JSON such as "
        '`{"Training staff": "acme:viewer"}`; several roles are parted by spaces.',
    )

    webhooks_host: str = Field(default=LOOPBACK, description="Address that webhooks are received on.")
    webhooks_port: Port = Field(default=8082, description="Port that webhooks are received on.")
    webhooks_public_url: Url = Field(
        default="", description="That address as other systems reach it. Empty: host and port."
    )

    scheduler_hour: Annotated[int, Field(ge=0, le=23)] = Field(
        default=3, description="Hour at which the day's duties (retention) begin, in each tenant's time zone."
    )

    stray_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        default=0,
        description="Days after which records of no known tenant, which may hold names, are deleted. 0: kept.",
    )

    worker_group: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$")] = Field(
        default="jalon-processors", description="The stream processors' consumer group."
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Stream processor processes; more share the partitions."
    )

    grafana_url: Url = Field(default="", description="A Grafana to provision for each tenant. Empty: none.")
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

    @field_validator("data_dir", "kafka_ca_file", "master_key_file", "transit_token_file")
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
        if self.sign_in_issuer and not self.sign_in_client_id:
            raise ValueError(
                "JALON_SIGN_IN_ISSUER needs JALON_SIGN_IN_CLIENT_ID, which the provider gave to the boards"
            )
        check_kafka_access(self.kafka_access, embedded=self.runtime == "embedded")
        self._check_master_key()
        ports: dict[int, str] = {}
        for name in self.ports():
            if other := ports.get(getattr(self, name)):
                raise ValueError(f"{variable(other)} and {variable(name)} are the same port ({getattr(self, name)})")
            ports[getattr(self, name)] = name
        return self

    def _check_master_key(self) -> None:
        wanted = {"master_key_file": "file", "master_key": "environment"}
        for name, source in wanted.items():
            value = getattr(self, name)
            given = value.get_secret_value() if isinstance(value, SecretStr) else value
            if given and source != self.master_key_source:
                raise ValueError(
                    f"{variable(name)} is set, but JALON_MASTER_KEY_SOURCE is {self.master_key_source}: "
                    f"set it to {source}, or clear {variable(name)}"
                )
        if self.master_key_source == "transit" and not self.transit_url:
            raise ValueError("JALON_MASTER_KEY_SOURCE=transit needs JALON_TRANSIT_URL, the address of the key service")
        if self.transit_token.get_secret_value() and self.transit_token_file:
            raise ValueError("give JALON_TRANSIT_TOKEN or JALON_TRANSIT_TOKEN_FILE, not both")

    def ports(self) -> tuple[str, ...]:
        """Name the settings that hold a port on which a process of this instance listens."""
        embedded = ("kafka_port", "kafka_controller_port", "clickhouse_port") if self.runtime == "embedded" else ()
        return (*embedded, "lrs_port", "boards_port", "webhooks_port")

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
    def kafka_access(self) -> KafkaAccess:
        """How clients are let in to it."""
        return KafkaAccess(
            self.kafka_security,
            self.kafka_sasl_mechanism,
            self.kafka_user,
            self.kafka_password.get_secret_value(),
            str(self.kafka_ca_file or ""),
        )

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
    def webhooks_local_url(self) -> str:
        """The receivers' address from this machine, without a final slash."""
        return f"http://{_reachable(self.webhooks_host)}:{self.webhooks_port}"

    @property
    def webhooks_url(self) -> str:
        """The receivers' address for other systems, without a final slash."""
        return self.webhooks_public_url or self.webhooks_local_url

    @property
    def known_roles(self) -> dict[str, list[Role]]:
        """What the words of the identity provider's claim mean; empty when they are roles themselves."""
        return read_roles(self.sign_in_roles)

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.data_dir / "logs"

    @property
    def receipts(self) -> Path:
        """The folder of signed receipts."""
        return self.data_dir / "receipts"

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
        names = (
            "kafka_port",
            "kafka_controller_port",
            "clickhouse_port",
            "lrs_port",
            "boards_port",
            "webhooks_port",
        )
        wanted = [name for name in names if name not in values]
        return cls.check({"data_dir": directory, **dict(zip(wanted, free_ports(len(wanted)), strict=True)), **values})

    def dump(self) -> str:
        """Return everything but what opens the vault as JSON for `restore`, secrets included: for a 0600 file only."""
        secrets = {
            name: value.get_secret_value()
            for name in type(self).model_fields
            if name not in OPENS_VAULT and isinstance(value := getattr(self, name), SecretStr)
        }
        return json.dumps(self.model_dump(mode="json", exclude=set(OPENS_VAULT)) | secrets, indent=1)

    @classmethod
    def restore(cls, text: str) -> Settings:
        """Return the settings that `dump` wrote; what opens the vault is for `with_vault_secrets` to add."""
        return cls.model_validate_json(text)

    def vault_secrets(self) -> dict[str, str]:
        """Return what opens the vault, by environment variable: for the processes that are started with it."""
        return {variable(name): value for name in OPENS_VAULT if (value := getattr(self, name).get_secret_value())}

    def with_vault_secrets(self, environment: Mapping[str, str]) -> Settings:
        """Return these settings with what opens the vault taken from an environment, as far as it is there."""
        given = {name: SecretStr(value) for name in OPENS_VAULT if (value := environment.get(variable(name)))}
        return self.model_copy(update=given)


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
