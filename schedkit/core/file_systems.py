"""Whether a SQLite ledger lies where its locks cannot be trusted: on a network file system.

SQLite's write-ahead log needs memory that all its processes share, hence one machine, and the owner's lock
needs a file system that keeps locks. What asks another machine for its files promises neither.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

__all__ = ["FileSystem", "file_system_of", "mounted_at", "network_file_system"]

_MOUNTS = Path("/proc/self/mountinfo")

# Types whose files another machine serves, or, with 9p, another kernel: WSL 2 shows Windows drives so, and
# what locks a file on one side is not seen on the other. Not among them, because one kernel keeps all their
# locks: overlay and tmpfs, virtiofs (a folder of the host, through its page cache), and drvfs, the Windows
# drives of WSL 1. A bare "fuse" or "fuseblk" is usually a local disk (NTFS, exFAT), an archive or a bind.
_NETWORK = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "afs", "coda", "ncpfs"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "davfs", "webdav", "afpfs", "orangefs"),
        *("sshfs", "rclone", "s3fs", "gcsfuse", "goofys", "mount-s3", "blobfuse", "blobfuse2", "juicefs"),
        *("gvfsd-fuse", "kio-fuse", "curlftpfs", "hubicfuse", "google-drive-ocamlfuse", "onedriver"),
    }
)


class FileSystem(NamedTuple):
    """What is mounted where a file lies: its type, and what it shows."""

    kind: str
    source: str

    @property
    def network(self) -> bool:
        """Whether another machine serves its files."""
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
    for line in mounts.splitlines():
        left, dash, right = line.partition(" - ")
        fields, what = left.split(" "), right.split(" ")
        if not dash or len(fields) < 6 or len(what) < 2:
            continue
        point = _unescaped(fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of two at one place the later hides the earlier.
        if inside and len(point) >= length:
            found, length = FileSystem(what[0], _unescaped(what[1])), len(point)
    return found


def _unescaped(text: str) -> str:
    """Undo the kernel's escapes of blanks and backslashes, octal numbers of bytes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def file_system_of(path: Path) -> FileSystem | None:
    """Return what can be told about the file system of `path` on this system, None for nothing."""
    if sys.platform == "win32":
        import ctypes

        drive = os.path.splitdrive(os.path.realpath(path))[0]
        if drive.startswith("\\\\"):
            return FileSystem("smb", drive)
        remote = ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == 4
        return FileSystem("smb", drive) if remote else None
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux, or a sandbox that hides it; macOS tells only through a system call
        return None
    return mounted_at(os.path.realpath(path), mounts)


def network_file_system(path: Path) -> FileSystem | None:
    """Return the network file system that `path` lies on, None if it lies on none or that is not known."""
    found = file_system_of(path)
    return found if found is not None and found.network else None
