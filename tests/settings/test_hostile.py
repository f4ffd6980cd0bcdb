"""Settings are fed anything: a named error in one line, or a valid object; no secret is in a message."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schedkit.errors import FileError, SettingsError
from schedkit.settings import Settings, read_settings
from schedkit.settings.accepted import SECTIONS
from schedkit.settings.in_force import in_force
from schedkit.settings.model import ChannelSettings, LogSettings, SchedulerSettings, SiteSettings

SECRET = "hunter2-s3cret"
KEYS = sorted(
    {
        *SECTIONS,
        *(
            name
            for model in (Settings, SiteSettings, SchedulerSettings, ChannelSettings, LogSettings)
            for name in model.model_fields
        ),
        *("username", "executors", "poll_interval", "path", "report_types", "interval", "page_id", "a", "1"),
    }
)
WORDS = ["", "x", "5m", "Europe/Berlin", "5/min", "${NOPE}", "file:nowhere", "keyring:", "\x1b[31m", "é" * 3]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=5),
    st.dates(),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(KEYS), TREES, max_size=5))
def test_anything_is_a_named_error_or_settings(
    tmp_path_factory: pytest.TempPathFactory, tree: object
) -> None:
    file = tmp_path_factory.mktemp("hostile") / "schedkit.yaml"
    file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    judged(file)


ANY_TEXT = st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=60) | ANY_TEXT)
def test_any_bytes_are_a_named_error_or_settings(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("hostile") / "schedkit.yaml"
    file.write_bytes(content)
    judged(file)


def judged(file: Path) -> None:
    told = ""
    try:
        loaded = read_settings(file)
    except (SettingsError, FileError) as error:
        told = str(error)
    else:
        assert all("\n" not in each for each in loaded.warnings)
        assert [each for each in in_force(loaded) if "\n" in each.name + each.value] == []
    assert "\n" not in told
    assert told.startswith(("schedkit.yaml", "cannot read")) or not told


@given(
    st.sampled_from(["jira", "confluence"]),
    st.sampled_from(["token", "password"]),
    st.sampled_from(
        ["{}", "sites: {{a: {{url: x, token: {}, ulr: y}}}}", "jira: {{url: x, password: {}, nope: 1}}"]
    ),
)
def test_a_mistake_beside_a_secret_does_not_show_it(
    tmp_path_factory: pytest.TempPathFactory, kind: str, key: str, text: str
) -> None:
    file = tmp_path_factory.mktemp("hostile") / "schedkit.yaml"
    for content in (text.format(SECRET), f"{kind}: {{url: [x], {key}: {SECRET}}}", f"sites: {SECRET}"):
        file.write_text(content)
        with pytest.raises(SettingsError) as caught:
            read_settings(file)
        assert SECRET not in str(caught.value), content


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "scheduler:\n  timezone: Asia/Tokyo\n  cron: {hour: 7}\n  job: {id: a, coalesce: true}\n",
            "schedkit.yaml:3:3: scheduler: unknown option 'cron', and 1 more problem",
        ),
        (
            "scheduler:\n  jobs: [{id: a, func: 'app:run', trigger: cron, hour: 3}]\n"
            "  jobstores: {default: {type: sqlalchemy, url: 'sqlite:///a.db'}}\n",
            "schedkit.yaml:2:3: scheduler: unknown option 'jobs', and 1 more problem",
        ),
        (
            f"jira:\n  server: https://jira.example.org\n  auth: {{email: a@b.c, api_token: {SECRET}}}\n",
            "schedkit.yaml:3:3: sites.jira: unknown option 'auth'",
        ),
        (
            "logging:\n  version: 1\n  handlers: {console: {class: logging.StreamHandler}}\n",
            "schedkit.yaml:1:1: unknown option 'logging' (did you mean 'log'?)",
        ),
    ],
)
def test_settings_of_other_programs_end_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "schedkit.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings(file)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
