"""Lines on which it depends that no number is wrong, no row lost and nothing leaks, each with a wrong one."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MUTATIONS", "Mutation"]


class Mutation(NamedTuple):
    """A file of the package, what stands there, what is put in its place, and the test that has to notice."""

    file: str
    before: str
    after: str
    test: str


_JIRA = [
    Mutation(
        "jira/local_store/sync.py",
        "if completeness.missing:",
        "if False:",
        "jira/local_store/test_sync.py::test_what_could_not_be_fetched_is_asked_again",
    ),
    Mutation(
        "jira/local_store/sync.py",
        "if not fallen and not (before and now < self.min_rows):",
        "if True:",
        "jira/local_store/test_departures.py::test_a_great_fall_stops_unless_told_to_go_on",
    ),
    Mutation(
        "jira/local_store/sync.py",
        'for what in ("site", "jql", "requested"):',
        'for what in ("site",):',
        "jira/local_store/test_sync.py::test_a_store_serves_one_query",
    ),
    Mutation(
        "jira/jql.py",
        """.replace('"', '\\\\"')""",
        "",
        "jira/test_jql.py::test_quoting_keeps_the_text_together",
    ),
    Mutation(
        "jira/local_store/sync.py",
        "np.flatnonzero(~np.isin(before.ids, arrived))",
        "np.flatnonzero(np.isin(before.ids, arrived))",
        "jira/local_store/test_sync.py::test_following_a_site",
    ),
    Mutation(
        "jira/pages/completeness.py",
        '"complete": not self.missing and not self.cut,',
        '"complete": True,',
        "jira/search/test_lists.py",
    ),
    Mutation(
        "jira/pages/completeness.py",
        "elif updated > known:",
        "elif updated < known:",
        "jira/pages/test_completeness.py",
    ),
    Mutation(
        "jira/pages/completeness.py",
        "order[spots]\n    hits: npt.NDArray[np.int64] = found[ids[found] == target]",
        "order[spots]\n    hits: npt.NDArray[np.int64] = found",
        "jira/pages/test_completeness.py",
    ),
    Mutation(
        "jira/write/plan.py",
        'return "changed meanwhile", state',
        'return "done", state',
        "jira/write/test_plan.py",
    ),
    Mutation("jira/pages/requests.py", "if page.last is False:", "if False:", "jira/pages/test_requests.py"),
    Mutation(
        "jira/pages/requests.py",
        "if page.start is not None and page.start != start:",
        "if False:",
        "jira/pages/test_requests.py::test_another_window_than_asked_is_refused",
    ),
    Mutation(
        "jira/pages/requests.py",
        "        start += len(page.batch)",
        "        start = stop",
        "jira/pages/test_requests.py::test_what_is_missing_of_a_window_is_asked_again",
    ),
    Mutation(
        "jira/write/marks.py",
        'each.get("key") == PROPERTY',
        "False",
        "jira/write/test_entries.py::test_a_comment_that_was_reworded_since_is_known_by_its_mark",
    ),
]

_REQUESTS = [
    Mutation(
        "values/limits.py",
        "MAX_SITE_WAIT: Final = 900.0",
        "MAX_SITE_WAIT: Final = 9e9",
        "atlassian/test_retries.py",
    ),
    Mutation(
        "atlassian/retries.py",
        "if spent + wait > self.patience:",
        "if False:",
        "atlassian/test_retries.py",
    ),
    Mutation(
        "atlassian/rate_limiter.py",
        "            if seconds > left:\n",
        "            if False:\n",
        "atlassian/test_retries.py",
    ),
    Mutation(
        "atlassian/oauth.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "atlassian/test_secrets.py::test_a_token_server_that_misbehaves",
    ),
    Mutation(
        "atlassian/oauth.py",
        "Credentials(None, None, oauth2).scrub(error_text(body))",
        "error_text(body)",
        "atlassian/test_secrets.py::test_a_token_server_that_misbehaves",
    ),
    Mutation(
        "atlassian/credentials.py",
        'text = text.replace(secret, "***")',
        "pass",
        "atlassian/test_secrets.py::test_a_site_that_echoes_the_login",
    ),
    Mutation(
        "atlassian/transport.py",
        "if not request.raw and host",
        "if False and host",
        "atlassian/test_secrets.py",
    ),
    Mutation(
        "atlassian/transport.py",
        "prepared.headers.pop(name, None)",
        "pass",
        "atlassian/test_secrets.py::test_nothing_of_ours_goes_to_another_host_and_its_data_is_not_the_sites",
    ),
    Mutation(
        "atlassian/transport.py",
        "error.maybe_done = unsure and not request.repeatable",
        "error.maybe_done = False",
        "jira/write/test_plan.py",
    ),
    Mutation(
        "atlassian/transport.py",
        "error.maybe_done = not request.repeatable and not _never_sent(problem)",
        "error.maybe_done = False",
        "jira/write/test_plan.py::test_a_lost_answer_is_read_back_and_nothing_sent_twice",
    ),
    Mutation(
        "atlassian/unpacking.py",
        "        if size > most:\n",
        "        if size < 0:\n",
        "atlassian/test_unpacking.py::test_a_bomb_is_refused_after_a_bounded_part_of_it",
    ),
    Mutation(
        "values/secrets.py",
        r'_IN_QUERY.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", text))',
        "text",
        "values/test_secrets.py::test_passwords_of_urls_are_masked",
    ),
    Mutation(
        "values/secrets.py",
        "MASK if isinstance(inner, str) and _NAME.search(str(key)) else masked(inner)",
        "masked(inner)",
        "values/test_secrets.py::test_passwords_are_masked_wherever_they_stand",
    ),
]

_REPORTS = [
    Mutation("report/check.py", "    if why:\n", "    if False:\n", "report/test_check.py"),
    Mutation(
        "report/check.py",
        "    if lost > most * previous:",
        "    if False:",
        "report/test_check.py::test_a_drop_is_judged_against_the_last_good_run",
    ),
    Mutation(
        "report/check.py",
        "    if repeated.any():",
        "    if False:",
        "report/test_check.py::test_checks_stop_a_broken_frame",
    ),
    Mutation(
        "report/pipeline.py",
        'if any(report.extract[name].partial == "refuse" for name in lacking):',
        "if False:",
        "report/test_pipeline.py",
    ),
    Mutation(
        "report/pipeline.py", "        if step in earlier:", "        if False:", "report/test_begun_again.py"
    ),
    Mutation(
        "report/pipeline.py",
        "context.current().delivered(delivery.step, written)",
        "pass",
        "report/test_begun_again.py",
    ),
    Mutation("report/destination.py", 'if ".." in', 'if "?" in', "report/test_workbook.py"),
    Mutation(
        "report/workbook.py",
        'missing="keep" if incomplete(frame.attrs) else self.missing,',
        "missing=self.missing,",
        "report/test_pipeline.py::test_rows_of_a_site_that_is_missing_stay_where_they_are",
    ),
    Mutation(
        "notify/notices.py",
        "return _INERT.sub(lambda found: found[0] + _BREAK, _DOTTED.sub(_broken_domain, text))",
        "return text",
        "notify/test_notices.py::test_words_of_others_call_nobody",
    ),
]

_FILES = [
    Mutation("values/private.py", "PRIVATE = 0o600", "PRIVATE = 0o644", "values/test_private.py"),
    Mutation(
        "values/files.py",
        "                os.fsync(file.fileno())\n",
        "",
        "values/test_files.py::test_the_new_file_is_on_the_disk_before_the_old_one_goes",
    ),
    Mutation("excel/links.py", "if not is_web_address(target):", "if False:", "excel/test_links.py"),
    Mutation(
        "excel/idempotency.py",
        ">= self._next(table)",
        "> self._next(table)",
        "excel/test_idempotency.py::test_another_attempt_adds_nothing",
    ),
    Mutation(
        "excel/idempotency.py",
        "return known.with_append(self._effects.run, self._place(table), number)",
        "return known",
        "excel/test_idempotency.py::test_another_attempt_adds_nothing",
    ),
    Mutation(
        "excel/writing.py",
        "with file_lock(target):",
        "if True:",
        "excel/test_writing.py::test_ten_threads_that_append_lose_no_row",
    ),
    Mutation(
        "confluence/markup.py",
        '.replace("<", "&lt;")',
        "",
        "confluence/tables/test_merge.py::test_hostile_cells_are_text",
    ),
    Mutation(
        "confluence/markup.py",
        "return url.lower().startswith(_SCHEMES)",
        "return True",
        "confluence/test_markup.py::test_text_of_others_never_becomes_a_link_that_runs",
    ),
    Mutation(
        "confluence/tables/merge.py",
        "    if new.incomplete and rules.keys:",
        "    if False:",
        "confluence/tables/test_missing_rows.py::test_an_incomplete_frame_takes_no_row_away",
    ),
    Mutation(
        "confluence/tables/merge.py",
        "    if len(new) < rules.min_rows:",
        "    if False:",
        "confluence/tables/test_merge.py::test_a_frame_of_too_few_rows_stops",
    ),
    Mutation(
        "commands/log_handlers.py",
        '.replace("\\n", "\\n    ")',
        "",
        "commands/test_log_handlers.py",
    ),
]

_LEDGER = [
    Mutation(
        "core/store/lives.py",
        "gone.is_(None))\n        if connection.execute(mine.values(batch=batch))",
        "id != '')\n        if connection.execute(mine.values(batch=batch))",
        "core/store/test_lives.py::test_one_that_is_gone_neither_writes_nor_beats",
    ),
    Mutation(
        "core/store/commits.py",
        "END WHERE id = new.life AND gone IS NULL",
        "END WHERE id = new.life",
        "core/store/test_writer.py::test_nothing_is_written_by_a_life_that_is_gone",
    ),
    Mutation(
        "core/store/sections.py",
        'guarded=True, only="outcome IS NULL"',
        "guarded=True",
        "core/store/test_commits.py::test_an_attempt_that_has_ended_ends_once",
    ),
    Mutation(
        "core/store/sections.py",
        "schema.tasks.name, TASK, _HOME, guarded=True",
        "schema.tasks.name, TASK, _HOME",
        "core/store/test_commits.py::test_what_is_based_on_another_row_is_refused_whole",
    ),
    Mutation(
        "core/store/sections.py",
        "Update(schema.runs.name, MUTABLE, GUARD, guarded=True)",
        "Update(schema.runs.name, MUTABLE, GUARD)",
        "core/store/test_commits.py::test_what_is_based_on_another_row_is_refused_whole",
    ),
    Mutation(
        "core/store/retention.py",
        "(attempts, deliveries, details, waits)",
        "(attempts, details, waits)",
        "core/store/test_retention.py",
    ),
    Mutation(
        "core/store/retention.py",
        ".where(runs.c.id < id_at(before), runs.c.state.not_in(LIVE_STATES))",
        ".where(runs.c.id < id_at(before))",
        "core/store/test_retention.py",
    ),
    Mutation(
        "core/store/database.py",
        "make_private(self.path)",
        "pass",
        "core/store/test_ledger.py",
    ),
    Mutation(
        "core/store/database.py",
        "self.path is not None and _identity(self.path) != opened",
        "False",
        "core/store/test_file_gone.py::test_a_copy_put_in_its_place_is_another_file",
    ),
    Mutation(
        "core/store/foreign.py",
        "if tables and OURS not in tables:",
        "if False:",
        "core/store/test_foreign.py::test_another_programs_database_is_refused_and_not_changed",
    ),
    Mutation(
        "core/store/locks.py",
        "_lock_shared(file, position, length)\n        _open.add(self)",
        "pass\n        _open.add(self)",
        "core/store/test_guarded.py",
    ),
    Mutation(
        "core/store/backup.py",
        '        if found != ["ok"]:',
        "        if False:",
        "core/store/test_backup.py::test_an_index_without_a_row_is_damage",
    ),
]

_RUNS = [
    Mutation(
        "core/engine/deadlines.py",
        'if active.begun or (active.why == "cancel" and not active.wanted):',
        "if True:",
        "core/engine/test_deadlines.py",
    ),
    Mutation(
        "core/engine/attempts.py",
        "if active is None or active.attempt != stimulus.attempt:",
        "if active is None:",
        "core/engine/test_engine.py",
    ),
    Mutation(
        "core/engine/attempts.py",
        "if not (active.wanted and outcome is Outcome.DONE):",
        "if True:",
        "core/engine/test_moves.py",
    ),
    Mutation(
        "core/engine/attempts.py",
        "if run.id in state.abroad and wanted:",
        "if False:",
        "core/engine/test_moves.py",
    ),
    Mutation(
        "core/execution/storage.py",
        "with replacing(path, mode=PRIVATE) as new:\n            write(new.file)",
        "with open(path, 'wb') as file:\n            write(file)",
        "core/execution/test_results.py",
    ),
    Mutation(
        "core/execution/results.py",
        "        if not self.storage.holds(name):",
        "        if False:",
        "core/execution/test_results.py::test_a_reference_to_a_file_outside_is_neither_read_nor_removed",
    ),
    Mutation(
        "core/execution/run_context.py",
        "if self.attempt == 1 or",
        "if True or",
        "core/store/test_deliveries.py::test_another_attempt_knows_what_was_delivered",
    ),
    Mutation(
        "core/execution/run_context.py",
        "        if len(text) <= limit:",
        "        if True:",
        "core/execution/test_full_texts.py::test_a_long_log_line_is_cut_and_kept_whole_as_an_artifact",
    ),
]

MUTATIONS = [*_JIRA, *_REQUESTS, *_REPORTS, *_FILES, *_LEDGER, *_RUNS]
