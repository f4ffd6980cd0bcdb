"""The notebooks that come with schedkit are copied, and never over a file of the person's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedkit.commands.examples import copy_notebooks, example
from schedkit.errors import FileError


def test_copies_are_what_they_were_made_of(tmp_path: Path) -> None:
    written = copy_notebooks(tmp_path / "mine")
    copies = [path for path in (tmp_path / "mine").rglob("*") if path.is_file()]
    assert len(copies) == written > 10
    assert {path.suffix for path in copies} == {".ipynb", ".md", ".png"}
    for path in copies:
        source = example("notebooks") / path.relative_to(tmp_path / "mine")
        assert path.read_bytes() == source.read_bytes()


def test_a_file_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "01-tour.ipynb").write_text("mine")
    (tmp_path / "02-scheduling.ipynb").symlink_to("away")
    first, again = copy_notebooks(tmp_path), copy_notebooks(tmp_path)
    assert (tmp_path / "01-tour.ipynb").read_text() == "mine"
    assert not (tmp_path / "02-scheduling.ipynb").exists()
    assert first > 10
    assert again == 0


def test_a_place_that_takes_no_files_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="file"):
        copy_notebooks(tmp_path / "file" / "notebooks")
