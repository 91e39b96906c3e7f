"""Settings of every process, read from the environment (prefix ``RECOURS_``), each with its meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.errors import Refused

PREFIX = "RECOURS_"
S = TypeVar("S", bound=BaseSettings)
_HOST_PORT = re.compile(r"^(?:\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$")
Names = Annotated[tuple[str, ...], NoDecode]
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """What a process has to know about its surroundings. Lists are written with commas.

    Nothing here depends on which service reads it: names that do are made by ``database`` and ``bucket``.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    bus: Names = Field(default=("127.0.0.1:9092",), description="Kafka brokers, host:port, comma separated")
    bus_idempotence: bool = Field(default=True, description="idempotent producer; off only for a bus that lacks it")
    partitions: int = Field(default=4, ge=1, le=1024, description="partitions of every topic, the same for all")
    replication: int = Field(default=1, ge=1, le=9, description="copies that the bus keeps of every topic")
    store: SecretStr = Field(
        default=SecretStr("mongodb://127.0.0.1:27017/?directConnection=true"),
        description="MongoDB address of a replica set, credentials included",
    )
    store_prefix: str = Field(
        default="recours_", pattern=r"^[a-z][a-z0-9_]{0,30}$", description="database of a service = this + its name"
    )
    objects: str = Field(default="127.0.0.1:9000", description="S3 endpoint, host:port")
    objects_access: str = Field(default="", description="S3 access key of this service")
    objects_secret: SecretStr = Field(default=SecretStr(""), description="S3 secret key of this service")
    objects_secure: bool = Field(default=True, description="S3 over TLS")
    objects_region: str = Field(default="us-east-1", description="S3 region")
    bucket_prefix: str = Field(
        default="recours-", pattern=r"^[a-z][a-z0-9-]{0,30}$", description="bucket of a service = this + its name"
    )
    keyring: str = Field(default="http://127.0.0.1:8200", description="OpenBao or Vault address")
    keyring_token: SecretStr = Field(default=SecretStr(""), description="token of this service at the keyring")
    tsa: Names = Field(default=(), description="RFC 3161 timestamp authorities, URLs, tried in this order")
    tsa_chain: Path | None = Field(default=None, description="PEM file of the certificates that tokens must chain to")
    tsa_not_qualified: bool = Field(
        default=False, description="the authorities are known not to be qualified; otherwise tokens are 'unknown'"
    )
    smtp_host: str = Field(default="127.0.0.1", min_length=1, description="mail relay, host")
    smtp_port: Port = Field(default=25, description="mail relay, port")
    smtp_from: str = Field(
        default="ne-pas-repondre@localhost.localdomain",
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="sender address of every mail; neutral, it shows on a lock screen",
    )
    payment_api: str = Field(default="https://api.stripe.com", description="payment provider, base of its API")
    payment_key: SecretStr = Field(default=SecretStr(""), description="secret key at the payment provider")
    payment_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="secret that signs the payment provider's webhooks"
    )
    payment_page: str = Field(
        default="https://checkout.stripe.com", description="origin of the page where a person pays"
    )
    origin: str = Field(default="http://127.0.0.1:8000", description="public address of the whole, no final slash")
    listen_host: str = Field(default="127.0.0.1", min_length=1, description="address this process listens on")
    listen_port: Port = Field(default=8080, description="port this process listens on")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    replica: str = Field(
        default="1", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="name of this replica, unique in its service"
    )
    operators: Names = Field(default=(), description="mail addresses paged when a human is needed, comma separated")
    clamd: str = Field(default="", description="virus scanner, host:port; empty: files are labelled not scanned")

    def database(self, service: str) -> str:
        """Name of ``service``'s own database."""
        return f"{self.store_prefix}{service}"

    def bucket(self, service: str) -> str:
        """Name of ``service``'s own bucket."""
        return f"{self.bucket_prefix}{service}"

    @field_validator("bus", "tsa", "operators", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("bus")
    @classmethod
    def _brokers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one host:port is needed")
        return tuple(_host_port(part) for part in value)

    @field_validator("objects", "clamd")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        return _host_port(value) if value else value

    @field_validator("keyring", "payment_api", "payment_page", "origin")
    @classmethod
    def _url(cls, value: str) -> str:
        return _http(value).rstrip("/")

    @field_validator("tsa")
    @classmethod
    def _urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_http(part) for part in value)

    @field_validator("operators")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[^@\s]+@[^@\s]+", part) for part in value):
            raise ValueError("each must be a mail address, such as astreinte@example.org")
        return value

    @field_validator("store")
    @classmethod
    def _mongo(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("must begin with mongodb:// or mongodb+srv://")
        return value


class Described(NamedTuple):
    """One line of ``recours config``."""

    name: str
    value: str
    meaning: str


def read(**given: Any) -> Settings:
    """The settings of this process; ``given`` values win over the environment.

    Raises:
        Refused: a value is wrong; the message names each variable, what is wrong with it and what it means.
    """
    return read_as(Settings, **given)


def read_as(model: type[S], **given: Any) -> S:
    """Further settings of one service, read from the environment. Raises Refused as ``read`` does."""
    try:
        return model(**given)
    except ValidationError as error:
        raise Refused("bad-setting", " ".join(_complaints(error, model))) from None


def describe(settings: BaseSettings) -> tuple[Described, ...]:
    """Every variable with its value and meaning; secrets show only whether they are set."""
    prefix = settings.model_config.get("env_prefix", PREFIX)
    return tuple(
        Described(prefix + name.upper(), _shown(getattr(settings, name)), field.description or "")
        for name, field in type(settings).model_fields.items()
    )


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Environment variables for the given fields of ``Settings``. Raises KeyError on a name that is no field."""
    unknown = set(settings) - set(Settings.model_fields)
    if unknown:
        raise KeyError(f"No such setting: {', '.join(sorted(unknown))}.")
    return {variable(name): _written(value) for name, value in settings.items()}


def variable(field: str) -> str:
    """Name of the environment variable of a field of ``Settings``."""
    return PREFIX + field.upper()


def _complaints(error: ValidationError, model: type[BaseSettings]) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        field = str(fault["loc"][0]) if fault["loc"] else ""
        known = model.model_fields.get(field)
        meaning = f" It is: {known.description}." if known else ""
        name = model.model_config.get("env_prefix", PREFIX) + field.upper()
        yield f"{name} is wrong: {fault['msg'].removeprefix('Value error, ')}.{meaning}"


def _host_port(text: str) -> str:
    match = _HOST_PORT.fullmatch(text)
    if not match or not 0 < int(match[1]) < 65536:
        raise ValueError("must be host:port, such as 127.0.0.1:9092")
    return text


def _http(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", text):
        raise ValueError("must be an http:// or https:// address without credentials")
    return text


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else "(empty)"
    return _written(value)


def _written(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return "true" if value else "false"
        case tuple() | list():
            return ",".join(str(part) for part in value)
        case None:
            return ""
        case _:
            return str(value)
