"""The pages the demo site begins with."""

from __future__ import annotations

from html import escape

from schedkit.demo.confluence.store import WikiStore
from schedkit.demo.store import Store
from schedkit.demo.world.model import Issue

OPEN_BUGS = "100001"
_COLORS = {"new": "Grey", "indeterminate": "Blue", "done": "Green"}
_COLUMNS = ("Key", "Summary", "Status", "Priority", "Assignee", "Updated", "Comment")
_REMARKS = (
    "<p>Waiting for <strong>legal</strong></p>",
    '<p>See <a href="https://docs.example.com/?a=1&amp;b=2">the note</a> &ndash; Jürgen decides</p>',
    '<p><ac:inline-comment-marker ac:ref="0f1c3f44-6a6c-4d0b-8a50-9a3f6d0f4c11">Is this still true?'
    "</ac:inline-comment-marker></p>",
    "<ul><li><p>first ask sales</p></li><li><p>then ship</p></li></ul>",
)


def fill(wiki: WikiStore, store: Store, browse: str) -> None:
    """Create the pages; `browse` is the address of issues in Jira."""
    wiki.create("Demo space home", "<p>Welcome. See <em>Open bugs</em>.</p>", page_id=wiki.space.home)
    bugs = [i for i in store.visible() if i.type.name == "Bug"]
    picked = [i for i in bugs if i.status.category != "done"][:6] + [
        i for i in bugs if i.status.category == "done"
    ][:2]
    page = wiki.create("Open bugs", open_bugs(picked, browse), page_id=OPEN_BUGS)
    page.labels += ["report", "team-demo"]
    page.restrictions["update"] = ["demo", "colleague"]
    wiki.set_property(page.id, "content-appearance-published", "full-width", None)
    wiki.create(
        "Team handbook", "<h1>How we work</h1><p>Nothing automatic lives on this page.</p>", page_id="100002"
    )
    wiki.create("Results", "<p>Task results are written below this page.</p>", page_id="100003")
    for n in range(30):
        # More than one page of attachments: a client that reads only the first page misses some.
        wiki.attach("100002", f"scan-{n:02d}.txt", f"page {n}".encode(), "text/plain")


def open_bugs(issues: list[Issue], browse: str) -> str:
    """The page a report owns one table of; everything else on it belongs to people."""
    head = "".join(f'<th data-highlight-colour="#f4f5f7"><p>{name}</p></th>' for name in _COLUMNS)
    rows = "".join(
        _row(issue, browse, _REMARKS[n] if n < len(_REMARKS) else "<p />") for n, issue in enumerate(issues)
    )
    return f"""\
<ac:structured-macro ac:name="toc" ac:schema-version="1" ac:macro-id="4c1f0a52-3f0e-4a5e-9a57-3a34f64d5a10">\
<ac:parameter ac:name="maxLevel">2</ac:parameter></ac:structured-macro>
<ac:structured-macro ac:name="info" ac:schema-version="1" ac:macro-id="0a0de9e2-9a1c-4a8e-8d5b-3f2fd0d2c0aa">\
<ac:rich-text-body><p>The table below is updated every morning. Column <em>Comment</em> is yours.</p>\
</ac:rich-text-body></ac:structured-macro>
<h2>Open bugs</h2>
<p>Weekly bug round, owner: Zo&euml; &Aring;ngstr&ouml;m&nbsp;&mdash; last manual edit \
on <time datetime="2026-01-30" /> 👩🏽‍💻.</p>
<p><ac:structured-macro ac:name="anchor" ac:schema-version="1"><ac:parameter ac:name="">open-bugs\
</ac:parameter></ac:structured-macro></p>
<table data-table-width="1800" data-layout="align-start" ac:local-id="6f0d7a0e-5f0a-4b0f-8f3e-6f4b8f1d2c3b">\
<colgroup><col style="width: 110.0px;" /><col style="width: 420.0px;" /><col style="width: 130.0px;" />\
<col style="width: 110.0px;" /><col style="width: 190.0px;" /><col style="width: 130.0px;" />\
<col style="width: 300.0px;" /></colgroup><tbody><tr>{head}</tr>{rows}</tbody></table>
<p>Questions? Ask in <strong>#demo-bugs</strong>.</p>
<ac:layout><ac:layout-section ac:type="two_equal" ac:breakout-mode="default"><ac:layout-cell>
<h2>On call</h2>
<table><tbody><tr><th>Week</th><th>Who</th></tr><tr><td>48</td><td>Ada &amp; Grace</td></tr>\
<tr><td>49</td><td>山田 太郎</td></tr></tbody></table>
</ac:layout-cell><ac:layout-cell>
<h2>How to reproduce the list</h2>
<ac:structured-macro ac:name="code" ac:schema-version="1"><ac:parameter ac:name="language">xml</ac:parameter>\
<ac:plain-text-body><![CDATA[<table><tr><th>Key</th></tr></table> <!-- not a table of this page -->]]>\
</ac:plain-text-body></ac:structured-macro>
</ac:layout-cell></ac:layout-section></ac:layout>
<p>Thanks.<br />— the bug round</p>"""


def _row(issue: Issue, browse: str, remark: str) -> str:
    color = _COLORS[issue.status.category]
    # As typed by hand last week: the summary is shortened, times are days.
    cells = (
        f'<p><a href="{escape(browse)}/{issue.key}">{issue.key}</a></p>',
        f"<p>{escape(_legal(issue.summary)[:40], quote=False)}</p>",
        f'<p><ac:structured-macro ac:name="status" ac:schema-version="1"><ac:parameter ac:name="title">'
        f'{escape(issue.status.name)}</ac:parameter><ac:parameter ac:name="colour">{color}</ac:parameter>'
        "</ac:structured-macro></p>",
        f"<p>{escape(issue.priority.name) if issue.priority else ''}</p>",
        f"<p>{escape(issue.assignee.display or '', quote=False) if issue.assignee else ''}</p>",
        '<p><time datetime="2026-01-30" /></p>',
        remark,
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _legal(text: str) -> str:
    return "".join(char for char in text if char >= " " or char in "\t\n")
