"""Kafka's jars: fetched once, checked, and never half there."""

import gc
import hashlib
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neraca.stack import jars
from neraca.stack.jars import Jar, class_path, locked_jars
from schemas.errors import DownloadFailed, FolderUnusable

# jgo lets go of answers that it did not read to the end without closing them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


class Repository:
    """A Maven repository of a few small jars, which counts what it is asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut_after_bytes: int | None = None
        repository = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                repository.asked.append(self.path)
                data = repository.files.get(self.path)
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write((data or b"")[: repository.cut_after_bytes])

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/maven"

    def add(self, coordinate: str, data: bytes) -> Jar:
        """Offer a jar, with the checksum that Maven repositories have beside it."""
        group, artifact, version = coordinate.split(":")
        path = f"/maven/{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.jar"
        self.files[path] = data
        self.files[path + ".sha1"] = hashlib.sha1(data, usedforsecurity=False).hexdigest().encode()
        return Jar(coordinate, hashlib.sha256(data).hexdigest(), len(data))

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository of three jars, which are all that Kafka needs in these tests."""
    repository = Repository()
    needed = [repository.add(f"org.example:part-{n}:1.{n}", bytes([n]) * 50_000) for n in range(3)]
    monkeypatch.setattr(jars, "locked_jars", lambda: needed)
    yield repository
    repository.close()
    # Here, where the warning is expected, and not in the middle of another test.
    gc.collect()


def test_jars_are_fetched_once(repository: Repository, tmp_path: Path) -> None:
    """The second call asks nobody; progress counts from what is there to what is needed."""
    seen: list[tuple[int, int]] = []
    found = class_path(tmp_path, repository=repository.url, progress=lambda *at: seen.append(at))
    assert [(0, 3), (1, 3), (2, 3), (3, 3)] == seen
    assert ["part-0-1.0.jar", "part-1-1.1.jar", "part-2-1.2.jar"] == [path.name for path in found]
    assert all(path.stat().st_size == 50_000 for path in found)
    asked = len(repository.asked)
    assert found == class_path(tmp_path, repository=repository.url)
    assert asked == len(repository.asked)


def test_two_that_fetch_at_once_share_the_work(repository: Repository, tmp_path: Path) -> None:
    """Each jar is fetched by one of them, and both get all."""
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: class_path(tmp_path, repository=repository.url), range(4)))
    assert results[0] == results[1] == results[2] == results[3]
    fetched = [path for path in repository.asked if path.endswith(".jar")]
    assert len(set(fetched)) == len(fetched) == 3


def test_changed_bytes_are_refused(repository: Repository, tmp_path: Path) -> None:
    """A jar that is not what the lock file says never gets its name, even if the checksum beside it fits."""
    repository.add("org.example:part-1:1.1", b"\x66" * 50_000)
    with pytest.raises(DownloadFailed, match=r"part-1-1\.1\.jar came with SHA-256"):
        class_path(tmp_path, repository=repository.url)
    assert not list(tmp_path.rglob("part-1*"))


def test_a_cut_download_is_done_again(repository: Repository, tmp_path: Path) -> None:
    """What arrives cut is an error worth a retry; the retry fetches only what is missing."""
    repository.cut_after_bytes = 100
    with pytest.raises(DownloadFailed) as caught:
        class_path(tmp_path, repository=repository.url)
    assert caught.value.retryable
    assert "run the command again" in caught.value.advice
    assert not list(tmp_path.rglob("*.jar"))
    repository.cut_after_bytes = None
    assert 3 == len(class_path(tmp_path, repository=repository.url))


def test_a_damaged_cache_is_mended(repository: Repository, tmp_path: Path) -> None:
    """A jar of the wrong length is fetched again, the others are not."""
    found = class_path(tmp_path, repository=repository.url)
    found[2].write_bytes(b"cut")
    repository.asked.clear()
    class_path(tmp_path, repository=repository.url)
    assert 50_000 == found[2].stat().st_size
    assert ["part-2-1.2.jar"] == [path.rsplit("/", 1)[1] for path in repository.asked if path.endswith("jar")]


def test_no_network_is_said(repository: Repository, unused_port: int, tmp_path: Path) -> None:
    """Nobody answers: the message names a jar, and how to do without a network."""
    assert repository.files
    with pytest.raises(DownloadFailed, match=r"cannot fetch part-\d-1.\d.jar") as caught:
        class_path(tmp_path, repository=f"http://127.0.0.1:{unused_port}")
    assert "Without a network copy" in caught.value.advice


def test_an_unknown_jar_is_said(repository: Repository, tmp_path: Path) -> None:
    """A mirror without the jar is named as such."""
    repository.files.clear()
    with pytest.raises(DownloadFailed, match="no repository has part-"):
        class_path(tmp_path, repository=repository.url)


def test_a_cache_that_cannot_be_written_is_said(repository: Repository, tmp_path: Path) -> None:
    """The folder is named, and the setting that moves it."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FolderUnusable, match="cannot write in") as caught:
        class_path(tmp_path / "file", repository=repository.url)
    assert "NERACA_JAR_CACHE" in caught.value.advice


def test_the_lock_file_is_one_kafka() -> None:
    """All of Kafka's own jars are of one version; each jar is listed once, with a whole hash."""
    listed = locked_jars()
    kafka = {jar.coordinate.split(":")[2] for jar in listed if jar.coordinate.startswith("org.apache.kafka:")}
    assert {jars.KAFKA_VERSION} == kafka
    assert len({jar.file_name for jar in listed}) == len(listed)
    assert {64} == {len(jar.sha256) for jar in listed}
