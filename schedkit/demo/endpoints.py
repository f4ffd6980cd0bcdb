"""The four doors of the site and the credentials they take."""

from __future__ import annotations

from dataclasses import dataclass, field

from schedkit.demo.auth import Account

CLOUD = Account("demo@example.com", "demo-cloud-token-f3b1c2", "")
DATA_CENTER = Account(None, "demo-dc-token-9a7e55", "demo-dc-password-51d0aa")
GATEWAY = "/ex/jira/11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Endpoint:
    """Where a product answers, and with which credentials."""

    url: str
    user: str | None
    token: str = field(repr=False)

    def ready(self) -> dict[str, str]:
        """Return it as ``schedkit demo-site`` prints it."""
        made = {"url": self.url, "token": self.token}
        return made if self.user is None else {"url": self.url, "user": self.user, "token": self.token}
