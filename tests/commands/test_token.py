"""``schedkit token``: the text is printed once; a revoked one is listed as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schedkit.cli import main


def test_a_token_from_its_making_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = ("--ledger", "ledger.db")
    assert main(["token", "new", "grafana", "--scope", "act", *ledger]) == 0
    made = capsys.readouterr()
    assert made.out.startswith("sk_")
    assert "shown only now" in made.err
    assert main(["token", "list", *ledger]) == 0
    assert "grafana" in capsys.readouterr().out
    assert main(["token", "list", "--json", *ledger]) == 0
    listed = capsys.readouterr().out
    (row,) = json.loads(listed)
    assert (row["name"], row["scopes"], row["revoked_at"]) == ("grafana", ["read", "act"], None)
    assert made.out.strip() not in listed
    assert main(["token", "revoke", "grafana", *ledger]) == 0
    assert "is revoked" in capsys.readouterr().out
    assert main(["token", "list", *ledger]) == 0
    assert "revoked 2" in capsys.readouterr().out
    assert main(["token", "revoke", "grafana", *ledger]) == 2
    assert "there is no valid token 'grafana'" in capsys.readouterr().err
    assert main(["token", "new", "x", "--scope", "all", *ledger]) == 2
