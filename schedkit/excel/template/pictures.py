"""Add pictures to the sheets of a workbook, replacing earlier pictures of the same cells."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from xml.sax.saxutils import quoteattr

from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.links import relation_kind
from schedkit.excel.names import letters
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.rewrite import Changes, free_prefix, rewrite
from schedkit.excel.parts.sheet import ORDER, Sheet
from schedkit.excel.parts.workbook import Workbook, open_workbook, relations, uses
from schedkit.excel.parts.xml import OFFICE, STRICT, Document, Element
from schedkit.excel.picture import PlacedPicture, natural_size
from schedkit.excel.template.drawings import ROW_HEIGHT
from schedkit.values.text import did_you_mean

__all__ = ["pictures_of", "with_pictures"]

_DRAWINGML = "http://schemas.openxmlformats.org/drawingml/2006"
_SHEET_DRAWING, _MAIN = f"{_DRAWINGML}/spreadsheetDrawing", f"{_DRAWINGML}/main"
_DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.drawing+xml"
_EMBED = f"{OFFICE} embed"
_IN_STRICT = {usual: strict for strict, usual in STRICT.items()}
_TYPES = {"jpg": "image/jpeg", "emf": "image/x-emf", "wmf": "image/x-wmf", "svg": "image/svg+xml"}
# The name of a picture has the cell that it was added at, so that it is found after it was moved.
_NAME = "Picture at "


def with_pictures(
    data: bytes,
    name: str,
    pictures: Sequence[PlacedPicture],
    first: str,
    renamed: Mapping[str, str] | None = None,
) -> bytes:
    """Return a workbook with pictures added to its sheets.

    Parameters
    ----------
    first : str
        The sheet of pictures without a sheet.
    renamed : mapping, optional
        The names of sheets in the workbook by the names that the caller gave them, where they differ.

    Raises
    ------
    WorkbookError
        If there is no such sheet, or it has no cells.
    """
    book = open_workbook(Package(data, name), name)
    titles = {title.casefold(): title for title in book.sheets}
    titles |= {str(old).casefold(): new for old, new in (renamed or {}).items()}
    by_sheet: dict[str, list[PlacedPicture]] = {}
    for picture in pictures:
        title = first if picture.sheet is None else titles.get(picture.sheet.casefold())
        if title is None:
            raise WorkbookError(
                f"images: there is no sheet {picture.sheet!r} for a picture",
                hint=did_you_mean(picture.sheet or "", list(book.sheets)),
            )
        by_sheet.setdefault(title, []).append(picture)
    changes, workbook = Changes(), Document(book.package.read(book.part), book.part)
    for title, own in by_sheet.items():
        _print(workbook, title, _SheetPictures(book, title, changes).put(own))
    if workbook.changed:
        changes.parts[book.part] = workbook.result()
    file = io.BytesIO()
    rewrite(book.package, changes, file)
    return file.getvalue()


def pictures_of(book: Workbook, title: str) -> list[PlacedPicture]:
    """Return the pictures of a sheet, so that they can be added to the sheet that replaces it."""
    found = []
    for relation in relations(book.package, book.sheets[title], "drawing"):
        targets = {each.id: each.target for each in relations(book.package, relation.target, "image")}
        drawing = Document(book.package.read(relation.target), relation.target)
        for anchor in drawing.root.children:
            pic, start, blip = anchor.child("pic"), anchor.child("from"), next(anchor.all("blip"), None)
            target = targets.get(blip.get(_EMBED)) if blip is not None else None
            if pic is None or start is None or target is None or target not in book.package:
                continue
            described = next(pic.all("cNvPr"))
            found.append(
                PlacedPicture(
                    title,
                    _marker(start, "row") + 1,
                    _marker(start, "col") + 1,
                    book.package.read(target),
                    posixpath.splitext(target)[1].lstrip(".").casefold(),
                    _size(anchor),
                    described.get("descr"),
                    scaled=True,
                    name=described.get("name"),
                )
            )
    return found


class _SheetPictures:
    """The drawing part of one sheet, to which pictures are added."""

    def __init__(self, book: Workbook, title: str, changes: Changes) -> None:
        self._book, self._title, self._changes = book, title, changes
        self._part = book.sheets[title]
        (*_, self._drawing) = (
            None,
            *(each.target for each in relations(book.package, self._part, "drawing")),
        )
        self._strict = b"purl.oclc.org/ooxml" in book.package.read(book.part)

    def put(self, pictures: Sequence[PlacedPicture]) -> list[PlacedPicture]:
        """Add pictures to the sheet and return them with their final positions and sizes."""
        if self._drawing is None or self._drawing not in self._book.package:
            self._drawing = self._free("xl/drawings/drawing", "xml")
            empty = f'<xdr:wsDr xmlns:xdr="{self._space(_SHEET_DRAWING)}"></xdr:wsDr>'.encode()
            document = Document(empty, self._drawing)
            self._link_drawing()
        else:
            document = Document(self._book.package.read(self._drawing), self._drawing)
        ids = [int(each.get("id", "0")) for each in document.root.all("cNvPr") if each.get("id").isdecimal()]
        numbers = count(max(ids, default=0) + 1)
        prefix = free_prefix(self._book.package, self._drawing)
        relationships: list[bytes] = []
        placed: list[PlacedPicture] = []
        for place, given in enumerate(pictures, 1):
            old = self._put_before(document, given)
            picture = given if old is None else self._in_place_of(old, given)
            if old is not None:
                self._take_out(document, old)
            placed.append(picture)
            media = self._free("xl/media/image", picture.suffix)
            self._changes.parts[media] = picture.content
            self._changes.types[media] = _TYPES.get(picture.suffix, f"image/{picture.suffix}")
            identity = f"{prefix}picture{place}"
            kind = relation_kind("image", strict=self._strict)
            relationships.append(f'<Relationship Id="{identity}" Type="{kind}" Target="/{media}"/>'.encode())
            name = _own_name(given)
            document.append(document.root, self._anchor(picture, next(numbers), identity, name))
        self._changes.parts[self._drawing] = document.result()
        self._changes.related[self._drawing] = lambda: relationships
        return placed

    def _space(self, usual: str) -> str:
        return _IN_STRICT.get(usual, usual) if self._strict else usual

    def _free(self, stem: str, suffix: str) -> str:
        names = (f"{stem}{number}.{suffix}" for number in count(1))
        return next(
            name for name in names if name not in self._book.package and name not in self._changes.parts
        )

    def _link_drawing(self) -> None:
        """Add a reference to the new drawing to the sheet."""
        sheet = Sheet(self._book.package.read(self._part), self._part, self._title)
        identity = f"{free_prefix(self._book.package, self._part)}drawing"
        place = sheet.document.place(sheet.document.root, "drawing", ORDER)
        attributes = f'xmlns:r="{self._space(OFFICE)}" r:id="{identity}"'
        sheet.document.splice(place, place, f"<{sheet.prefix}drawing {attributes}/>".encode())
        self._changes.parts[self._part] = sheet.result()
        kind = relation_kind("drawing", strict=self._strict)
        relation = f'<Relationship Id="{identity}" Type="{kind}" Target="/{self._drawing}"/>'.encode()
        self._changes.related[self._part] = lambda: [relation]
        assert self._drawing is not None
        self._changes.types[self._drawing] = _DRAWING_TYPE

    def _put_before(self, document: Document, picture: PlacedPicture) -> Element | None:
        """Return the anchor of the earlier picture of the same cell, which may have been moved since."""
        name = _own_name(picture)
        for anchor in document.root.children:
            pic = anchor.child("pic")
            if pic is not None and any(each.get("name") == name for each in pic.all("cNvPr")):
                return anchor
        return None

    def _in_place_of(self, old: Element, picture: PlacedPicture) -> PlacedPicture:
        """Return a picture with the position and the scale that the old one has now."""
        start, target = old.child("from"), self._target(old)
        if start is not None:
            picture = replace(picture, row=_marker(start, "row") + 1, column=_marker(start, "col") + 1)
        if picture.scaled or target is None:
            return picture
        shown, natural = _size(old)[0], natural_size(self._book.package.read(target), target)[1][0]
        width, height = picture.size
        return replace(picture, size=(round(width * shown / natural), round(height * shown / natural)))

    def _target(self, anchor: Element) -> str | None:
        blip = next(anchor.all("blip"), None)
        assert self._drawing is not None
        targets = {each.id: each.target for each in relations(self._book.package, self._drawing, "image")}
        target = targets.get(blip.get(_EMBED)) if blip is not None else None
        return target if target is not None and target in self._book.package else None

    def _take_out(self, document: Document, old: Element) -> None:
        """Remove a picture, and its file unless another picture uses it."""
        target = self._target(old)
        document.remove(old)
        blip = next(old.all("blip"), None)
        if target is None or blip is None or self._drawing is None:
            return
        identity = blip.get(_EMBED)
        if sum(each.get(_EMBED) == identity for each in document.root.all("blip")) == 1:
            self._changes.unrelated.setdefault(self._drawing, set()).add(identity)
            if uses(self._book.package, target) == 1:
                self._changes.dropped.add(self._book.package.named(target))

    def _anchor(self, picture: PlacedPicture, number: int, identity: str, name: str) -> bytes:
        """Return the anchor of a picture that moves with its cell and keeps its size."""
        width, height = picture.size
        spaces = (
            f'xmlns:xdr="{self._space(_SHEET_DRAWING)}" xmlns:a="{self._space(_MAIN)}"'
            f' xmlns:r="{self._space(OFFICE)}"'
        )
        return (
            f"<xdr:oneCellAnchor {spaces}><xdr:from><xdr:col>{picture.column - 1}</xdr:col>"
            f"<xdr:colOff>0</xdr:colOff><xdr:row>{picture.row - 1}</xdr:row><xdr:rowOff>0</xdr:rowOff>"
            f'</xdr:from><xdr:ext cx="{width}" cy="{height}"/><xdr:pic><xdr:nvPicPr>'
            f'<xdr:cNvPr id="{number}" name={quoteattr(name)} descr={quoteattr(picture.alt)}/>'
            '<xdr:cNvPicPr><a:picLocks noChangeAspect="1"/></xdr:cNvPicPr></xdr:nvPicPr>'
            f'<xdr:blipFill><a:blip r:embed="{identity}"/><a:stretch><a:fillRect/></a:stretch>'
            f'</xdr:blipFill><xdr:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="{width}" cy="{height}"/>'
            '</a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></xdr:spPr></xdr:pic>'
            "<xdr:clientData/></xdr:oneCellAnchor>"
        ).encode()


def _print(workbook: Document, title: str, pictures: Sequence[PlacedPicture]) -> None:
    """Extend the print area of a sheet down to pictures below it."""
    titles = [node.get("name") for node in workbook.root.all("sheet")]
    for node in workbook.root.all("definedName"):
        sheet, _, reference = node.text.rpartition("!")
        area = Area.parse(reference.strip())
        own = node.get("localSheetId") == str(titles.index(title))
        if node.get("name") != "_xlnm.Print_Area" or not own or area is None:
            continue
        ends = [
            picture.row + picture.size[1] // ROW_HEIGHT
            for picture in pictures
            if area.left <= picture.column <= area.right
        ]
        bottom = min(max([area.bottom, *ends]), MAX_ROWS)
        left, right = letters(area.left), letters(area.right)
        if bottom > area.bottom:
            workbook.set_text(node, f"{sheet}!${left}${area.top}:${right}${bottom}")


def _own_name(picture: PlacedPicture) -> str:
    return picture.name or f"{_NAME}{letters(picture.column)}{picture.row}"


def _marker(marker: Element, name: str) -> int:
    found = marker.child(name)
    text = found.text.strip() if found is not None else ""
    return int(text) if text.isdecimal() else 0


def _size(anchor: Element) -> tuple[int, int]:
    """Return width and height of a picture as it is shown."""
    size = anchor.child("ext")
    if size is None:
        # A two-cell anchor has no size; the picture has.
        size = next((each for each in anchor.all("ext") if each.get("cx")), None)
    width, height = (int(size.get(name, "0")) if size is not None else 0 for name in ("cx", "cy"))
    return max(width, 1), max(height, 1)
