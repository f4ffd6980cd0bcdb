"""The joined view holds every file, no import and no markup-writing call."""

from __future__ import annotations

import re
from pathlib import Path

import schedkit
from schedkit.notebook.bundle import ORDER, script, style

# What a notebook, a page and JupyterLab's sidebar load first; the latter two are no part of the bundle.
ENTRIES = ("notebook", "page", "lab")
WEB = Path(schedkit.__file__).parent / "web"


def test_every_file_of_the_view_is_joined_after_what_it_imports() -> None:
    assert {path.stem for path in WEB.glob("*.js")} == {*ORDER, *ENTRIES, "stream"}
    for place, name in [*enumerate(ORDER), *((len(ORDER), name) for name in ENTRIES)]:
        imported = re.findall(r'from "\./([a-z]+)\.js"', (WEB / f"{name}.js").read_text(encoding="utf-8"))
        assert set(imported) - {"stream"} <= set(ORDER[:place]), name


def test_the_joined_script_is_one_module_with_one_export() -> None:
    lines = script().splitlines()
    assert [line for line in lines if line.startswith("export ")] == ["export default () => {"]
    assert not [line for line in lines if line.startswith("import ")]


def test_text_reaches_the_page_as_text_only() -> None:
    for path in WEB.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for risky in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert risky not in text, f"{path.name} uses {risky}"


def test_the_style_is_there_and_loads_nothing_from_elsewhere() -> None:
    assert ".sk {" in style()
    assert "url(" not in style()
    assert "@import" not in style()
