"""A ledger on a file system that another system serves is said to be in danger; on others nothing is said."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest

from schedkit.core.store import file_systems
from schedkit.core.store.database import Store
from schedkit.core.store.file_systems import (
    FileSystem,
    file_system_of,
    from_mount_output,
    mounted_at,
    on_drive,
)

# Lines as the kernel writes them: a container's root, a home on NFS, a USB disk with a blank in its name, a
# Windows drive in WSL 2, folders of the host in virtual machines (two as Docker Desktop mounts them).
MOUNTS = r"""
22 1 0:21 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a:/b,upperdir=/c
23 22 0:22 / /proc rw,nosuid shared:5 - proc proc rw
24 22 0:23 / /tmp rw - tmpfs none rw,size=64k
25 22 8:1 / /home rw,relatime shared:1 - ext4 /dev/sda1 rw
26 25 0:40 /team /home/team rw,relatime shared:9 master:2 - nfs4 nas.example.org:/export/team rw,vers=4.2
27 22 0:41 / /home/teamwork rw - btrfs /dev/sdb rw
28 22 8:17 / /media/my\040disk rw - fuseblk /dev/sdc1 rw
29 22 0:42 / /mnt/c rw,noatime - 9p C:\134 rw,aname=drvfs;path=C:\;uid=1000
30 22 0:43 / /mnt/host rw - virtiofs host rw
31 22 0:44 / /mnt/wsl1 rw - drvfs C: rw
32 22 0:45 / /mnt/far rw - fuse.sshfs me@far:/data rw
33 22 0:46 / /srv rw - cifs //files/srv rw
34 22 8:33 / /srv rw - xfs /dev/sdd rw
a line that the kernel would not write
35 22 0:47 / /short rw
36 22 0:48 / /work/data rw,relatime - fakeowner /run/host_mark/Users rw,fakeowner
37 22 0:49 / /work/old rw,relatime - fuse.grpcfuse grpcfuse rw,user_id=0
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/work/ledger.db", "overlay", False),
        ("/tmp/ledger.db", "tmpfs", False),
        ("/home/me/ledger.db", "ext4", False),
        ("/home/team/ledger.db", "nfs4", True),
        ("/home/team", "nfs4", True),
        ("/home/teamwork/ledger.db", "btrfs", False),
        ("/home/teams.db", "ext4", False),
        ("/media/my disk/ledger.db", "fuseblk", False),
        ("/mnt/c/Users/me/ledger.db", "9p", True),
        ("/mnt/host/ledger.db", "virtiofs", True),
        ("/work/data/ledger.db", "fakeowner", True),
        ("/work/old/ledger.db", "fuse.grpcfuse", True),
        ("/mnt/wsl1/ledger.db", "drvfs", False),
        ("/mnt/far/ledger.db", "fuse.sshfs", True),
        ("/srv/ledger.db", "xfs", False),  # mounted over the share
        ("/short/ledger.db", "overlay", False),
    ],
)
def test_the_longest_mount_point_decides(path: str, kind: str, network: bool) -> None:
    found = mounted_at(path, MOUNTS)
    assert found is not None
    assert (found.kind, found.network) == (kind, network)


def test_what_is_mounted_is_named() -> None:
    assert str(mounted_at("/mnt/c/x", MOUNTS)) == "9p, C:\\"
    assert str(mounted_at("/home/team/x", MOUNTS)) == "nfs4, nas.example.org:/export/team"
    assert str(FileSystem("smb", "")) == "smb"
    assert mounted_at("/x", "") is None


