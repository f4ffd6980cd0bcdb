"""JQL text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schedkit.demo.jql import reserved
from schedkit.demo.jql.tree import JqlError

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<op><=|>=|!=|!~|=|<|>|~|!(?=[=~])|&&|\|\||!)
    |(?P<mark>[(),])
    |(?P<word>(?:[^\s"'=<>!~&|(),\\]|\\u[0-9a-fA-F]{4}|\\.)+)
    |(?P<open>["'])
    |(?P<bad>.)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # word | quoted | op | mark | end
    text: str
    line: int
    char: int

    @property
    def where(self) -> str:
        return f"(line {self.line}, character {self.char})"

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def fault(message: str, token: Token) -> JqlError:
    return JqlError(f"Error in the JQL Query: {message} {token.where}")


def tokens(text: str) -> list[Token]:
    made: list[Token] = []
    line, begin = 1, 0
    for found in _TOKEN.finditer(text):
        kind = str(found.lastgroup)
        raw = found.group()
        token = Token(kind, raw, line, found.start() - begin + 1)
        if kind == "space":
            newlines = raw.count("\n")
            if newlines:
                line, begin = line + newlines, found.start() + raw.rindex("\n") + 1
            continue
        if kind == "open":
            raise fault(f"The quoted string '{text[found.start() + 1 :]}' has not been completed.", token)
        if kind == "bad":
            raise reserved_char(raw, token)
        if kind == "quoted":
            token = Token(kind, _unescape(raw[1:-1], token), token.line, token.char)
        elif kind == "word":
            for char in raw:
                if char in reserved.CHARACTERS:
                    raise reserved_char(char, token)
            token = Token(kind, _unescape(raw, token), token.line, token.char)
        made.append(token)
    made.append(Token("end", "", line, len(text) - begin + 1))
    return made


def reserved_char(char: str, token: Token) -> JqlError:
    return fault(
        f"The character '{char}' is a reserved JQL character. You must enclose it in a string or use the "
        f"escape '\\u{ord(char):04x}' instead.",
        token,
    )


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\", " ": " "}


def _unescape(text: str, token: Token) -> str:
    if "\\" not in text:
        return text

    def replace(found: re.Match[str]) -> str:
        body = found.group(1)
        if len(body) == 5:
            return chr(int(body[1:], 16))
        if body not in _ESCAPES:
            raise fault(
                f"'\\{body}' is an illegal JQL escape sequence. The valid escape sequences are \\', \\\", "
                "\\t, \\n, \\r, \\\\, '\\ ' and \\uXXXX.",
                token,
            )
        return _ESCAPES[body]

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", replace, text, flags=re.DOTALL)
