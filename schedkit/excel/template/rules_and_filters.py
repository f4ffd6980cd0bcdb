"""Conditional formats, validations, filters and sparklines of a sheet, updated when a region grows."""

from __future__ import annotations

from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import Sheet
from schedkit.excel.parts.xml import Document, Element

# Where an attribute holds a place on the sheet itself. Merged cells, links and the selection are not
# here: they lie where they lie.
_AREAS = {
    "conditionalFormatting": "sqref",
    "dataValidation": "sqref",
    "protectedRange": "sqref",
    "ignoredError": "sqref",
    "autoFilter": "ref",
    "sortState": "ref",
    "sortCondition": "ref",
}
_FORMULAS = ("formula", "formula1", "formula2", "f")


def grow_own(sheet: Sheet, growth: RangeGrowth) -> None:
    """Update rules, validations, filters and sparklines of the region's sheet."""
    document = sheet.document
    for element in document.root.all(*_AREAS, "sqref"):
        if element.name == "sqref":
            document.set_text(element, growth.areas(element.text))
            continue
        name = _AREAS[element.name]
        if name in element.attributes:
            document.set_attributes(element, **{name: growth.areas(element.get(name))})
    for element in document.root.all(*_FORMULAS):
        document.set_text(element, growth.unqualified(element.text))


def grow_other(sheet: Sheet, growth: RangeGrowth) -> None:
    """Update the references of another sheet's rules, validations and sparklines."""
    for element in sheet.document.root.all(*_FORMULAS):
        sheet.document.set_text(element, growth.qualified(element.text))


def has_criteria(document: Document) -> bool:
    """Tell whether a filter of a sheet or a table hides rows."""
    return any(_criteria(each) for each in _filters(document))


def clear_filters(document: Document) -> int:
    """Remove the criteria of filters; return how many filters had any."""
    cleared = 0
    for each in _filters(document):
        criteria = _criteria(each)
        for child in each.children:
            if child in criteria or (criteria and child.name == "sortState"):
                document.remove(child)
        cleared += bool(criteria)
    return cleared


def _filters(document: Document) -> list[Element]:
    return [child for child in document.root.children if child.name == "autoFilter"]


def _criteria(element: Element) -> list[Element]:
    # A column without criteria only hides its button.
    return [child for child in element.children if child.name == "filterColumn" and child.children]
