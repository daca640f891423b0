"""A real PostgreSQL cluster in a directory of its own, run by a user who is not root."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import parts

USER = "postgres"
"""Debian's package makes it; PostgreSQL refuses to run as root."""


def programs() -> Path | None:
    """Where the server's programs are: Debian's package does not put them on PATH."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def is_there() -> bool:
    if programs() is None:
        return False
    if os.geteuid() != 0:
        return True
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


@dataclass(frozen=True)
class Cluster:
    port: int
    password: str

    def url(self, database: str, *, scheme: str = "postgresql", password: str | None = None) -> str:
        return f"{scheme}://{USER}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make an empty database and return its URL."""
        import psycopg

        name = f"store_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return self.url(name)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a cluster on a free port of loopback; stop it and remove it at the end."""
    place = programs()
    assert place is not None
    user = USER if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="store-pg-") as directory:
        root = Path(directory)
        secret, data = root / "password", root / "data"
        password = uuid.uuid4().hex
        secret.write_text(password)
        if user is not None:
            for path in (root, secret):
                shutil.chown(path, user, user)
        # A locale whose order of texts is not that of their bytes, so that a store that leans on it is found out.
        command = [place / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", secret, "-N",
                   "-E", "UTF8", "--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, user=user, cwd=root)
        port = parts.free_port()
        server = [str(place / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1",
                  "-k", str(root), "-c", "fsync=off", "-c", "max_connections=60"]  # fmt: skip
        with parts.running(server, Path(directory) / "log", user=user, cwd=root):
            made = Cluster(port, password)
            parts.wait_for(lambda: _answers(made), "PostgreSQL")
            yield made


def _answers(made: Cluster) -> bool:
    import psycopg

    try:
        psycopg.connect(made.url("postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