# Lines as macOS and FreeBSD write them.
MOUNTED = r"""
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//me@nas._smb._tcp.local/team on /Volumes/team (smbfs, nodev, nosuid, mounted by me)
nas:/export on /Volumes/my disk (old) (nfs, nodev, nosuid, mounted by me)
me@far:/data on /Volumes/far (macfuse, nodev, nosuid, synchronous, mounted by me)
/dev/disk5s1 on /Volumes/stick (exfat, local, nodev, nosuid, noowners)
https://dav.example.org/ on /Volumes/dav (webdav, nodev, noexec, nosuid)
/dev/ada0p2 on /usr/home (ufs)
afp_0TQCV10QsPgy0TShVK000000-4340.2c000006 on /Volumes/old (afpfs, nodev, nosuid)
what mount would not say
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/Users/me/ledger.db", "apfs", False),
        ("/System/Volumes/Data/home/ledger.db", "autofs", False),
        ("/Volumes/team/ledger.db", "smbfs", True),
        ("/Volumes/teamwork/ledger.db", "apfs", False),
        ("/Volumes/my disk (old)/ledger.db", "nfs", True),
        ("/Volumes/stick/ledger.db", "exfat", False),
        ("/Volumes/dav/ledger.db", "webdav", True),
        ("/Volumes/old/ledger.db", "afpfs", True),
        ("/usr/home/me/ledger.db", "ufs", False),
        ("/Volumes/far/ledger.db", "macfuse", False),  # as a bare "fuse" of Linux: it may be a local disk
    ],
)
def test_macos_and_the_bsds_tell_by_mount(path: str, kind: str, network: bool) -> None:
    found = from_mount_output(path, MOUNTED)
    assert found is not None
    assert (found.kind, found.network) == (kind, network)
    assert from_mount_output(path, "") is None


@pytest.mark.parametrize("platform", ["darwin", "freebsd14"])
def test_mount_is_asked_where_there_is_no_proc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    """A program of that name on the search path answers as macOS's does."""
    here = os.path.realpath(tmp_path)
    program = tmp_path / "mount"
    program.write_text(f"#!/bin/sh\necho '//me@nas/x on {here} (smbfs, nodev)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert file_system_of(tmp_path / "ledger.db", platform) == FileSystem("smbfs", "//me@nas/x")
    program.write_text("#!/bin/sh\nexit 1\n")
    assert file_system_of(tmp_path / "ledger.db", platform) is None
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(file_systems, "MOUNT_SECONDS", 0.2)
    assert file_system_of(tmp_path / "ledger.db", platform) is None


@pytest.mark.parametrize(
    ("path", "share"),
    [
        (r"C:\Users\me\ledger.db", None),
        (r"\\?\C:\Users\me\ledger.db", None),
        (r"Z:\ledger.db", "Z:"),
        (r"\\?\Z:\ledger.db", "Z:"),
        (r"\\nas\team\ledger.db", r"\\nas\team"),
        (r"\\?\UNC\nas\team\ledger.db", r"\\nas\team"),
    ],
)
def test_windows_tells_by_the_drive(path: str, share: str | None) -> None:
    asked: list[str] = []

    def drive_type(root: str) -> int:
        asked.append(root)
        return 4 if root == "Z:\\" else 3

    found = on_drive(path, drive_type)
    assert found == (None if share is None else FileSystem("smb", share))
    assert all(len(root) == 3 for root in asked)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells it in /proc")
def test_this_machine_tells(tmp_path: Path) -> None:
    found = file_system_of(tmp_path / "ledger.db")
    assert found is not None
    assert os.path.ismount("/proc")
    assert file_system_of(Path("/proc/version")) == FileSystem("proc", "proc")


def test_where_nothing_can_be_told_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "none")
    assert file_system_of(tmp_path) is None
    store = Store(tmp_path / "ledger.db")
    store.open()
    store.close()
    assert not caplog.records


@pytest.mark.parametrize(("kind", "warned"), [("nfs4", True), ("fuse.sshfs", True), ("ext4", False)])
def test_a_ledger_there_is_warned_about_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    warned: bool,
) -> None:
    mounts = tmp_path / "mountinfo"
    folder = os.path.realpath(tmp_path)
    mounts.write_text(f"1 0 0:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / {folder} rw - {kind} nas:/x rw\n")
    monkeypatch.setattr(file_systems, "_MOUNTS", mounts)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir()
    store = Store(tmp_path / "link" / "ledger.db")
    with caplog.at_level(logging.WARNING, "schedkit"):
        store.open()
        store.open()
    store.close()
    said = [record.message for record in caplog.records]
    assert len(said) == warned
    if warned:
        assert f"a file system that another system serves ({kind}, nas:/x)" in said[0]
        assert "use PostgreSQL" in said[0]
