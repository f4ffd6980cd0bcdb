"""JQL tokens to tree: a recursive descent, with Jira's error sentences."""

from __future__ import annotations

import re

from schedkit.demo.jql import reserved
from schedkit.demo.jql.lex import Token, fault, reserved_char, tokens
from schedkit.demo.jql.tree import All, AnyOf, Call, Clause, Empty, Node, Not, Operand, Order, Query, Value

_OPERATORS = {"=", "!=", "<", ">", "<=", ">=", "~", "!~"}
_OPERATOR_LIST = "'=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'"
_MAX_DEPTH = 200
_PREDICATES = ("from", "to", "by", "after", "before", "on", "during")


def parse(text: str) -> Query:
    """Parse a query.

    Raises
    ------
    JqlError
        With the sentence Jira answers for that mistake.
    """
    return _Parser(tokens(text)).query()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
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
            raise fault(f"Expecting {wanted} but got '{self.next.text}'.", self.next)
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
            raise fault("The query is nested too deeply.", self.next)
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
            raise fault(f"Expecting {what} before the end of the query.", token)
        raise fault(f"Expecting {what} but got '{token.text}'.", token)

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

    def check_word(self, token: Token) -> None:
        if token.text.lower() in reserved.WORDS:
            raise fault(
                f"'{token.text}' is a reserved JQL word. You must surround it in quotation marks to use it "
                "in a query.",
                token,
            )
        for char in "[]":
            if char in token.text:
                raise reserved_char(char, token)

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
        if token.is_word("was", "changed"):
            return self.past(field)
        if token.kind == "end":
            raise fault(
                f"Expecting operator before the end of the query. The valid operators are {_OPERATOR_LIST}.",
                token,
            )
        raise fault(
            f"Expecting operator but got '{token.text}'. The valid operators are {_OPERATOR_LIST}.", token
        )

    def past(self, field: str) -> Clause:
        """``WAS``, ``WAS NOT IN``, ``CHANGED``, with what narrows them in time."""
        op = self.take().text.lower()
        operands: tuple[Operand, ...] = ()
        if op == "was":
            for word in ("not", "in"):
                if self.next.is_word(word):
                    self.take()
                    op += f" {word}"
            operands = self.operands() if op.endswith("in") else (self.operand(),)
        predicates: list[tuple[str, tuple[Operand, ...]]] = []
        while self.next.is_word(*_PREDICATES):
            word = self.take().text.lower()
            predicates.append((word, self.operands()))
        return Clause(field, op, operands, tuple(predicates))

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
