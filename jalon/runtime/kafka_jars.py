"""Apache Kafka's jars: fetched once into the virtual environment, each one held against its locked SHA-256.

The list (kafka_jars.json) was resolved by jgo from `org.apache.kafka:kafka_2.13`, plus the bridge from slf4j to log4j2
without which Kafka's logs go nowhere. For a new version: `python -m jalon.runtime.kafka_jars VERSION`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jalon.errors import JarsUnavailable

ATTEMPTS = 3
_LOGGING_BRIDGE = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar."""

    coordinates: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"

    @property
    def path(self) -> str:
        """The file's place in a Maven repository."""
        group, artifact, version = self.coordinates.split(":")
        return "/".join((*group.split("."), artifact, version, self.name))


@cache
def read_lock() -> tuple[str, tuple[Jar, ...]]:
    """Return Kafka's version and its jars."""
    lock = json.loads(files("jalon.runtime").joinpath("kafka_jars.json").read_text(encoding="utf-8"))
    return lock["version"], tuple(Jar(**jar) for jar in lock["jars"])


def default_folder() -> Path:
    """Where the jars lie: inside the virtual environment, by version."""
    return Path(sys.prefix) / "share" / "jalon" / "kafka" / read_lock()[0]


def are_complete(folder: Path) -> bool:
    """Whether every jar is there in its full size (the digests were checked when they came)."""
    return all(_has_size(folder / jar.name, jar.bytes) for jar in read_lock()[1])


def fetch(folder: Path, *, progress: Callable[[int, int], None] = lambda _done, _total: None) -> None:
    """Have every jar in `folder`; `progress` is told (bytes done, bytes in all). Raises JarsUnavailable.

    The folder appears complete or not at all: an interrupted fetch leaves nothing that could be taken for one.
    """
    if are_complete(folder):
        return
    jars = read_lock()[1]
    total, done = sum(jar.bytes for jar in jars), 0
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as staging:
            ready = Path(staging) / "jars"
            ready.mkdir()
            context = _open_repository(Path(staging) / "repository")
            with ThreadPoolExecutor(max_workers=4) as pool:
                for jar in pool.map(lambda jar: _fetch_one(context, jar, ready), jars):
                    done += jar.bytes
                    progress(done, total)
            ready.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)
            ready.rename(folder)
    except OSError as error:
        raise JarsUnavailable(f"The Kafka jars cannot be kept in {folder}: {error.strerror or error}.") from error


def describe_progress(done: int, total: int) -> str:
    """Say how much of Kafka's jars has come."""
    return f"fetching Kafka, {100 * done // total} % of {total // 1_000_000} MB"


def _open_repository(cache_folder: Path) -> Any:  # noqa: ANN401 (jgo ships no types)
    from jgo.config import GlobalSettings  # noqa: PLC0415 (slow to import, and needed once per machine)
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    settings = GlobalSettings.load()  # jgo's own file may name a mirror
    return MavenContext(
        repo_cache=cache_folder,
        local_repos=[settings.repo_cache],
        remote_repos={"central": MAVEN_CENTRAL_URL, **settings.repositories},
        timeout=30,
    )


def _fetch_one(context: Any, jar: Jar, ready: Path) -> Jar:  # noqa: ANN401
    """Take a jar from the local Maven repository if the right one is there, else from afar."""
    for repository in context.local_repos:
        local = Path(repository) / jar.path
        if local.is_file() and _digest(local) == jar.sha256:
            shutil.copyfile(local, ready / jar.name)
            return jar
    artifact = context.create_dependency(jar.coordinates).artifact
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            path = context.resolver.download(artifact)
        except (
            OSError,
            RuntimeError,
        ) as error:  # requests' errors are OSErrors; jgo raises RuntimeError for "not found"
            reason = type(error).__name__ if isinstance(error, OSError) else "it is not in the repository"
            path = artifact.cached_path
        else:
            if _digest(path) == jar.sha256:
                path.rename(ready / jar.name)
                return jar
            reason = "what came is not the locked file"
        path.unlink(missing_ok=True)
    raise JarsUnavailable(
        f"The Kafka jar {jar.coordinates} could not be fetched from Maven Central ({reason}). "
        "Check the network and run the command again; a mirror can be named in jgo's configuration file."
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _lock(version: str) -> str:
    """Resolve Kafka's jars anew and return the text of kafka_jars.json. For the maintainers."""
    import jgo  # noqa: PLC0415 (development only)

    context = _open_repository(Path(tempfile.mkdtemp(prefix="jalon-jars-")))
    artifacts = jgo.resolve(f"org.apache.kafka:kafka_2.13:{version}")
    bridge = context.create_dependency(_LOGGING_BRIDGE).artifact
    jars = []
    for artifact in sorted({*artifacts, bridge}, key=str):
        path = artifact.resolve()
        coordinates = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        jars.append({"coordinates": coordinates, "bytes": path.stat().st_size, "sha256": _digest(path)})
    return json.dumps({"version": version, "jars": jars}, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_suffix(".json").write_text(_lock(sys.argv[1]), encoding="utf-8")
