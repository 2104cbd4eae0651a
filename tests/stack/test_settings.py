"""Settings: where everything points, what cannot be, and that secrets stay secret."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from neraca.settings import Settings
from schemas.errors import FolderUnusable, SettingsError, StackNotRunning

SECRET = "hush-hush"  # noqa: S105 (a stand-in, looked for where it must not be)


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """A file that stands for the authority's certificate."""
    path = tmp_path / "ca.pem"
    path.write_text("certificate", encoding="ascii")
    return path


def set_all(monkeypatch: pytest.MonkeyPatch, **variables: object) -> None:
    """Put NERACA_ variables into the environment."""
    for name, value in variables.items():
        monkeypatch.setenv(f"NERACA_{name}", str(value))


def test_an_outside_kafka_and_postgres(monkeypatch: pytest.MonkeyPatch, ca: Path) -> None:
    """TLS and SASL options reach the client under librdkafka's names; secrets show up nowhere else."""
    set_all(
        monkeypatch,
        KAFKA_BOOTSTRAP_SERVERS="kafka-1.example:9093, kafka-2.example:9093",
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SSL_CA=ca,
        KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
        KAFKA_SASL_USERNAME="neraca",
        KAFKA_SASL_PASSWORD=SECRET,
        POSTGRES_DSN=f"postgresql://neraca:{SECRET}@db.example/ledger",
    )
    settings = Settings.read()
    expected = {
        "bootstrap.servers": "kafka-1.example:9093,kafka-2.example:9093",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(ca),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "neraca",
        "sasl.password": SECRET,
    }
    assert expected == settings.kafka_config()
    found = conninfo_to_dict(settings.postgres_dsn())
    assert ("neraca", SECRET, "db.example", "ledger") == tuple(
        found[name] for name in ("user", "password", "host", "dbname")
    )
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in text


def test_a_silent_network_ends_a_connection_to_postgres(monkeypatch: pytest.MonkeyPatch, ca: Path) -> None:
    """Nobody waits for two hours, as systems do by themselves, and a DSN of one's own may say how long."""
    set_all(
        monkeypatch,
        HOME=ca.parent,
        POSTGRES_DSN="postgresql://neraca@db.example/ledger",
        KEYSTORE_DSN="postgresql://neraca@db.example/keys?keepalives_idle=7",
    )
    settings = Settings.read()
    tables, keys = (conninfo_to_dict(dsn) for dsn in (settings.postgres_dsn(), settings.keystore_dsn()))
    assert ("15", "7") == (tables["keepalives_idle"], keys["keepalives_idle"])
    assert ("30000", "30000") == (tables["tcp_user_timeout"], keys["tcp_user_timeout"])


@pytest.mark.parametrize("below", ["", "home", "deep/down/home"])
def test_a_home_that_is_a_file(monkeypatch: pytest.MonkeyPatch, ca: Path, below: str) -> None:
    """A file in the place of the home, or above it, is named with what to do, before anything is tried."""
    set_all(monkeypatch, HOME=ca / below)
    with pytest.raises(FolderUnusable, match=r"ca\.pem is a file") as told:
        Settings.read()
    assert "Give a folder with --home or NERACA_HOME" in told.value.advice
    assert ca.parent / "new" == Settings.read(home=ca.parent / "new").home


def test_children_see_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a command was told, by variable or by option, its services are told as well."""
    set_all(monkeypatch, HOME=tmp_path / "ignored", POSTGRES_DSN=f"postgresql://u:{SECRET}@db.example/l")
    settings = Settings.read(home=tmp_path / "home")
    environment = settings.child_environment()
    monkeypatch.delenv("NERACA_HOME")
    monkeypatch.delenv("NERACA_POSTGRES_DSN")
    set_all(
        monkeypatch,
        **{name.removeprefix("NERACA_"): value for name, value in environment.items() if "NERACA_" in name},
    )
    assert settings == Settings.read()


def test_without_a_stack_the_way_to_one_is_shown(tmp_path: Path) -> None:
    """The default is the embedded stack; where none was started, the message says which command does it."""
    settings = Settings.read(home=tmp_path / "none")
    for ask in (settings.kafka_config, settings.postgres_dsn):
        with pytest.raises(StackNotRunning) as caught:
            ask()
        assert f"neraca up --home {tmp_path / 'none'}" in caught.value.advice
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"KAFKA_BOOTSTRAP": "x:1"}, "NERACA_KAFKA_BOOTSTRAP (did you mean NERACA_KAFKA_BOOTSTRAP_SERVERS?)"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "kafka.example"}, "'kafka.example' is not host:port"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "kafka.example:99999"}, "is not host:port"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "NERACA_KAFKA_SECURITY_PROTOCOL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL"}, "no meaning without NERACA_KAFKA_BOOTSTRAP_SERVERS"),
        ({"KAFKA_SSL_CA": "/no/such/file"}, "NERACA_KAFKA_SSL_CA: no such file: /no/such/file"),
        (
            {
                "KAFKA_BOOTSTRAP_SERVERS": "k:1",
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_USERNAME": "u",
            },
            "NERACA_KAFKA_SASL_MECHANISM, NERACA_KAFKA_SASL_PASSWORD: needed",
        ),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "k:1", "KAFKA_SASL_USERNAME": "u"},
            "NERACA_KAFKA_SASL_USERNAME: needs NERACA_KAFKA_SECURITY_PROTOCOL=SASL_SSL",
        ),
        ({"KAFKA_HEAP_MB": "much"}, "NERACA_KAFKA_HEAP_MB: Input should be a valid integer"),
        ({"KAFKA_HEAP_MB": "64"}, "NERACA_KAFKA_HEAP_MB: Input should be greater than or equal to 192"),
        ({"KAFKA_JAVA_OPTIONS": "Xss1m"}, "NERACA_KAFKA_JAVA_OPTIONS: 'Xss1m' is no option"),
        ({"TOPIC_PREFIX": "a/b"}, "NERACA_TOPIC_PREFIX: must be letters"),
        ({"POSTGRES_DSN": f"db.example password={SECRET}"}, "NERACA_POSTGRES_DSN: is no connection string"),
        ({"HOME": ""}, "NERACA_HOME: is empty"),
        ({"JAR_CACHE": " "}, "NERACA_JAR_CACHE: is empty"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "k:1", "KAFKA_SSL_CA": ""}, "NERACA_KAFKA_SSL_CA: is empty"),
        ({"POSTGRES_DSN": ""}, "NERACA_POSTGRES_DSN: is empty"),
        ({"JAR_REPOSITORY": "ftp://x"}, "NERACA_JAR_REPOSITORY: must begin with https://"),
    ],
)
def test_what_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    """The message names the variable and what would be right, and quotes no secret."""
    set_all(monkeypatch, **variables)
    with pytest.raises(SettingsError) as caught:
        Settings.read()
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
