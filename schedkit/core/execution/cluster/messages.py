"""What a home and the workers of a cluster tell each other.

A worker tells by topics of Dask, a home by calls of a function on a worker. The Dask task itself is a `Call`:
the names of a task and its code, and data.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import cloudpickle
import msgspec

__all__ = [
    "PLUGIN",
    "WORKERS",
    "Call",
    "Heard",
    "Hello",
    "Kept",
    "Load",
    "Refused",
    "Said",
    "StopCall",
    "calls_of",
    "decoded",
    "encoded",
    "pickled",
    "unpickled",
    "versions",
]

# The name of a worker's plugin at its Dask worker.
PLUGIN = "schedkit"
# The topic to which workers tell of themselves.
WORKERS = "schedkit-workers"


def calls_of(home: str) -> str:
    """Return the topic to which workers tell of the calls of a home."""
    return f"schedkit-calls-{home}"


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that is told."""


class Hello(Message, frozen=True, kw_only=True):
    """A worker tells of itself, and asks whether homes are alive.

    Attributes
    ----------
    worker, address : str
        Its id, new for each process, and where Dask reaches it.
    asked : float
        When it asks, on its own monotonic clock.
    threads : int
        How many calls it carries out at once.
    pid_space : str
        The processes that know it by its pid, as `schedkit.values.processes.pid_space` returns it.
    running : dict of str to int
        How many calls of each home it has now.
    memory : int
        Bytes that it and its child processes use.
    tasks : dict of str to str
        A hash of the code of each task that it has, by name.
    versions : dict of str to str
        Of Python and of what values are packed with.
    resources : dict of str to float
        What it has, by name, in bytes where that is a size.
    problems : list of str
        What it could not declare.
    takes : bool
        Whether Dask gives it tasks: not while it has paused it for its memory, nor when it is to end.
    """

    worker: str
    address: str
    asked: float
    name: str
    host: str
    pid: int
    pid_space: str
    threads: int
    running: dict[str, int] = {}
    memory: int = 0
    tasks: dict[str, str] = {}
    versions: dict[str, str] = {}
    resources: dict[str, float] = {}
    problems: list[str] = []
    takes: bool = True


class Call(Message, frozen=True, kw_only=True):
    """A home has an attempt carried out by one worker.

    Attributes
    ----------
    home : str
        The life whose attempt it is.
    worker : str
        The worker's id: another process at the same address refuses it.
    asked : float
        When the worker had told of itself last, on its own clock, as far as the home had heard.
    id : str
        Of the call, among those of its home.
    task, code : str
        The name of the task, and the hash of its code.
    grace : float
        How many seconds after it was asked to stop its process is ended by force.
    data : bytes
        The arguments, whether the run's context is one, and what is told of the run.
    """

    home: str
    worker: str
    asked: float
    id: str
    task: str
    code: str
    grace: float
    data: bytes


class Said(Message, frozen=True, kw_only=True):
    """A call tells something of itself: a kind and its content, see `remote_call`.

    Kinds of its own are "began", with the pid of the child process and how many seconds ago its code began
    (None: it is being started), and "ended", with its answer.
    """

    call: str
    kind: str
    content: bytes = b""


class Refused(Message, frozen=True, kw_only=True):
    """What a call returns that the worker has not begun, or has ended because its home was not heard."""

    reason: str


class Heard(Message, frozen=True, kw_only=True):
    """A home answers a `Hello`: its last sign of life at the ledger was `age` seconds old."""

    home: str
    asked: float
    lease: float
    age: float


class StopCall(Message, frozen=True, kw_only=True):
    """A call is to stop."""

    home: str
    id: str


class Kept(Message, frozen=True, kw_only=True):
    """What a call has delivered last is in the ledger."""

    home: str
    id: str


class Load(Message, frozen=True, kw_only=True):
    """Files whose tasks the worker is to have, too."""

    files: list[str]


_Any = Hello | Call | Said | Refused | Heard | StopCall | Kept | Load
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[_Any] = msgspec.msgpack.Decoder(_Any)


def encoded(message: _Any) -> bytes:
    """Return a message as bytes."""
    return _encoder.encode(message)


def decoded(payload: bytes) -> _Any:
    """Return the message that bytes are."""
    return _decoder.decode(payload)


def pickled(content: Any) -> bytes:
    """Return content of any type as bytes."""
    packed: bytes = cloudpickle.dumps(content)
    return packed


def unpickled(payload: bytes) -> Any:
    """Return the content that bytes are."""
    return cloudpickle.loads(payload)


@functools.cache
def versions() -> Mapping[str, str]:
    """Return the versions that two processes must share to pass values to each other."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **{name: _minor(version(name)) for name in ("pandas", "cloudpickle")}}


def _minor(text: str) -> str:
    return ".".join(text.split(".")[:2])
