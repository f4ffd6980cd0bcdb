"""Jira Cloud: paging by token, bulk fetches, an estimate instead of a total."""

from __future__ import annotations

import base64
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schedkit.demo import answers, questions
from schedkit.demo.auth import with_bearer
from schedkit.demo.jira.desk import NOT_FOUND, Desk
from schedkit.demo.jql import JqlError
from schedkit.demo.world.model import Issue

_IDS_CAP, _FIELDS_CAP, _BULK_CAP, _KEPT_TOKENS = 5000, 100, 100, 2_000
_UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
_GONE = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration "
    "guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a token points: behind the issues last shown, of `seen` in all."""

    jql: str
    shown: tuple[int, ...]
    seen: int


class CloudDesk(Desk):
    """The endpoints only Cloud has. `page_cap` lowers both page limits."""

    page_cap: int | None = None

    def routes(self) -> list[Route]:
        self._cursors: OrderedDict[str, _Cursor] = OrderedDict()
        api = f"/rest/api/{self.dialect.api}"
        return [
            Route(f"{api}/search", self.gone, methods=["GET", "POST"]),
            Route(f"{api}/search/jql", self.search_jql, methods=["GET", "POST"]),
            Route(f"{api}/search/approximate-count", self.count, methods=["POST"]),
            Route(f"{api}/issue/bulkfetch", self.door.guard(self.bulkfetch), methods=["POST"]),
            Route(f"{api}/changelog/bulkfetch", self.door.guard(self.changelogs), methods=["POST"]),
            Route(f"{api}/issue/{{key}}/changelog", self.door.guard(self.changelog)),
            Route(f"{api}/worklog/list", self.door.guard(self.worklog_list), methods=["POST"]),
            Route(f"{api}/project/search", self.door.guard(self.projects)),
            *super().routes(),
        ]

    async def gone(self, request: Request) -> Response:
        return answers.refused(410, [_GONE])

    async def search_jql(self, request: Request) -> Response:
        body = await self._body(request)
        if not self.door.admits(request):
            if with_bearer(request):
                return self.door.refusal(request)
            # A failed login is reported in a header only: the answer looks like an empty result.
            return answers.json(
                {"issues": [], "isLast": True}, headers={"X-Seraph-Loginreason": "AUTHENTICATED_FAILED"}
            )
        refusal = _too_many_to_reconcile(body)
        if refusal is not None:
            return refusal
        with self.store.lock:
            jql = str(body.get("jql") or "")
            seen, shown = 0, tuple[int, ...]()
            token = body.get("nextPageToken")
            if token is not None:
                cursor = self._cursors.get(str(token))
                if cursor is None or (jql and jql != cursor.jql):
                    return answers.refused(400, ["The provided next page token is invalid or expired."])
                jql, shown, seen = cursor.jql, cursor.shown, cursor.seen
            found = self._ids(jql)
            if isinstance(found, Response):
                return found
            fields = self.encoder.choose(body.get("fields"), "id")
            cap = _FIELDS_CAP if fields else _IDS_CAP
            cap = min(cap, self.page_cap or cap)
            limit = max(1, min(questions.whole(body.get("maxResults"), 50), cap))
            start = _after(found, shown, seen)
            page = found[start : start + limit]
            made = self._page(page, fields, body)
            more = start + limit < len(found)
            if self.quirks.page_is_empty() and page:
                made, more = b'"issues":[]', True
                made += b',"nextPageToken":"%b"' % self._token(jql, shown, start).encode()
            elif self.quirks.repeat_token and token is not None:
                more = True
                made += b',"nextPageToken":"%b"' % str(token).encode()
            elif more:
                made += b',"nextPageToken":"%b"' % self._token(jql, page, start + limit).encode()
        return answers.raw(b"{" + made + b',"isLast":%b}' % (b"false" if more else b"true"))

    def _page(self, ids: tuple[int, ...], fields: tuple[str, ...], body: dict[str, Any]) -> bytes:
        issues = [i for n in ids if self.store.may_see(i := self.store.issues[n])]
        wanted = body.get("fields") or ["id"]
        expand = str(body.get("expand") or "").split(",")
        if any(expand):
            inside = self.expanded(issues, fields, expand)
        elif fields:
            inside = self.encoder.many(issues, fields)
        elif "key" in wanted:
            inside = b",".join([b'{"id":"%d","key":"%b"}' % (i.id, i.key.encode()) for i in issues])
        else:
            inside = b",".join([b'{"id":"%d"}' % i.id for i in issues])
        return b'"issues":[' + inside + b"]" + self.about_fields(fields, expand)

    def _ids(self, jql: str) -> tuple[int, ...] | Response:
        try:
            found = self.searcher.search(jql, unseen=self.quirks.filtered_late)
        except JqlError as fault:
            return answers.refused(400, fault.messages)
        return found.ids if found.bounded else answers.refused(400, [_UNBOUNDED])

    def _token(self, jql: str, shown: tuple[int, ...], seen: int) -> str:
        token = base64.urlsafe_b64encode(b"Ch" + secrets.token_bytes(30)).decode()
        self._cursors[token] = _Cursor(jql, shown, seen)
        if len(self._cursors) > _KEPT_TOKENS:
            self._cursors.popitem(last=False)
        return token

    async def _body(self, request: Request) -> dict[str, Any]:
        if request.method == "GET":
            return dict(request.query_params) | {"fields": request.query_params.getlist("fields")}
        return await questions.body_of(request)

    async def count(self, request: Request) -> Response:
        body = await self._body(request)
        if not self.door.admits(request):
            if with_bearer(request):
                return self.door.refusal(request)
            return answers.json({"count": 0}, headers={"X-Seraph-Loginreason": "AUTHENTICATED_FAILED"})
        found = self._ids(str(body.get("jql") or ""))
        if isinstance(found, Response):
            return found
        # An estimate: exact for small counts, then off by up to two per cent, as an index that lags would be.
        count = len(found)
        return answers.json(
            {"count": count if count < 500 else count - count // 50 + self.store.revision % 7}
        )

    async def bulkfetch(self, request: Request) -> Response:
        body = await self._body(request)
        wanted = body.get("issueIdsOrKeys")
        if not isinstance(wanted, list) or not wanted:
            return answers.refused(400, ["issueIdsOrKeys must not be empty."])
        if len(wanted) > _BULK_CAP:
            return answers.refused(400, [f"The number of issues to fetch exceeds the limit of {_BULK_CAP}."])
        with self.store.lock:
            issues: dict[int, Issue] = {}
            errors = []
            for name in wanted:
                issue = self.store.find(str(name))
                if issue is None or {issue.key, str(issue.id), str(name)} & self.quirks.bulk_errors:
                    errors.append({"id": str(name), "errorMessage": NOT_FOUND})
                else:
                    issues[issue.id] = issue
            # Ascending by id, whatever the order of the request.
            ordered = [issues[n] for n in sorted(issues)]
            fields = self.encoder.choose(body.get("fields"), "*navigable")
            expand = body.get("expand") or ()
            head, tail = b'{"issues":[', b'],"issueErrors":%b}' % answers.encoded(errors)
            if expand:
                inside = b",".join([self.issue_bytes(i, fields, expand) for i in ordered])
                return answers.raw(head + inside + tail)
            return answers.raw(self.encoder.many(ordered, fields, head, tail))

    async def changelogs(self, request: Request) -> Response:
        body = await self._body(request)
        wanted, only = body.get("issueIdsOrKeys") or [], body.get("fieldIds") or []
        if not 1 <= len(wanted) <= 1000 or len(only) > 10:
            return answers.refused(
                400, ["Between 1 and 1000 issues and at most 10 fieldIds may be asked for."]
            )
        token = str(body.get("nextPageToken") or "")
        start = questions.whole(base64.urlsafe_b64decode(token).decode(), 0) if token else 0
        limit = max(1, min(questions.whole(body.get("maxResults"), 1000), 10_000))
        with self.store.lock:
            issues = {i.id: i for name in wanted if (i := self.store.find(str(name))) is not None}
            entries = [
                (issue.id, entry)
                for _, issue in sorted(issues.items())
                for entry in self.store.history(issue)
                if not only or any(self.encoder.talk.field_id(change) in only for change in entry.changes)
            ]
            grouped: dict[int, list[bytes]] = {}
            for issue_id, entry in entries[start : start + limit]:
                grouped.setdefault(issue_id, []).append(self.encoder.talk.history(entry))
        logs = b",".join(
            [b'{"issueId":"%d","changeHistories":[%b]}' % (n, b",".join(made)) for n, made in grouped.items()]
        )
        after = b""
        if start + limit < len(entries):
            after = b',"nextPageToken":"%b"' % base64.urlsafe_b64encode(str(start + limit).encode())
        return answers.raw(b'{"issueChangeLogs":[%b]%b}' % (logs, after))

    async def changelog(self, request: Request) -> Response:
        with self.store.lock:
            issue = self.found(request)
            if isinstance(issue, Response):
                return issue
            start = questions.whole(request.query_params.get("startAt"), 0)
            limit = max(1, min(questions.whole(request.query_params.get("maxResults"), 100), 100))
            entries = self.encoder.histories(issue)
        page = entries[start : start + limit]
        last = b"true" if start + limit >= len(entries) else b"false"
        head = b'{"self":"%b","startAt":%d,"maxResults":%d,"total":%d,"isLast":%b,"values":['
        url = f"{self.values.rest}/issue/{issue.id}/changelog?startAt={start}&maxResults={limit}".encode()
        return answers.raw(head % (url, start, limit, len(entries), last) + b",".join(page) + b"]}")

    async def worklog_list(self, request: Request) -> Response:
        body = await self._body(request)
        ids = body.get("ids") or []
        if len(ids) > 1000:
            return answers.refused(400, ["At most 1000 worklogs may be asked for."])
        made = []
        with self.store.lock:
            for number in ids:
                issue = self.store.find(str(int(number) // 100))
                for log in self.store.worklogs(issue) if issue is not None else ():
                    if log.id == int(number) and issue is not None:
                        made.append(self.encoder.talk.worklog(issue, log))
        return answers.raw(b"[" + b",".join(made) + b"]")

    async def projects(self, request: Request) -> Response:
        params = request.query_params
        start, limit = (
            questions.whole(params.get("startAt"), 0),
            min(questions.whole(params.get("maxResults"), 50), 100),
        )
        query, keys = params.get("query", "").casefold(), params.getlist("keys")
        found = [
            p
            for p in self.store.catalog.projects
            if p not in self.store.closed
            and query in f"{p.key} {p.name}".casefold()
            and (not keys or p.key in keys)
        ]
        page = found[start : start + limit]
        return answers.json(
            {
                "self": f"{self.values.rest}/project/search?startAt={start}&maxResults={limit}",
                "startAt": start,
                "maxResults": limit,
                "total": len(found),
                "isLast": start + limit >= len(found),
                "values": [self.values.project(p) for p in page],
            }
        )


def _too_many_to_reconcile(body: dict[str, Any]) -> Response | None:
    wanted = body.get("reconcileIssues")
    count = len(wanted) if isinstance(wanted, list) else len(str(wanted).split(",")) if wanted else 0
    if count <= 50:
        return None
    return answers.refused(400, ["reconcileIssues must not hold more than 50 issue ids."])


def _after(ids: tuple[int, ...], shown: tuple[int, ...], seen: int) -> int:
    """Where the next page begins: behind the last issue shown that is still there."""
    if not shown:
        return seen
    if seen <= len(ids) and ids[seen - 1] == shown[-1]:
        return seen
    places = {number: place for place, number in enumerate(ids)}
    for number in reversed(shown):
        if number in places:
            return places[number] + 1
    return max(0, seen - len(shown))
