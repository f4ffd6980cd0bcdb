"""Custom field values of an issue."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

from schedkit.demo.world import catalog as c
from schedkit.demo.world import fields as f
from schedkit.demo.world import words
from schedkit.demo.world.catalog import DAY
from schedkit.demo.world.model import IssueType, Project, User


def custom_values(
    rng: Random, people: tuple[User, ...], kind: IssueType, project: Project, created: int
) -> dict[str, Any]:
    """Custom values by slug; a field without a value has no entry."""
    random = rng.random
    made: dict[str, Any] = {}
    if kind.level == 0 and random() < 0.6:
        made["points"] = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0)[int(random() * 7)]
    if kind is c.EPIC:
        made["epic_name"] = rng.choice(words.NOUNS).title()
    if kind is c.BUG:
        made["severity"] = f.SEVERITIES[int(random() * 4)]
        if random() < 0.5:
            cause = rng.choice(tuple(f.CAUSES))
            children = f.CAUSES[cause]
            made["cause"] = (cause, rng.choice(children) if children and random() < 0.8 else None)
    pick = random()
    if pick < 0.15:
        made["customer"] = rng.choice(("ACME; Inc.", "=1+1", "Größe GmbH", "O'Neil & Söhne", "株式会社"))
        made["customer_tier"] = f.TIERS[int(random() * 3)]
    elif pick < 0.3:
        made["platforms"] = tuple(sorted(rng.sample(f.PLATFORMS, 1 + int(random() * 3))))
        made["value"] = round(random() * 1e6, 2)
    elif pick < 0.4:
        made["owner"] = people[int(random() * len(people))]
        made["reviewers"] = tuple(rng.sample(people, 2))
        made["effort"] = float(int(random() * 40))
    elif pick < 0.5:
        made["go_live"] = iso_day(created + 90 * DAY)
        made["reviewed"] = created + 3 * DAY
        made["docs"] = f"https://docs.example.com/{project.key.lower()}?a=1&b=<2>"
    elif pick < 0.6:
        made["tags"] = ("alpha", "βeta")
        made["notes"] = "Now *faster*.\n- less memory\n- [docs|https://docs.example.com]"
        made["team"] = f.TEAMS[int(random() * 2)]
        made["target"] = project.versions[-2:]
    return made


def iso_day(at: int) -> str:
    """The UTC day of an instant."""
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
