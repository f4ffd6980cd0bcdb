"""The example rules name metrics and labels that there are, and commands that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.telemetry_boards import LEDGER, many
from typer.main import get_command

from schedkit.commands.line import cli
from schedkit.telemetry.metrics import exposition

PATH = Path(__file__).parents[2] / "reports" / "prometheus" / "alerts.yml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(PATH.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
FUNCTIONS = {"sum", "by", "increase", "rate", "changes", "time", "absent", "histogram_quantile", "and"}
DURATION = re.compile(r"[1-9]\d*[smhd]")


def known() -> dict[str, set[str]]:
    """Return the names of all samples, with the labels of each."""
    board, counts = many(1)
    board.put_scheduler(
        state="running", nodes=[{"kind": "server"}], why=[{"kind": "ledger", "wrong": True, "text": ""}]
    )
    text, _ = exposition(board.snapshot(), board.tasks(), counts, LEDGER, "application/openmetrics-text")
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_about_metrics_that_there_are(rule: dict[str, Any]) -> None:
    metrics, expr = known(), rule["expr"]
    # A metric, and what stands in its braces; not a label of the same name.
    named = re.findall(r"\b((?:scheduler|schedkit|process)_\w+)\b(?!=)(?:\{([^}]*)\})?", expr)
    assert named
    for name, labels in named:
        assert name in metrics, name
        assert set(re.findall(r"(\w+)\s*[=!]", labels)) <= metrics[name] | {"job"}, name
    for labels in re.findall(r"by \(([^)]*)\)", expr):
        assert {label.strip() for label in labels.split(",")} <= set.union(
            *(metrics[name] for name, _ in named)
        )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_has_what_prometheus_asks_for(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"[A-Z]\w+", rule["alert"])
    assert DURATION.fullmatch(rule.get("for", "1m"))
    assert all(DURATION.fullmatch(each) for each in re.findall(r"\[(\w+)\]", rule["expr"]))
    words = set(re.findall(r"\b([a-z_]+) ?\(", rule["expr"]))
    assert words <= FUNCTIONS
    assert rule["labels"].keys() == {"severity"}
    assert rule["annotations"].keys() == {"summary", "description"}


def test_each_rule_has_a_name_of_its_own() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) > 10


def test_commands_that_they_name_exist() -> None:
    commands = get_command(cli).commands
    named = {
        name for rule in RULES for name in re.findall(r"`schedkit (\w+)", rule["annotations"]["description"])
    }
    assert {"due", "doctor"} <= named
    assert named <= set(commands)
