"""Upper bounds on what comes from outside or is stored: each with its unit and the reason for its size."""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_ANSWER_BYTES",
    "MAX_DEPTH",
    "MAX_LOG_LINES",
    "MAX_PARAMETER_BYTES",
    "MAX_SITE_WAIT",
    "MAX_STORED_CHARS",
    "MAX_TRACEBACK_CHARS",
    "MAX_UNPACK_RATIO",
    "MAX_YAML_NODES",
    "MAX_ZIP_MEMBER_BYTES",
    "UNPACK_FREE_BYTES",
    "unpacked_limit",
]

# Seconds for which a site is believed that says how long it takes no requests, if patience= is not longer: a
# header that says eleven days would else stop a process for eleven days. Then it is asked again.
MAX_SITE_WAIT: Final = 900.0

# Bytes of one answer, unpacked. The largest pages seen (1000 issues with their changelogs) have 60 MB;
# Confluence Data Center takes attachments up to 100 MB by default.
MAX_ANSWER_BYTES: Final = 512 * 1024 * 1024

# Bytes of one part of a workbook, unpacked. A full sheet of 1,048,576 rows and 50 columns has about 2 GB.
MAX_ZIP_MEMBER_BYTES: Final = 4 * 1024 * 1024 * 1024

# Unpacked bytes for each packed one. Deflate reaches 1032 on a single repeated byte; issues that differ in a
# few bytes reach about 150, because a match of 258 bytes 10 KB back costs 14 bits.
MAX_UNPACK_RATIO: Final = 200

# Bytes below which the ratio does not matter: they fit into memory anyway.
UNPACK_FREE_BYTES: Final = 16 * 1024 * 1024

# Levels of lists and mappings in YAML, facts and documents. Python's own functions fail at about 300 levels
# of ours; people write fewer than ten.
MAX_DEPTH: Final = 50

# Values in a YAML document, aliases counted each time they are used: a few hundred bytes of aliases of
# aliases expand to billions of values.
MAX_YAML_NODES: Final = 100_000

# Characters of a message or a log line in the ledger. Every board reads them; the whole text is a file beside
# the results.
MAX_STORED_CHARS: Final = 4_000

# Characters of a traceback in the ledger: its last, which name what was raised. Thirty frames have about
# 6,000.
MAX_TRACEBACK_CHARS: Final = 12_000

# Bytes of one run's parameters, or of one kind of its facts, as JSON. They are copied into events, rows and
# child processes; larger data belongs in a file whose path is the parameter.
MAX_PARAMETER_BYTES: Final = 256 * 1024

# Lines of a run's log in the ledger: the last ones. The number of dropped lines is reported.
MAX_LOG_LINES: Final = 500


def unpacked_limit(packed: int, most: int = MAX_ANSWER_BYTES) -> int:
    """Return how many bytes `packed` bytes may become when they are unpacked.

    Parameters
    ----------
    packed : int
        Bytes as received or as they lie in the file.
    most : int
        The bound for data of this kind, whatever its ratio.

    Examples
    --------
    >>> unpacked_limit(1_000) == UNPACK_FREE_BYTES, unpacked_limit(10**9) == MAX_ANSWER_BYTES
    (True, True)
    """
    return min(most, max(UNPACK_FREE_BYTES, MAX_UNPACK_RATIO * packed))
