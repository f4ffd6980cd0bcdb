"""Pages of storage format for the tests: small builders, a hostile grammar, and real pages."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "confluence"
ENTITIES = ["&amp;", "&lt;", "&nbsp;", "&eacute;", "&#x1F600;", "&quot;", "&rsquo;"]


def real_pages() -> list[Path]:
    return sorted(REAL.glob("*.xhtml")) if REAL.is_dir() else []


def anchor(name: str) -> str:
    return (
        '<ac:structured-macro ac:name="anchor" ac:schema-version="1" ac:macro-id="5f1e">'
        f'<ac:parameter ac:name="">{name}</ac:parameter></ac:structured-macro>'
    )


def table(names: list[str], rows: list[list[str]], opening: str = "<table>", space: str = "") -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"{space}<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"{opening}<tbody>{space}<tr>{head}</tr>{body}{space}</tbody></table>"


# A grammar of storage format: what real editors, macros, imports and hostile authors leave behind.
text = st.one_of(
    st.sampled_from([*ENTITIES, "plain", "日本語", "😀", "\r\n", "  two  ", "a > b", "it's", '"quoted"']),
    st.text(alphabet="abc XYZ\u00e9\U0001f600>'\"\t\n", max_size=8),
)
opaque = st.sampled_from(
    [
        "<!-- <table><tr><td>no</td></tr></table> -->",
        "<!-- > -- ' \" <h1> -->".replace(" -- ", " - "),
        "<![CDATA[<table><tbody><tr><td>]]>",
        "<![CDATA[a]]]]><![CDATA[>b</table>]]>",
        "<?pi <table> ?>",
    ]
)
attrs = st.sampled_from(
    [
        "",
        ' class="a > b"',
        " title='<p>'".replace("<p>", "p > q"),
        ' data-x="it\'s"',
        "\r\n  id = 'x1' ",
        ' ac:local-id="l-1"',
    ]
)


def _element(name: str, content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda a, c: f"<{name}{a}>{c}</{name}>", attrs, content)


def _macro(name: str, content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda a, c: (
            f'<ac:structured-macro ac:name="{name}"{a}><ac:parameter ac:name="title">t &gt; u</ac:parameter>'
            f"<ac:rich-text-body>{c}</ac:rich-text-body></ac:structured-macro>"
        ),
        attrs,
        content,
    )


def _row(content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    cell = st.one_of(_element("td", content), st.just("<td />"), st.just("<td class='x'/>"))
    return st.builds(lambda a, c: f"<tr{a}>{''.join(c)}</tr>", attrs, st.lists(cell, max_size=3))


def _table(content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda a, rows: f"<table{a}><tbody>{''.join(rows)}</tbody></table>",
        attrs,
        st.lists(_row(content), max_size=3),
    )


def _nest(content: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(content, max_size=3).map("".join)
    return st.one_of(
        *(_element(name, several) for name in ("p", "h2", "div", "strong", "ac:layout-cell")),
        _macro("expand", several),
        _table(several),
        st.just("<table />"),
        st.just("<table class='z'/>"),
        st.just("<br/>"),
    )


blocks = st.recursive(st.one_of(text, opaque), _nest, max_leaves=12)
hostile_pages = st.lists(blocks, max_size=5).map("".join)


@st.composite
def pages_with_table(draw: st.DrawFn) -> tuple[str, str, list[list[str]]]:
    """A page with an anchored table of Key, Summary and Comment: prefix, suffix and the rows' texts."""
    before, after = draw(hostile_pages), draw(hostile_pages)
    words = st.text(alphabet="abc <&>é😀'\"", max_size=6).map(str.strip)
    count = draw(st.integers(0, 5))
    rows = [[f"K-{n}", draw(words), draw(words)] for n in range(count)]
    return before, after, rows
