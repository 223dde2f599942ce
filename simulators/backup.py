"""A data directory as one file, taken while everything runs, and back again.

Each SQLite file is copied as of one moment (SQLite's backup API), the log before the store: the store then knows at least what the sink's
offset in the log says it wrote, and what it knows beyond is written again, which changes nothing. Kafka's and InfluxDB's own files are
theirs to back up; a directory's `kafka` and `influxdb` are left out and named. For a process of its own: reading a database's file beside
SQLite would take away the locks that this process holds on it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from city_model import __version__
from city_model.faults import Rejected, Unavailable
from stream_processor.logs.embedded_chain import archive_path, numbers, segment_path

FORMAT = 1
MANIFEST = "saola-backup.json"
OTHERS = {"kafka": "Kafka's own data", "influxdb": "InfluxDB's own data (influx backup)"}
_LEFT_OUT = {*OTHERS, "logs", "canary", "up.lock"}
_SIDE_FILES = ("-wal", "-shm", "-journal", ".pid", ".part")
_MAGIC = b"SQLite format 3\0"
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """What a backup holds: files, bytes before compression, and which servers' data it does not hold."""

    files: int
    size_bytes: int
    left_out: tuple[str, ...]


def back_up(data: Path, to: Path, now_ms: int) -> Kept:
    """Write `to` whole (mode 0600: it holds credentials). Raises Unavailable when `data` is none, `to` exists, or a file cannot be read."""
    if not data.is_dir():
        raise Unavailable(f"{data}: is no data directory")
    if to.exists():
        raise Unavailable(f"{to}: is there already; a backup replaces nothing")
    part = to.with_name(f".{to.name}.part")
    files: dict[str, dict[str, Any]] = {}
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz", compresslevel=3) as tar, tempfile.TemporaryDirectory(dir=to.parent) as staging:
                for name, path in _staged(data, Path(staging)):
                    files[name] = _add(tar, name, path)
                text = json.dumps({"format": FORMAT, "version": __version__, "at_ms": now_ms, "files": files}, indent=1).encode()
                entry = tarfile.TarInfo(MANIFEST)
                entry.size, entry.mode = len(text), 0o600
                tar.addfile(entry, io.BytesIO(text))
            out.flush()
            os.fsync(out.fileno())
        part.rename(to)
    except (OSError, sqlite3.Error) as err:
        raise Unavailable(f"backup of {data}: {err}; nothing was written") from err
    finally:
        part.unlink(missing_ok=True)
    absent = tuple(text for name, text in OTHERS.items() if (data / name).exists())
    return Kept(len(files), sum(one["bytes"] for one in files.values()), absent)


def _staged(data: Path, staging: Path) -> Iterator[tuple[str, Path]]:
    """(name, a copy that nobody writes to) of every file, one at a time: the log, then the rest."""
    yield from _staged_log(data / "log", staging)
    for path in sorted(data.rglob("*"), key=lambda path: (path.suffix == ".db", path)):  # the head of the audit chain before its lines
        place = path.relative_to(data)
        if place.parts[0] in _LEFT_OUT | {"log"} or not _is_ours(path):
            continue
        copy = staging / "one"
        if _copied(path, copy):
            yield place.as_posix(), copy


def _staged_log(log: Path, staging: Path) -> Iterator[tuple[str, Path]]:
    """The log's files up to the first that is not sealed, the one that was written to when it was copied: what is newer came later.

    The archive is copied after the files were listed: of a file that retention takes away meanwhile it may not yet hold what is to stay,
    so then all is copied again.
    """
    for _ in range(_TRIES if log.is_dir() else 0):
        if (copies := _log_copies(log, staging)) is not None:
            yield from ((f"log/{path.name}", copy) for path, copy in copies.items())
            return
    if log.is_dir():
        raise Unavailable(f"{log}: its files were taken away at each of {_TRIES} tries; try again")


def _log_copies(log: Path, staging: Path) -> dict[Path, Path] | None:
    """None when a file went away meanwhile."""
    waiting, copies = numbers(log), dict[Path, Path]()
    if archive_path(log).exists():
        copies[archive_path(log)] = staging / "log-archive"
        if not _copied(archive_path(log), staging / "log-archive"):
            return None
    while waiting:
        path, copy = segment_path(log, waiting[0]), staging / f"log-{waiting[0]}"
        if not _copied(path, copy):
            return None
        copies[path] = copy
        if not _is_sealed(copy):
            return copies
        waiting = waiting[1:] or [number for number in numbers(log) if number > waiting[0]]
    return copies


