"""Links between issues: many, and one cycle."""

from __future__ import annotations

from random import Random

from schedkit.demo.world import catalog as c
from schedkit.demo.world.model import Issue, Link


def make_links(issues: tuple[Issue, ...], rng: Random) -> list[Link]:
    """One link for every eight issues, and a cycle of "blocks" through the last three."""
    made: list[Link] = []
    seen: set[tuple[int, int]] = set()

    def link(kind: int, source: int, target: int) -> None:
        if source != target and (source, target) not in seen:
            seen.add((source, target))
            made.append(Link(10_000 + len(made), c.LINK_TYPES[kind], source, target))

    if len(issues) >= 3:
        # One cycle of "blocks", through the last three issues: code that follows links must detect it.
        a, b, d = (issue.id for issue in issues[-3:])
        for source, target in ((a, b), (b, d), (d, a)):
            link(0, source, target)
    for _ in range(len(issues) // 8):
        link(rng.choice((0, 0, 1, 1, 2, 3)), rng.choice(issues).id, rng.choice(issues).id)
    return made
