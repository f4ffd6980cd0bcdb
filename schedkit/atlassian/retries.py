"""Whether a failed request is repeated: a number of times, or as long as patience lasts."""

from __future__ import annotations

from dataclasses import dataclass

from schedkit.errors import RateLimitedError, SiteError
from schedkit.values.durations import elapsed_text

__all__ = ["Tries"]


@dataclass(slots=True)
class Tries:
    """The failed tries of one request.

    Parameters
    ----------
    most : int
        How often it is repeated after a failure; with 0 it is not, whatever wait the site asks for, unless
        the failure is a 429.
    patience : float
        Seconds since the first failure for which it is repeated while the site says "not now": a 429, a wait
        that the site asks for, and where `persistent` any 503.
    persistent : bool
        Whether a 503 without a wait is repeated beyond `most`.
    """

    most: int
    patience: float
    persistent: bool
    failures: int = 0
    renewed: bool = False
    since: float | None = None

    def failed(self, error: SiteError, wait: float, now: float) -> None:
        """Take note of a failure, after which the next try may follow in `wait` seconds.

        Raises
        ------
        SiteError
            `error`, if no try follows.
        """
        self.since = now if self.since is None else self.since
        if not isinstance(error, RateLimitedError):
            self.failures += 1
            if not self.most:
                raise error
            if error.retry_in is None:
                if self.failures <= self.most:
                    return
                if error.status != 503 or not self.persistent:
                    raise error
        spent = now - self.since
        if spent + wait > self.patience:
            error.hint = self._hint(error, wait, spent)
            raise error

    @staticmethod
    def _hint(error: SiteError, wait: float, spent: float) -> str:
        if error.retry_in is None:
            return f"it has refused for {elapsed_text(spent)}: try again later, or raise patience="
        return f"it asks to wait {elapsed_text(wait)}: try again then, or raise patience="
