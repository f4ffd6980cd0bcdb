"""JQL: text → tree → predicate and order. Errors carry Jira's own sentences."""

from schedkit.demo.jql.evaluate import Found, Searcher
from schedkit.demo.jql.tree import JqlError

__all__ = ["Found", "JqlError", "Searcher"]
