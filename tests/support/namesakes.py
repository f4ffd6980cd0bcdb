"""Two people of one name on a demo site."""

from __future__ import annotations

from dataclasses import replace

from schedkit.demo import DemoSite
from schedkit.demo.world.model import User


def namesakes(site: DemoSite, email: bool = True) -> tuple[User, User]:
    """Give the site's third user the name of the second; with `email`, both have addresses."""
    users = list(site.store.catalog.users)
    users[2] = replace(users[2], display=users[1].display)
    if not email:
        users[1], users[2] = (replace(user, email=None) for user in users[1:3])
    site.store.catalog = replace(site.store.catalog, users=tuple(users))
    return users[1], users[2]
