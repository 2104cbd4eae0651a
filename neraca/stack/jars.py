"""The jars that Kafka runs on: fetched once by jgo into a cache shared by all homes, checked by SHA-256.

What is needed stands in `kafka.lock.json`, so nothing is resolved at run time and every machine runs the same
bytes. A jar appears in the cache under its name only when it is whole and right, so a cut download leaves
nothing to mistake for one. `python -m neraca.stack.jars` makes the lock file anew after a change of
`_RESOLVED_FROM`.
"""

import concurrent.futures
import fcntl
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import DownloadFailed, FolderUnusable

KAFKA_VERSION = "4.3.1"
LOCK_FILE = Path(__file__).with_name("kafka.lock.json")
# `!`: the list of managed versions that log4j brings would replace Kafka's own (and pair a 3.9 client with a
# 4.3 broker). slf4j-api is 1.7, hence log4j-slf4j-impl and not log4j-slf4j2-impl.
_RESOLVED_FROM = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
)
# Most jars are small, so waiting for the answer dominates: 46 jars took 45 s one by one and 11 s in eights.
_DOWNLOADS_AT_ONCE = 8
_DOWNLOAD_TIMEOUT_SECONDS = 60

Progress = Callable[[int, int], None]
"""Called with (jars there, jars needed)."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: its Maven coordinate and what its bytes must hash to."""

    coordinate: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """The name as Maven gives it."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked_jars(lock_file: Path = LOCK_FILE) -> list[Jar]:
    """What the lock file lists."""
    listed = json.loads(lock_file.read_text(encoding="utf-8"))["jars"]
    return [Jar(each["coordinate"], each["sha256"], each["bytes"]) for each in listed]


def class_path(cache: Path, *, repository: str | None = None, progress: Progress | None = None) -> list[Path]:
    """The jars in the cache, fetched where they are missing. Of two processes that ask at once, one waits.

    Raises:
        DownloadFailed: a jar could not be fetched, or is not what the lock file says.
        FolderUnusable: the cache cannot be written.

    """
    jars = locked_jars()
    folder = cache / f"kafka-{KAFKA_VERSION}"
    if missing(folder, jars):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(folder, error) from error
        try:
            # Waits for whoever is filling the cache; then there may be nothing left to fetch.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if to_fetch := missing(folder, jars):
                _fetch(to_fetch, folder, repository, len(jars), progress)
        finally:
            os.close(descriptor)
    return [folder / jar.file_name for jar in jars]


def missing(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    """What is not in the cache yet, or has the wrong length.

    Bytes are hashed once, before a jar gets its name.
    """
    absent = []
    for jar in jars:
        try:
            right = (folder / jar.file_name).stat().st_size == jar.size_bytes
        except OSError:
            right = False
        if not right:
            absent.append(jar)
    return absent


def _fetch(
    jars: Sequence[Jar], folder: Path, repository: str | None, needed: int, progress: Progress | None
) -> None:
    there = needed - len(jars)
    if progress:
        progress(there, needed)
    # jgo only warns where a checksum differs; we compare with the lock file ourselves and refuse.
    logging.getLogger("jgo").setLevel(logging.ERROR)
    _trust_what_the_machine_trusts()
    try:
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=folder))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with concurrent.futures.ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            tasks = {pool.submit(_fetch_one, jar, staging, folder, repository): jar for jar in jars}
            try:
                for task in concurrent.futures.as_completed(tasks):
                    task.result()
                    there += 1
                    if progress:
                        progress(there, needed)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _trust_what_the_machine_trusts() -> None:
    """Downloads accept the authorities of the operating system, as pip does, and not only those of a package.

    A company's own authority is commonly installed there and nowhere else. Must come before `requests` is
    imported.
    """
    import truststore

    truststore.inject_into_ssl()


def _fetch_one(jar: Jar, staging: Path, folder: Path, repository: str | None) -> None:
    import requests
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    group, artifact, version = jar.coordinate.split(":")
    context = MavenContext(
        repo_cache=staging,
        local_repos=[],
        remote_repos={"jars": (repository or MAVEN_CENTRAL_URL).rstrip("/")},
        timeout=_DOWNLOAD_TIMEOUT_SECONDS,
    )
    advice = (
        "Check the connection and run the command again: what was fetched is kept. Behind a mirror set "
        f"NERACA_JAR_REPOSITORY. Without a network copy {folder} from a machine that has it."
    )
    try:
        fetched = context.project(group, artifact).at_version(version).artifact().resolve()
        digest = hashlib.sha256(fetched.read_bytes()).hexdigest()
        if digest != jar.sha256:
            raise DownloadFailed(
                f"{jar.file_name} came with SHA-256 {digest[:16]}…, expected {jar.sha256[:16]}…",
                advice="Somebody on the way changes downloads, or the mirror is damaged. " + advice,
            )
        fetched.replace(folder / jar.file_name)
    except requests.RequestException as error:
        raise DownloadFailed(
            f"cannot fetch {jar.file_name}: {type(error).__name__}", advice=advice
        ) from error
    except RuntimeError as error:
        # jgo's way of saying that no repository has it.
        raise DownloadFailed(f"no repository has {jar.file_name}", advice=advice) from error
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> FolderUnusable:
    return FolderUnusable(
        f"cannot write in {folder}: {error.strerror or error}",
        advice="Free some space, or give another folder with NERACA_JAR_CACHE.",
    )


def _resolve() -> list[Jar]:
    """Ask the repository for everything that `_RESOLVED_FROM` needs, and hash it."""
    from dataclasses import replace

    from jgo.maven import MavenContext
    from jgo.parse import Endpoint

    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder))
        inputs = [
            context.create_dependency(replace(coordinate, scope=coordinate.scope or "compile"))
            for coordinate in Endpoint.parse("+".join(_RESOLVED_FROM)).coordinates
        ]
        first, others = context.resolver.resolve(inputs)
        artifacts = [each.artifact for each in (*first, *others) if each.scope in {"compile", "runtime"}]
        jars = []
        for artifact in artifacts:
            data = artifact.resolve().read_bytes()
            coordinate = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            jars.append(Jar(coordinate, hashlib.sha256(data).hexdigest(), len(data)))
        return sorted(jars, key=lambda jar: jar.coordinate)


def _write_lock_file() -> None:
    listed = [
        {"coordinate": jar.coordinate, "sha256": jar.sha256, "bytes": jar.size_bytes} for jar in _resolve()
    ]
    note = "What Kafka runs on, resolved once and pinned by SHA-256. Remade by `python -m neraca.stack.jars`."
    document = {"note": note, "resolved_from": list(_RESOLVED_FROM), "jars": listed}
    LOCK_FILE.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _write_lock_file()
        sys.exit(0)
    sys.exit(130)
