"""Exceptions of other libraries: what they mean, in one line and with a hint, as errors of ours."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from schedkit.errors import FileError, SchedkitError
from schedkit.values.files import file_error
from schedkit.values.text import one_line

__all__ = ["Reason", "certificate_reason", "reason", "translate", "translated"]


class Reason(NamedTuple):
    """Why something failed, and what to do; both one line, the hint may be empty."""

    why: str
    hint: str = ""


# By qualified name, so that none of these libraries has to be imported to recognise its exceptions. `{}` is
# the exception's own text.
_DAMAGED = "get an undamaged copy of it"
_KNOWN: dict[str, Reason] = {
    "zipfile.BadZipFile": Reason("its zip archive is damaged: {}", _DAMAGED),
    "zlib.error": Reason("its compressed data is damaged: {}", _DAMAGED),
    "igzip_lib.IsalError": Reason("its compressed data is damaged: {}", _DAMAGED),
    "gzip.BadGzipFile": Reason("its compressed data is damaged: {}", _DAMAGED),
    "_lzma.LZMAError": Reason("its compressed data is damaged: {}", _DAMAGED),
    "xml.parsers.expat.ExpatError": Reason("its XML is malformed: {}", _DAMAGED),
    "pyexpat.ExpatError": Reason("its XML is malformed: {}", _DAMAGED),
    "xml.etree.ElementTree.ParseError": Reason("its XML is malformed: {}", _DAMAGED),
    "yaml.error.YAMLError": Reason("it is not valid YAML: {}", "fix the YAML syntax"),
    "json.decoder.JSONDecodeError": Reason("it is not valid JSON: {}", _DAMAGED),
    "msgspec.DecodeError": Reason("it is not the expected JSON: {}", _DAMAGED),
    "pyarrow.lib.ArrowException": Reason("it cannot be read as a table: {}", _DAMAGED),
    "pandas.errors.ParserError": Reason("it cannot be read as a table: {}", _DAMAGED),
    "pandas.errors.EmptyDataError": Reason("it is empty", _DAMAGED),
    "sqlite3.DatabaseError": Reason("its database is damaged: {}", "restore it from a backup"),
    "sqlalchemy.exc.DatabaseError": Reason("its database is damaged: {}", "restore it from a backup"),
    "nbformat.reader.NotJSONError": Reason("it is not a notebook: {}", "give an .ipynb file"),
    "nbformat.validator.NotebookValidationError": Reason("it is not a notebook", "give an .ipynb file"),
    "struct.error": Reason("it ends too early: {}", _DAMAGED),
    "builtins.EOFError": Reason("it ends too early: {}", _DAMAGED),
    "builtins.UnicodeError": Reason("its text is not valid UTF-8: {}", "save it as UTF-8"),
    "builtins.RecursionError": Reason("it is nested too deeply", "make it flatter"),
    "builtins.MemoryError": Reason("it needs more memory than there is", "make it smaller, or free memory"),
    "binascii.Error": Reason("its encoded data is damaged: {}", _DAMAGED),
}


def reason(problem: BaseException) -> Reason | None:
    """Return what an exception of another library means, None if that is not known here.

    Examples
    --------
    >>> reason(RecursionError()).why
    'it is nested too deeply'
    """
    for kind in type(problem).__mro__:
        known = _KNOWN.get(f"{kind.__module__}.{kind.__qualname__}")
        if known is not None:
            text = one_line(str(problem), 200).removesuffix(".")
            return Reason(known.why.format(text).removesuffix(": "), known.hint)
    return None


def translate(
    problem: BaseException,
    what: str | Path,
    into: type[SchedkitError] = FileError,
    *,
    doing: str = "read",
    hint: str = "",
) -> SchedkitError | None:
    """Return the error of ours for an exception of another library, None if it is not known here.

    Parameters
    ----------
    problem : exception
        What was raised.
    what : str or Path
        What was being read or written.
    into : type
        The error for data that is damaged. What the operating system refuses is always a `FileError`.
    doing : str
        ``"read"`` or ``"write"``.
    hint : str
        What to do, where the general advice does not fit.
    """
    if isinstance(problem, SchedkitError):
        return problem
    known = reason(problem)
    if known is not None:
        return into(f"cannot {doing} {what}: {known.why}", hint=hint or known.hint)
    if not isinstance(problem, OSError):
        return None
    if problem.errno is None:  # not the system's: pyarrow says so of damaged files
        return into(f"cannot {doing} {what}: {one_line(str(problem), 200)}", hint=hint or _DAMAGED)
    return file_error(problem, what, doing)


@contextmanager
def translated(
    what: str | Path, into: type[SchedkitError] = FileError, *, doing: str = "read", hint: str = ""
) -> Iterator[None]:
    """Raise an error of ours for what other libraries raise in the ``with`` block; see `translate`.

    Examples
    --------
    >>> import json
    >>> with translated("facts.json"):
    ...     json.loads("{")
    Traceback (most recent call last):
    schedkit.errors.FileError: cannot read facts.json: it is not valid JSON: Expecting property name ...
    """
    try:
        yield
    except SchedkitError:
        raise
    except Exception as problem:
        ours = translate(problem, what, into, doing=doing, hint=hint)
        if ours is None:
            raise
        raise ours from None


_CA_FILE = "give the company's CA file: verify='/path/to/ca.pem'"
# OpenSSL's X509_V_ERR_… numbers (x509_vfy.h).
_CERTIFICATES: dict[int, Reason] = {
    9: Reason("the site's certificate is not valid yet", "check this computer's clock"),
    10: Reason(
        "the site's certificate has expired",
        "ask the site's administrator to renew it; if a browser accepts it, check this computer's clock",
    ),
    18: Reason("the site's certificate is self-signed", _CA_FILE),
    19: Reason("the site's certificate is signed by an authority that is not known here", _CA_FILE),
    20: Reason("the site's certificate is signed by an authority that is not known here", _CA_FILE),
    21: Reason("the site does not send the certificates that prove its own", _CA_FILE),
    23: Reason("the site's certificate is revoked", "ask the site's administrator to renew it"),
    62: Reason("the site's certificate is for another name", "use the name that the certificate is for"),
    64: Reason("the site's certificate is for another address", "use the name that the certificate is for"),
}


def certificate_reason(problem: BaseException) -> Reason | None:
    """Return why a TLS connection was refused, None if `problem` did not come from TLS.

    HTTP libraries wrap the original exception: it is searched for in their arguments and causes.
    """
    for each in _chain(problem):
        if isinstance(each, ssl.SSLCertVerificationError):
            text = one_line(each.verify_message or str(each), 200)
            return _CERTIFICATES.get(
                each.verify_code, Reason(f"the site's certificate is refused: {text}", _CA_FILE)
            )
        if isinstance(each, ssl.SSLError):
            # A plain HTTP port, or a proxy that closes the connection.
            return Reason(
                f"no TLS connection: {one_line(each.reason or str(each), 200)}",
                "check whether the URL's port speaks https",
            )
    return None


def _chain(problem: BaseException) -> Iterator[BaseException]:
    waiting, seen = [problem], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = (getattr(each, "reason", None), *each.args, each.__cause__, each.__context__)
        waiting += [one for one in inner if isinstance(one, BaseException)]