def _is_sealed(copy: Path) -> bool:
    db = sqlite3.connect(copy)
    try:
        return db.execute("SELECT sealed_ms FROM segment").fetchone()[0] is not None
    finally:
        db.close()


def _is_ours(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and not path.name.endswith(_SIDE_FILES)


def _copied(path: Path, copy: Path) -> bool:
    """False when the file has gone meanwhile."""
    try:
        with path.open("rb") as file:
            is_database = file.read(len(_MAGIC)) == _MAGIC
        copy.unlink(missing_ok=True)
        if not is_database:
            shutil.copy2(path, copy)
            return True
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30)
        target = sqlite3.connect(copy)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()
        copy.chmod(path.stat().st_mode & 0o777)
    except FileNotFoundError:
        return False
    return True


def _add(tar: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    entry = tarfile.TarInfo(name)
    stat = path.stat()
    entry.size, entry.mode, entry.mtime = stat.st_size, stat.st_mode & 0o700, int(stat.st_mtime)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        tar.addfile(entry, file)
    return {"sha256": digest, "bytes": entry.size}


def restore(file: Path, data: Path) -> Kept:
    """Make `data` from a backup, whole or not at all. Raises Unavailable when `data` holds something, Rejected when the file is damaged."""
    if data.exists() and any(data.iterdir()):
        raise Unavailable(f"{data}: holds something; restore into a directory that is empty or not there")
    part = data.with_name(f".{data.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(mode=0o700, parents=True)
        with tarfile.open(file, "r:gz") as tar:
            manifest = _extracted(tar, part)
        _check(manifest, part)
        if data.exists():
            data.rmdir()
        part.rename(data)
    except (tarfile.TarError, EOFError, ValueError) as err:
        raise Rejected("bad_backup", f"{file}: damaged or no backup: {err}; nothing was restored") from err
    except OSError as err:
        raise Unavailable(f"restoring {file}: {err}; nothing was restored") from err
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Kept(len(manifest), sum(one["bytes"] for one in manifest.values()), ())


def _extracted(tar: tarfile.TarFile, part: Path) -> dict[str, dict[str, Any]]:
    """Every file of the archive in `part`; returns what the manifest says of them."""
    manifest: dict[str, Any] | None = None
    for entry in tar:
        place = PurePosixPath(entry.name)
        if not entry.isfile() or place.is_absolute() or ".." in place.parts:
            raise Rejected("bad_backup", f"{entry.name[:200]!r} is no file of a data directory; nothing was restored")
        source = tar.extractfile(entry)
        assert source is not None  # it is a file
        if entry.name == MANIFEST:
            manifest = json.load(source)
            continue
        target = part / place
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, entry.mode & 0o700 | 0o600), "wb") as out:
            shutil.copyfileobj(source, out)
    if manifest is None:
        raise Rejected("bad_backup", "its list of files is missing: the backup was not finished; nothing was restored")
    if manifest["format"] != FORMAT:
        raise Rejected("bad_backup", f"format {manifest['format']}, this program reads {FORMAT}; use version {manifest['version']}")
    files: dict[str, dict[str, Any]] = manifest["files"]
    return files


def _check(manifest: dict[str, dict[str, Any]], part: Path) -> None:
    """Every file is here as it was; every database is whole."""
    found = {path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file()}
    if found != set(manifest):
        raise Rejected("bad_backup", f"files are missing or too many: {', '.join(sorted(found ^ set(manifest)))[:300]}")
    for name, one in manifest.items():
        with (part / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != one["sha256"]:
                raise Rejected("bad_backup", f"{name} is not what it was; nothing was restored")
            file.seek(0)
            is_database = file.read(len(_MAGIC)) == _MAGIC
        if is_database:
            db = sqlite3.connect(f"{(part / name).absolute().as_uri()}?immutable=1", uri=True)
            try:
                (said,) = db.execute("PRAGMA quick_check").fetchone()
            except sqlite3.DatabaseError as err:
                said = str(err)
            finally:
                db.close()
            if said != "ok":
                raise Rejected("bad_backup", f"{name} is damaged: {said}; nothing was restored")
