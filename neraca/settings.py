"""Every setting of Neraca, read once at the start of a command and passed down.

The only place that reads the environment. Each field is the variable `NERACA_` + its name in capitals.
Without any, everything points at the embedded stack in the default home folder.
"""

import difflib
import os
import re
import shlex
from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from neraca.stack.home import Home
from schemas.errors import SettingsError, StackNotRunning

PREFIX = "NERACA_"
_TLS = ("kafka_ssl_ca", "kafka_ssl_certificate", "kafka_ssl_key", "kafka_ssl_key_password")
_SASL = ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
# Read by setup.py when the package is built, so that it can be left set.
_BUILD_VARIABLES = frozenset({"NERACA_PURE"})
_TOPIC_CHARACTERS = re.compile(r"[A-Za-z0-9._-]*")
# Kafka allows 249; the longest name of ours is shorter than 49.
_PREFIX_CHARACTERS_MAX = 200
# A network that falls silent ends a connection after half a minute. By itself the system waits two hours for
# an answer and a quarter of an hour for a receipt; a projector would wait as long. A DSN may say otherwise.
_SILENCE_ENDS_A_CONNECTION = {
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Settings(BaseSettings):
    """The settings. Secrets are `SecretStr`: neither `repr` nor a log line shows them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    home: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("neraca", appauthor=False),
        description="Folder of the embedded stack: its data, logs and passwords.",
    )
    jar_cache: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("neraca", appauthor=False) / "jars",
        description="Folder for Kafka's jars, shared by all homes.",
    )
    jar_repository: str | None = Field(
        default=None, description="Maven repository to fetch them from, for mirrors."
    )
    kafka_heap_mb: int = Field(
        default=512, ge=192, le=65_536, description="Heap of the embedded Kafka, in MiB."
    )
    kafka_java_options: str = Field(
        default="", description="More options for its Java, written as in a shell; they win over ours."
    )
    topic_prefix: str = Field(
        default="", description="Put before every topic name: two ledgers on one Kafka."
    )

    kafka_bootstrap_servers: str | None = Field(
        default=None, description="host:port,… of an outside Kafka; unset: the embedded one."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How to speak with the outside Kafka."
    )
    kafka_ssl_ca: Path | None = Field(
        default=None, description="File of the authority that signed the broker's key."
    )
    kafka_ssl_certificate: Path | None = Field(
        default=None, description="Our certificate, where the broker wants one."
    )
    kafka_ssl_key: Path | None = Field(default=None, description="The key of that certificate.")
    kafka_ssl_key_password: SecretStr | None = Field(default=None, description="The password of that key.")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="How to log in."
    )
    kafka_sasl_username: str | None = Field(default=None, description="Who logs in.")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="With which password.")

    outside_postgres_dsn: SecretStr | None = Field(
        default=None,
        validation_alias="NERACA_POSTGRES_DSN",
        description="postgresql://… of an outside PostgreSQL; unset: the embedded one.",
    )

    outside_keystore_dsn: SecretStr | None = Field(
        default=None,
        validation_alias="NERACA_KEYSTORE_DSN",
        description="postgresql://… of the key store of personal data; unset: where the tables are.",
    )
    master_key_file: Path | None = Field(
        default=None, description="File of the master keys of the key store; unset: master.key of the home."
    )

    log_origin: str | None = Field(
        default=None,
        description="Name of the journal as a transparency log, like example.org/ledger; unset: a made one.",
    )
    log_key_file: Path | None = Field(
        default=None, description="File of the log's private key; unset: in the home folder."
    )

    @classmethod
    def read(cls, *, home: Path | None = None) -> Self:
        """The settings from the environment; `home` from the command line wins.

        Raises:
            SettingsError: unknown variables, or values that cannot be; the message names each.
            FolderUnusable: the home is a file, or lies below one.

        """
        _refuse_unknown_variables(cls)
        try:
            made = cls() if home is None else cls(home=home)
        except ValidationError as error:
            problems = []
            for each in error.errors(include_url=False, include_input=False, include_context=False):
                name = str(each["loc"][0]) if each["loc"] else ""
                variable = name if name.startswith(PREFIX) else PREFIX + name.upper()
                text = each["msg"].removeprefix("Value error, ")
                problems.append(f"{variable}: {text}" if name else text)
            raise SettingsError(
                "; ".join(problems), advice="Set the variable right, or unset it to use the default."
            ) from None
        Home(made.home).refuse_file()
        return made

    @field_validator(
        "home",
        "jar_cache",
        "kafka_ssl_ca",
        "kafka_ssl_certificate",
        "kafka_ssl_key",
        "master_key_file",
        "log_key_file",
        mode="before",
    )
    @classmethod
    def _path_is_not_empty(cls, value: object) -> object:
        # An empty path means the current folder, which nobody who left a variable empty has in mind.
        if isinstance(value, str) and not value.strip():
            raise ValueError("is empty")
        return value

    @field_validator("home", mode="after")
    @classmethod
    def _one_name(cls, value: Path) -> Path:
        return Home(value).folder

    @field_validator("jar_cache", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("topic_prefix", mode="after")
    @classmethod
    def _topic_prefix_is_legal(cls, value: str) -> str:
        if not _TOPIC_CHARACTERS.fullmatch(value) or len(value) > _PREFIX_CHARACTERS_MAX:
            raise ValueError(
                f"must be letters, digits, dots, dashes and underlines, at most {_PREFIX_CHARACTERS_MAX}"
            )
        return value

    @field_validator("kafka_java_options", mode="after")
    @classmethod
    def _java_options_can_be_split(cls, value: str) -> str:
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"cannot be split into words: {error}") from None
        if wrong := [word for word in words if not word.startswith("-")]:
            raise ValueError(f"{wrong[0]!r} is no option")
        return value

    @field_validator("log_origin", mode="after")
    @classmethod
    def _origin_names_a_log(cls, value: str | None) -> str | None:
        if value is not None and (not value.isprintable() or not value or any(c in value for c in " +")):
            raise ValueError("must be like example.org/ledger: no space and no plus sign")
        return value

    @field_validator("kafka_bootstrap_servers", mode="after")
    @classmethod
    def _servers_are_host_and_port(cls, value: str | None) -> str | None:
        if value is None:
            return None
        for server in value.split(","):
            host, colon, port = server.strip().rpartition(":")
            if not (host and colon and port.isdigit() and 0 < int(port) <= 65_535):  # noqa: PLR2004 (ports)
                raise ValueError(f"{server.strip()!r} is not host:port")
        return ",".join(server.strip() for server in value.split(","))

    @field_validator("jar_repository", mode="after")
    @classmethod
    def _repository_is_a_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// or http://")
        return value

    @field_validator("outside_postgres_dsn", "outside_keystore_dsn", mode="after")
    @classmethod
    def _dsn_can_be_read(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            # libpq would go wherever its own variables point.
            raise ValueError("is empty")
        if value is not None:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict

            try:
                conninfo_to_dict(value.get_secret_value())
            except psycopg.ProgrammingError:
                # The reason would quote the password.
                raise ValueError("is no connection string like postgresql://user:password@host/db") from None
        return value

    @model_validator(mode="after")
    def _kafka_settings_fit_together(self) -> Self:
        protocol = self.kafka_security_protocol
        tls = self._given(*_TLS)
        sasl = self._given(*_SASL)
        if self.kafka_is_embedded and (protocol != "PLAINTEXT" or tls or sasl):
            names = [*tls, *sasl] or ["kafka_security_protocol"]
            raise ValueError(f"{_variables(names)}: has no meaning without NERACA_KAFKA_BOOTSTRAP_SERVERS")
        if tls and "SSL" not in protocol:
            raise ValueError(f"{_variables(tls)}: needs NERACA_KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL")
        if sasl and not protocol.startswith("SASL"):
            raise ValueError(f"{_variables(sasl)}: needs NERACA_KAFKA_SECURITY_PROTOCOL=SASL_SSL")
        if protocol.startswith("SASL") and (absent := [name for name in _SASL if name not in sasl]):
            raise ValueError(f"{_variables(absent)}: needed for NERACA_KAFKA_SECURITY_PROTOCOL={protocol}")
        if (self.kafka_ssl_certificate is None) != (self.kafka_ssl_key is None):
            raise ValueError("NERACA_KAFKA_SSL_CERTIFICATE and NERACA_KAFKA_SSL_KEY go together")
        return self

    @field_validator("kafka_ssl_ca", "kafka_ssl_certificate", "kafka_ssl_key", mode="after")
    @classmethod
    def _file_is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"no such file: {value}")
        return value

    def _given(self, *names: str) -> list[str]:
        return [name for name in names if getattr(self, name) is not None]

    @property
    def kafka_is_embedded(self) -> bool:
        """Whether Kafka is the one of the home folder."""
        return self.kafka_bootstrap_servers is None

    @property
    def postgres_is_embedded(self) -> bool:
        """Whether PostgreSQL is the one of the home folder."""
        return self.outside_postgres_dsn is None

    def kafka_config(self) -> dict[str, str | int]:
        """What every Kafka client starts from. Holds passwords in the clear: not for logs.

        Raises:
            StackNotRunning: the embedded stack of this home was never started.

        """
        if self.kafka_bootstrap_servers is None:
            port = Home(self.home).load().kafka.port
            if port is None:
                raise self._never_started()
            return {"bootstrap.servers": f"127.0.0.1:{port}"}
        config: dict[str, str | int] = {
            "bootstrap.servers": self.kafka_bootstrap_servers,
            "security.protocol": self.kafka_security_protocol,
        }
        optional = {
            "ssl.ca.location": self.kafka_ssl_ca,
            "ssl.certificate.location": self.kafka_ssl_certificate,
            "ssl.key.location": self.kafka_ssl_key,
            "ssl.key.password": self.kafka_ssl_key_password,
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_sasl_username,
            "sasl.password": self.kafka_sasl_password,
        }
        for name, value in optional.items():
            if value is not None:
                config[name] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        return config

    def postgres_dsn(self) -> str:
        """How to connect to PostgreSQL, with the password: not for logs.

        Raises:
            StackNotRunning: the embedded stack of this home was never started.

        """
        if self.outside_postgres_dsn is not None:
            return _outside(self.outside_postgres_dsn)
        from neraca.stack.postgres import EmbeddedPostgres

        home = Home(self.home)
        port = home.load().postgres.port
        if port is None:
            raise self._never_started()
        return EmbeddedPostgres(home).dsn(port)

    def keystore_dsn(self) -> str:
        """How to connect to the key store, with the password: not for logs.

        Raises:
            StackNotRunning: it is in the embedded stack, which was never started.

        """
        if self.outside_keystore_dsn is not None:
            return _outside(self.outside_keystore_dsn)
        return self.postgres_dsn()

    def child_environment(self) -> dict[str, str]:
        """The environment for processes of ours that shall see the same settings."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if value is None:
                continue
            alias = type(self).model_fields[name].validation_alias
            variable = alias if isinstance(alias, str) else PREFIX + name.upper()
            environment[variable] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        # A checkout that is not installed must be found by its children as well.
        root = str(Path(__file__).parents[1])
        known = [root, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(known))
        environment["PYTHONUNBUFFERED"] = "1"
        return environment

    def _never_started(self) -> StackNotRunning:
        option = "" if "home" not in self.model_fields_set else f" --home {self.home}"
        return StackNotRunning(
            f"there is no stack in {self.home}",
            advice=f"Start one with `neraca up{option}`, or set NERACA_KAFKA_BOOTSTRAP_SERVERS and "
            "NERACA_POSTGRES_DSN to use others.",
        )


def _outside(given: SecretStr) -> str:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    dsn = given.get_secret_value()
    return make_conninfo(dsn, **{**_SILENCE_ENDS_A_CONNECTION, **conninfo_to_dict(dsn)})


def _variables(names: list[str]) -> str:
    return ", ".join(PREFIX + name.upper() for name in names)


def _refuse_unknown_variables(settings: type[Settings]) -> None:
    """A misspelt variable would quietly leave the default in place."""
    known = {
        field.validation_alias if isinstance(field.validation_alias, str) else PREFIX + name.upper()
        for name, field in settings.model_fields.items()
    }
    unknown = sorted(
        name for name in os.environ if name.startswith(PREFIX) and name not in known | _BUILD_VARIABLES
    )
    if unknown:
        hints = [
            f"{name} (did you mean {close[0]}?)"
            if (close := difflib.get_close_matches(name, known, n=1))
            else name
            for name in unknown
        ]
        raise SettingsError(
            f"unknown setting: {', '.join(hints)}", advice=f"The settings are: {', '.join(sorted(known))}."
        )
