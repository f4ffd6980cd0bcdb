"""Text of the world: plain sentences, several scripts, and strings meant to do harm."""

from __future__ import annotations

from random import Random

# fmt: off
VERBS = (
    "Fix", "Add", "Remove", "Refactor", "Document", "Speed-up", "Migrate", "Investigate", "Harden",
    "Rename", "Simplify", "Test",
)
NOUNS = (
    "login token", "export dialog", "search index", "invoice report", "retry policy", "user import",
    "audit log", "sync worker", "mobile layout", "payment webhook", "cache warm-up", "date picker",
    "permission check", "mail template", "API client",
)
TAILS = (
    "for large accounts", "on Safari", "after the upgrade", "when offline", "in the German locale",
    "under load", "for archived projects", "at month end", "with two monitors", "behind a proxy",
    "since 8.4", "for guests",
)
# fmt: on
SENTENCES = (
    "The request is answered, but the page keeps spinning until it is reloaded.",
    "Support counted fourteen tickets about it last week.",
    "It happens only when the list holds more than one thousand entries.",
    "The log shows a timeout after thirty seconds and no retry.",
    "A workaround is to clear the filter before the export starts.",
    "Nobody remembers why the limit was introduced.",
    "The customer expects an answer before the end of the quarter.",
    "Grüße aus Köln: die Schaltfläche heißt jetzt „Übernehmen“.",
    "Ça marche sur le serveur de test, mais pas en production.",
    "日本語の件名でも文字化けしないこと。",
    "Проверьте, пожалуйста, что порядок столбцов не меняется.",
    "נא לבדוק את הכיוון מימין לשמאל.",
    "Steps, expectation and logs are attached below.",
)

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "<script>alert('summary')</script>",
    '=HYPERLINK("http://evil.example","click")',
    "+1-800 looks like a number",
    "-2+3 is not a formula",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "Control \x07bell \x0bvertical \x1b[31mred\x1b[0m done",
    "Emoji 🚀🧑‍🚀👩🏽‍💻 and flags 🇩🇪",
    "Right-to-left \u202eoverride and zero\u200bwidth",
    "Quotes \" ' ` and back\\slash",
    "]]> & &amp; <![CDATA[ inside",
    "</td></tr></table> breaks out",
    "Line one\u2028line two, tab\tand trailing space ",
    "%s %(name)s {0} {{jinja}} ${shell} $(whoami)",
    "1E5 becomes a float, 00012 loses zeros",
    "مرحبا بالعالم 漢字 テスト ßÄÖÜ ñ",
    "'; DROP TABLE issues; --",
    "'leading apostrophe",
)
LONG = 40_000


def title(rng: Random) -> str:
    """A plain summary."""
    return f"{rng.choice(VERBS)} {rng.choice(NOUNS)} {rng.choice(TAILS)}"


def prose(rng: Random, length: int) -> str:
    """About `length` characters of paragraphs, never more than one sentence over it."""
    lines: list[str] = []
    size = 0
    while size < length:
        paragraph = " ".join(rng.choices(SENTENCES, k=rng.randint(2, 5)))
        lines.append(paragraph)
        size += len(paragraph) + 2
    return "\n\n".join(lines)[: max(length, 80)]
