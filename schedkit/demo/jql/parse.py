"""JQL text to tree: a lexer and a recursive descent, with Jira's error sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schedkit.demo.jql import reserved
from schedkit.demo.jql.tree import (
    All,
    AnyOf,
    Call,
    Clause,
    Empty,
    JqlError,
    Node,
    Not,
    Operand,
    Order,
    Query,
    Value,
)

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
_OPERATORS = {"=", "!=", "<", ">", "<=", ">=", "~", "!~"}
_OPERATOR_LIST = "'=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'"
_MAX_DEPTH = 200


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # word | quoted | op | mark | end
    text: str
    line: int
    char: int

    @property
    def where(self) -> str:
        return f"(line {self.line}, character {self.char})"

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def _fault(message: str, token: _Token) -> JqlError:
    return JqlError(f"Error in the JQL Query: {message} {token.where}")


def _tokens(text: str) -> list[_Token]:
    made: list[_Token] = []
    line, begin = 1, 0
    for found in _TOKEN.finditer(text):
        kind = str(found.lastgroup)
        raw = found.group()
        token = _Token(kind, raw, line, found.start() - begin + 1)
        if kind == "space":
            newlines = raw.count("\n")
            if newlines:
                line, begin = line + newlines, found.start() + raw.rindex("\n") + 1
            continue
        if kind == "open":
            raise _fault(f"The quoted string '{text[found.start() + 1 :]}' has not been completed.", token)
        if kind == "bad":
            raise _reserved(raw, token)
        if kind == "quoted":
            token = _Token(kind, _unescape(raw[1:-1], token), token.line, token.char)
        elif kind == "word":
            for char in raw:
                if char in reserved.CHARACTERS:
                    raise _reserved(char, token)
            token = _Token(kind, _unescape(raw, token), token.line, token.char)
        made.append(token)
    made.append(_Token("end", "", line, len(text) - begin + 1))
    return made


def _reserved(char: str, token: _Token) -> JqlError:
    return _fault(
        f"The character '{char}' is a reserved JQL character. You must enclose it in a string or use the "
        f"escape '\\u{ord(char):04x}' instead.",
        token,
    )


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\", " ": " "}


def _unescape(text: str, token: _Token) -> str:
    if "\\" not in text:
        return text

    def replace(found: re.Match[str]) -> str:
        body = found.group(1)
        if len(body) == 5:
            return chr(int(body[1:], 16))
        if body not in _ESCAPES:
            raise _fault(
                f"'\\{body}' is an illegal JQL escape sequence. The valid escape sequences are \\', \\\", "
                "\\t, \\n, \\r, \\\\, '\\ ' and \\uXXXX.",
                token,
            )
        return _ESCAPES[body]

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", replace, text, flags=re.DOTALL)


def parse(text: str) -> Query:
    """Parse a query.

    Raises
    ------
    JqlError
        With the sentence Jira answers for that mistake.
    """
    return _Parser(_tokens(text)).query()


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def query(self) -> Query:
        where = None
        if self.next.kind != "end" and not self.next.is_word("order"):
            where = self.any_of()
        order = self.order() if self.next.is_word("order") else ()
        if self.next.kind != "end":
            wanted = "','" if order else "either 'OR' or 'AND'"
            raise _fault(f"Expecting {wanted} but got '{self.next.text}'.", self.next)
        return Query(where, order)

    def any_of(self) -> Node:
        parts = [self.all_of()]
        while self.next.is_word("or") or (self.next.kind == "op" and self.next.text == "||"):
            self.take()
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def all_of(self) -> Node:
        parts = [self.negated()]
        while self.next.is_word("and") or (self.next.kind == "op" and self.next.text == "&&"):
            self.take()
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def negated(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _fault("The query is nested too deeply.", self.next)
        try:
            if self.next.is_word("not") or (self.next.kind == "op" and self.next.text == "!"):
                self.take()
                return Not(self.negated())
            if self.next.kind == "mark" and self.next.text == "(":
                self.take()
                inner = self.any_of()
                if self.next.text != ")" or self.next.kind != "mark":
                    self.expect("')'" if self.next.kind == "end" else "either 'OR' or 'AND'")
                self.take()
                return inner
            return self.clause()
        finally:
            self.depth -= 1

    def expect(self, what: str) -> None:
        token = self.next
        if token.kind == "end":
            raise _fault(f"Expecting {what} before the end of the query.", token)
        raise _fault(f"Expecting {what} but got '{token.text}'.", token)

    def name(self) -> str:
        token = self.next
        if token.kind == "quoted":
            return self.take().text
        if token.kind != "word":
            self.expect("a field name")
        if re.fullmatch(r"cf\[\d+\]", token.text, re.IGNORECASE):
            return self.take().text.lower()
        self.check_word(token)
        return self.take().text

    def check_word(self, token: _Token) -> None:
        if token.text.lower() in reserved.WORDS:
            raise _fault(
                f"'{token.text}' is a reserved JQL word. You must surround it in quotation marks to use it "
                "in a query.",
                token,
            )
        for char in "[]":
            if char in token.text:
                raise _reserved(char, token)

    def clause(self) -> Clause:
        field = self.name()
        token = self.next
        if token.kind == "op" and token.text in _OPERATORS:
            self.take()
            return Clause(field, token.text, (self.operand(),))
        if token.is_word("in"):
            self.take()
            return Clause(field, "in", self.operands())
        if token.is_word("not") and self.tokens[self.at + 1].is_word("in"):
            self.at += 2
            return Clause(field, "not in", self.operands())
        if token.is_word("is"):
            self.take()
            op = "is"
            if self.next.is_word("not"):
                self.take()
                op = "is not"
            return Clause(field, op, (self.operand(),))
        if token.kind == "end":
            raise _fault(
                f"Expecting operator before the end of the query. The valid operators are {_OPERATOR_LIST}.",
                token,
            )
        raise _fault(
            f"Expecting operator but got '{token.text}'. The valid operators are {_OPERATOR_LIST}.", token
        )

    def operands(self) -> tuple[Operand, ...]:
        if self.next.text != "(" or self.next.kind != "mark":
            # `sprint in openSprints()` needs no parentheses.
            return (self.operand(),)
        self.take()
        made = [self.operand()]
        while self.next.kind == "mark" and self.next.text == ",":
            self.take()
            made.append(self.operand())
        if self.next.kind != "mark" or self.next.text != ")":
            self.expect("either ')' or ','")
        self.take()
        return tuple(made)

    def operand(self) -> Operand:
        token = self.next
        if token.kind == "quoted":
            return Value(self.take().text)
        if token.kind != "word":
            self.expect("either a value, list or function")
        if token.is_word("empty", "null"):
            self.take()
            return Empty()
        after = self.tokens[self.at + 1]
        self.check_word(token)
        self.take()
        if after.kind == "mark" and after.text == "(":
            self.take()
            args: list[str] = []
            while self.next.kind in ("word", "quoted"):
                args.append(self.take().text)
                if self.next.text == "," and self.next.kind == "mark":
                    self.take()
            if self.next.kind != "mark" or self.next.text != ")":
                self.expect("either ')' or ','")
            self.take()
            return Call(token.text, tuple(args))
        return Value(token.text)

    def order(self) -> tuple[Order, ...]:
        self.take()
        if not self.next.is_word("by"):
            self.expect("'by'")
        self.take()
        made: list[Order] = []
        while True:
            field = self.name()
            descending = self.next.is_word("desc")
            explicit = descending or self.next.is_word("asc")
            if explicit:
                self.take()
            made.append(Order(field, descending))
            if self.next.kind != "mark" or self.next.text != ",":
                return tuple(made)
            self.take()
