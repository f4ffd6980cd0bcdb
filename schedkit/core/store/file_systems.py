"""Detects file systems that another system serves, where SQLite's locks are not reliable.

SQLite's write-ahead log needs memory that all its processes share, hence one machine, and the locks of lives
need a file system that keeps locks. What asks another machine for its files promises neither.
"""

from __future__ import annotations

import ntpath
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "FileSystem",
    "file_system_of",
    "from_mount_output",
    "mounted_alone",
    "mounted_at",
    "network_file_system",
    "on_drive",
]

_MOUNTS = Path("/proc/self/mountinfo")
# It asks no server; a warning is not worth a longer wait.
MOUNT_SECONDS = 5.0
_DRIVE_REMOTE = 4

# Types whose files another machine serves, or another kernel. By 9p, WSL 2 shows the drives of Windows; the
# last line is how virtual machines show folders of their host (Docker Desktop, Podman, OrbStack). What
# locks a file on one side is not seen on the other, and writers on one side have damaged SQLite's log
# within a minute (reported of virtiofs with Podman on macOS). Not among them, because one kernel keeps all
# their locks: overlay and tmpfs, and drvfs, the Windows drives of WSL 1. A bare "fuse" or "fuseblk" is
# usually a local disk (NTFS, exFAT), an archive or a bind.
_NETWORK = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "coda", "ncpfs"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "davfs", "webdav", "afpfs", "orangefs"),
        *("sshfs", "rclone", "s3fs", "gcsfuse", "goofys", "mount-s3", "blobfuse", "blobfuse2", "juicefs"),
        *("gvfsd-fuse", "kio-fuse", "curlftpfs", "hubicfuse", "google-drive-ocamlfuse", "onedriver"),
        *("virtiofs", "fakeowner", "grpcfuse", "osxfs", "vboxsf", "prl_fs", "vmhgfs", "vmhgfs-fuse"),
    }
)


class FileSystem(NamedTuple):
    """What is mounted where a file lies: its type, and what it shows."""

    kind: str
    source: str

    @property
    def network(self) -> bool:
        """Whether another machine or kernel serves its files."""
        return self.kind.removeprefix("fuse.").lower() in _NETWORK

    def __str__(self) -> str:
        return f"{self.kind}, {self.source}" if self.source else self.kind


def mounted_at(path: str, mounts: str) -> FileSystem | None:
    """Return the file system of an absolute path without links, as Linux's mountinfo tells.

    Parameters
    ----------
    mounts : str
        The text of ``/proc/self/mountinfo``; lines that are not understood are passed over.

    Examples
    --------
    >>> mounted_at("/data/ledger.db", "36 25 0:32 / /data rw - nfs4 server:/export rw")
    FileSystem(kind='nfs4', source='server:/export')
    """
    found, length = None, -1
    for point, what in _mounts(mounts):
        # Of two at one place the later hides the earlier.
        if _inside(path, point) and len(point) >= length:
            found, length = what, len(point)
    return found


def _mounts(text: str) -> Iterator[tuple[str, FileSystem]]:
    """Yield what is mounted, and where."""
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        fields, what = left.split(" "), right.split(" ")
        if dash and len(fields) >= 6 and len(what) >= 2:
            yield _unescaped(fields[4]), FileSystem(what[0], _unescaped(what[1]))


def mounted_alone(path: Path) -> bool:
    """Tell whether a file is mounted without its folder, as a container's may be; known on Linux only."""
    full = os.path.realpath(path)
    try:
        return any(point == full for point, _ in _mounts(_read_mounts()))
    except OSError:
        return False


def _read_mounts() -> str:
    return _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")


def _inside(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _unescaped(text: str) -> str:
    """Undo the kernel's escapes of blanks and backslashes, octal numbers of bytes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def from_mount_output(path: str, mounts: str) -> FileSystem | None:
    """Return the file system of an absolute path without links, as macOS's and the BSDs' ``mount`` tells.

    Examples
    --------
    >>> from_mount_output("/Volumes/team/ledger.db", "//me@nas/team on /Volumes/team (smbfs, nodev, nosuid)")
    FileSystem(kind='smbfs', source='//me@nas/team')
    """
    found, length = None, -1
    for line in mounts.splitlines():
        match = re.fullmatch(r"(.*?) on (/.*) \(([^(),]+)(?:,[^()]*)?\)", line)
        if match is not None and _inside(path, match[2]) and len(match[2]) >= length:
            found, length = FileSystem(match[3].strip(), match[1]), len(match[2])
    return found


def on_drive(path: str, drive_type: Callable[[str], int]) -> FileSystem | None:
    """Return the share that a full Windows path lies on, None for a local drive.

    Parameters
    ----------
    drive_type : callable
        What Windows' GetDriveType says of a root like ``C:\\``.
    """
    drive = ntpath.splitdrive(path)[0]
    if drive.startswith(("\\\\?\\UNC\\", "\\\\?\\unc\\")):
        drive = "\\\\" + drive[8:]
    elif drive.startswith(("\\\\?\\", "\\\\.\\")):
        drive = drive[4:]
    remote = drive.startswith("\\\\") or drive_type(drive + "\\") == _DRIVE_REMOTE
    return FileSystem("smb", drive) if remote else None


def _drive_type(root: str) -> int:
    import ctypes

    windows: Any = ctypes
    kind: int = windows.windll.kernel32.GetDriveTypeW(root)
    return kind


def _mount_output() -> str:
    command = [shutil.which("mount") or "/sbin/mount"]
    return subprocess.run(
        command, capture_output=True, text=True, errors="surrogateescape", timeout=MOUNT_SECONDS, check=True
    ).stdout


def file_system_of(path: Path, platform: str = sys.platform) -> FileSystem | None:
    """Return the type of the file system of `path`, None if it is unknown."""
    full = os.path.realpath(path)
    if platform == "win32":
        return on_drive(full, _drive_type)
    try:
        if platform.startswith("linux"):
            return mounted_at(full, _read_mounts())
        return from_mount_output(full, _mount_output())
    except (OSError, subprocess.SubprocessError):  # a sandbox that hides it
        return None


def network_file_system(path: Path) -> FileSystem | None:
    """Return what `path` lies on if another system serves it, None if none does or that is not known."""
    found = file_system_of(path)
    return found if found is not None and found.network else None
