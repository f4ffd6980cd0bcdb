"""The notebooks and reports that come with schedkit: in a wheel among the templates, else in the checkout."""

from __future__ import annotations

from pathlib import Path

from schedkit.values.files import file_error

__all__ = ["copy_notebooks", "example"]

PACKAGED = Path(__file__).parent / "templates"
CHECKOUT = Path(__file__).parents[2]


def example(name: str) -> Path:
    """Return where an example is, by its path in the repository, such as ``reports/demo.yaml``."""
    packaged = PACKAGED / name
    return packaged if packaged.exists() else CHECKOUT / name


def copy_notebooks(folder: Path) -> int:
    """Copy the notebooks that explain schedkit into a folder, and return how many files were written.

    Files that exist are left as they are.

    Raises
    ------
    FileError
        A file cannot be written.
    """
    source = example("notebooks")
    paths = [path for kind in ("*.ipynb", "*.md", "images/*") for path in source.glob(kind)]
    return sum(_copy(path, folder / path.relative_to(source)) for path in paths)


def _copy(source: Path, target: Path) -> bool:
    """Copy a file, and tell whether its place was free."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(source.read_bytes())
    except FileExistsError:
        return False
    except OSError as error:
        raise file_error(error, target) from None
    return True
