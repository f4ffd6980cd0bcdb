"""Custom field values as bytes: one maker per kind of field, asked only for values that are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schedkit.demo.jira.face import Values, encode
from schedkit.demo.world.fields import Field

Show = Callable[[Any], bytes]


def show(values: Values, field: Field) -> Show:
    """What encodes a value of `field`."""
    slug = field.slug

    def option(name: str) -> bytes:
        return values.bytes_of((slug, name), lambda _: values.option(slug, name))

    def cascade(pair: tuple[str, str | None]) -> bytes:
        parent, child = pair
        made = values.option(slug, parent)
        return encode(made if child is None else made | {"child": values.option(slug, f"{parent}/{child}")})

    def group(name: str) -> bytes:
        return encode({"name": name, "self": f"{values.rest}/group?groupname={name}"})

    makers: dict[str, Show] = {
        "select": option,
        "multiselect": lambda names: values.array(names, option),
        "cascading": cascade,
        "user": lambda user: values.bytes_of(user, values.user),
        "users": lambda users: values.array(users, lambda user: values.bytes_of(user, values.user)),
        "versions": lambda found: values.array(found, lambda v: values.bytes_of(v, values.version)),
        "textarea": values.text,
        "datetime": values.time_bytes,
        "group": group,
    }
    return makers.get(field.kind, encode)
