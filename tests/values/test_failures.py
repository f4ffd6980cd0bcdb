"""Exceptions of other libraries become errors of ours."""

from __future__ import annotations

import binascii
import errno
import gzip
import io
import json
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

import msgspec
import pyarrow.parquet
import pytest
import trustme
import yaml
from isal import igzip, isal_zlib
from support.tls_server import accepting

from schedkit.errors import FileError, LedgerError, WorkbookError
from schedkit.values.failures import certificate_reason, reason, translate, translated


def _nested() -> object:
    return msgspec.json.decode(b"[" * 100_000)


def _database() -> None:
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(b"SQLite format 3\0" + b"\xff" * 5000)
        connection.execute("select * from sqlite_master")
    finally:
        connection.close()


DAMAGED: dict[str, tuple[Callable[[], object], str]] = {
    "zip": (lambda: zipfile.ZipFile(io.BytesIO(b"PK\x03\x04")), "its zip archive is damaged"),
    "zlib": (lambda: zlib.decompress(b"\x78\x9c\xff"), "its compressed data is damaged"),
    "isal": (lambda: isal_zlib.decompress(b"\x78\x9c\xff\xff\xff"), "its compressed data is damaged"),
    "igzip": (lambda: igzip.decompress(b"no gzip, but long enough"), "its compressed data is damaged"),
    "gzip": (lambda: gzip.decompress(b"no gzip"), "its compressed data is damaged"),
    "gzip cut": (lambda: gzip.decompress(gzip.compress(b"x" * 99)[:-9]), "it ends too early"),
    "expat": (lambda: expat.ParserCreate().Parse("<a>&b;</a>", True), "its XML is malformed"),
    "etree": (lambda: ElementTree.fromstring("<a>"), "its XML is malformed"),
    "yaml": (lambda: yaml.safe_load("a: [b"), "it is not valid YAML"),
    "json": (lambda: json.loads("{"), "it is not valid JSON"),
    "msgspec": (lambda: msgspec.json.decode(b"{"), "it is not the expected JSON"),
    "nested": (_nested, "it is nested too deeply"),
    "parquet": (lambda: pyarrow.parquet.read_table(io.BytesIO(b"PAR1PAR1")), "cannot be read as a table"),
    "sqlite": (_database, "its database is damaged"),
    "struct": (lambda: struct.unpack("<4L", b"abc"), "it ends too early"),
    "unicode": (lambda: b"\xff".decode(), "its text is not valid UTF-8"),
    "surrogate": (lambda: "\ud800".encode(), "its text is not valid UTF-8"),
    "base64": (lambda: binascii.a2b_base64("a"), "its encoded data is damaged"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_data_is_one_error_with_one_line(name: str) -> None:
    read, why = DAMAGED[name]
    with pytest.raises(WorkbookError) as caught, translated("a.xlsx", WorkbookError):
        read()
    assert caught.value.message.startswith("cannot read a.xlsx: ")
    assert why in caught.value.message
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_hint_of_the_caller_takes_the_place_of_the_general_one() -> None:
    with pytest.raises(FileError) as caught, translated("a.json", hint="run it again"):
        json.loads("{")
    assert caught.value.hint == "run it again"


def test_what_the_system_refuses_is_a_file_error_whatever_the_data_would_be(tmp_path: Path) -> None:
    path = tmp_path / "nothing.yaml"
    with pytest.raises(FileError) as caught, translated(path, LedgerError):
        path.read_text()
    assert caught.value.message == f"cannot read {path}: no such file or folder"


def test_an_os_error_that_is_not_the_systems_is_about_the_data() -> None:
    ours = translate(OSError("Couldn't deserialize thrift:\nInvalid data"), "a.parquet", WorkbookError)
    assert type(ours) is WorkbookError
    assert ours.message == "cannot read a.parquet: Couldn't deserialize thrift: Invalid data"


def test_a_full_disk_says_so() -> None:
    ours = translate(OSError(errno.ENOSPC, "No space left on device"), "a.csv", doing="write")
    assert str(ours) == "cannot write a.csv: the disk is full (free some space, or write to another disk)"


def test_errors_of_ours_and_of_the_program_pass_unchanged() -> None:
    ours = LedgerError("no")
    with pytest.raises(LedgerError) as caught, translated("a", WorkbookError):
        raise ours
    assert caught.value is ours
    assert translate(ours, "a") is ours
    with pytest.raises(ZeroDivisionError), translated("a", WorkbookError):
        _ = 1 / 0
    assert reason(ZeroDivisionError()) is None


# Certificates: a real server with each, and the standard library's client.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def _refused(port: int, trusted: trustme.CA | None) -> BaseException:
    import requests

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        patch.delenv("CURL_CA_BUNDLE", raising=False)
        if trusted is None:
            with pytest.raises(requests.exceptions.SSLError) as caught:
                requests.get(f"https://127.0.0.1:{port}", timeout=30)
        else:
            with trusted.cert_pem.tempfile() as path, pytest.raises(requests.exceptions.SSLError) as caught:
                requests.get(f"https://127.0.0.1:{port}", verify=path, timeout=30)
    return caught.value


def _connected(certificate: trustme.LeafCert | None, trusted: trustme.CA | None) -> BaseException:
    with accepting(certificate) as port:
        return _refused(port, trusted)


def test_an_expired_certificate_is_not_mended_by_a_ca_file(authority: trustme.CA) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    known = certificate_reason(_connected(authority.issue_cert("127.0.0.1", not_after=past), authority))
    assert known is not None
    assert known.why == "the site's certificate has expired"
    assert "renew" in known.hint
    assert "CA file" not in known.hint


def test_a_certificate_of_the_future_hints_at_the_clock(authority: trustme.CA) -> None:
    soon = datetime.now(UTC) + timedelta(days=2)
    known = certificate_reason(
        _connected(
            authority.issue_cert("127.0.0.1", not_before=soon, not_after=soon + timedelta(days=1)), authority
        )
    )
    assert known == ("the site's certificate is not valid yet", "check this computer's clock")


def test_a_certificate_of_another_name_says_so(authority: trustme.CA) -> None:
    known = certificate_reason(_connected(authority.issue_cert("jira.example.org"), authority))
    assert known is not None
    assert known.why.startswith("the site's certificate is for another")
    assert "CA file" not in known.hint


def test_an_unknown_authority_hints_at_the_ca_file(authority: trustme.CA) -> None:
    known = certificate_reason(_connected(authority.issue_cert("127.0.0.1"), None))
    assert known is not None
    assert "verify=" in known.hint


def test_a_port_without_tls_says_so(authority: trustme.CA) -> None:
    known = certificate_reason(_connected(None, authority))
    assert known is not None
    assert known.why.startswith("no TLS connection: ")
    assert "https" in known.hint


def test_other_failures_have_nothing_to_do_with_certificates() -> None:
    circle = ValueError()
    circle.__context__ = OSError(circle)
    assert certificate_reason(circle) is None
