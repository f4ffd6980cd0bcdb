"""LibreOffice, which opens what we write and saves it again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

# It was seen to end early, without a word, after some two hundred files.
_BATCH = 40


def converted(paths: Sequence[Path], folder: Path, suffix: str = "xlsx") -> list[Path]:
    """Convert files; a start takes five seconds, so many are given at once.

    Each call has a profile of its own, so that runs side by side do not meet.
    """
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("LibreOffice (soffice) is not installed")
    profile, out = folder / "profile", folder / "converted"
    command = [office, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", suffix]
    for start in range(0, len(paths), _BATCH):
        batch = [str(path) for path in paths[start : start + _BATCH]]
        subprocess.run([*command, "--outdir", str(out), *batch], check=True, capture_output=True, timeout=600)
    return [out / f"{path.stem}.{suffix}" for path in paths]
