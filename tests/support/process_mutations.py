"""More lines as those of `mutations`: what processes share, what is delivered, who may use the server."""

from __future__ import annotations

from support.mutations import Mutation

__all__ = ["PROCESS_MUTATIONS"]

_CLAIMS = [
    Mutation(
        "core/engine/claims.py",
        "if waiting is None or asked != number:",
        "if waiting is None:",
        "core/engine/test_claims.py::test_a_claim_of_an_engine_before_this_one_counts_no_more",
    ),
    Mutation(
        "core/engine/claims.py",
        "elif use.held + sum(rank < mine for rank in use.ahead) < limit.most:",
        "elif use.held < limit.most:",
        "core/engine/test_claims.py::test_a_claim_leaves_room_to_those_of_others_that_wait_with_a_smaller_rank",
    ),
    Mutation(
        "core/engine/claims.py",
        "same = needs == (now.keys, now.shared, now.counted, now.rate)",
        "same = True",
        "core/engine/test_claims.py::test_a_claim_is_given_up_if_its_run_is_not_to_start_any_more",
    ),
    Mutation(
        "core/engine/claims.py",
        "            if lacking:\n",
        "            if False:\n",
        "core/engine/test_claims.py::test_a_limit_that_is_declared_while_runs_go_on_counts_them",
    ),
    Mutation(
        "core/engine/claims.py",
        "self._state.queue.release(run)\n        if self._held.pop(run, None):",
        "self._state.queue.release(run)\n        if False:",
        "core/engine/test_claims.py::test_a_run_of_a_limited_tag_starts_once_its_claim_is_written",
    ),
    Mutation(
        "core/store/sections.py",
        "{used} + c.earlier >=",
        "{used} >=",
        "core/store/test_commits.py::test_a_claim_is_granted_while_there_is_room",
    ),
    Mutation(
        "core/store/sections.py",
        "(h.held = 1 OR ({first}))",
        "(h.held = 1)",
        "core/store/test_commits.py::test_two_processes_share_a_limit_in_the_order_of_their_ranks",
    ),
]

_DECLARING = [
    Mutation(
        "core/engine/declaring.py",
        "if found.seq < state.last_seq or (about",
        "if (about",
        "core/engine/test_foreign_events.py::test_a_declaration_is_refused_that_knows_less_than_the_engine",
    ),
    Mutation(
        "core/engine/declaring.py",
        "(about and self._are_unwritten(about, stimulus.written))",
        "False",
        "core/engine/test_foreign_events.py",
    ),
    Mutation(
        "core/engine/declaring.py",
        "            if id in self._attempts.active:\n",
        "            if False:\n",
        "core/engine/test_foreign_events.py::test_a_task_that_left_is_run_no_more_but_for_what_runs",
    ),
    Mutation(
        "core/engine/declaring.py",
        "if run.state is State.RUNNING and run.id not in found.here | found.abroad:",
        "if run.state is State.RUNNING:",
        "core/engine/test_foreign_events.py::test_a_task_comes_back_to_where_one_of_its_runs_is",
    ),
    Mutation(
        "core/node/declarations.py",
        "same = at is not None and codes.get((at.life, name)) == code",
        "same = at is not None",
        "core/node/test_homes.py::test_other_code_is_refused_with_the_name_of_the_home",
    ),
    Mutation(
        "core/node/declarations.py",
        "if codes.get((home, name)) in (None, code_of(task)):",
        "if True:",
        "core/node/test_dispatcher.py::test_a_former_home_with_other_code_does_not_have_the_task_any_more",
    ),
    Mutation(
        "core/node/declarations.py",
        "if at is None or not self._declared_since(name, at):",
        "if True:",
        "core/node/test_declaring.py::test_a_removal_of_before_a_declaration_does_not_take_it_back",
    ),
]

_LIVES = [
    Mutation(
        "core/store/lives.py",
        "    if row is None or row.alive:\n",
        "    if row is None:\n",
        "core/store/test_lives.py::test_a_life_of_another_process_ends_with_it",
    ),
    Mutation(
        "core/store/lives.py",
        "    for table in (beats, claims):",
        "    for table in (beats,):",
        "core/store/test_commits.py::test_what_a_life_held_is_free_once_it_has_ended",
    ),
    Mutation(
        "core/store/lives.py",
        "if abs(offset - self.offset) > max(after - before, OFFSET_NOISE):",
        "if True:",
        "core/store/test_lives.py::test_a_slow_answer_to_a_beat_sets_no_clock_wrong",
    ),
    Mutation(
        "core/node/node.py",
        "                except LifeEndedError:  # before it serves\n"
        "                    self._note_lost(life)\n"
        "                finally:\n",
        "                finally:\n",
        "core/node/test_node.py::test_who_is_taken_for_dead_again_while_it_is_born_again_goes_on",
    ),
    Mutation(
        "core/store/writer.py",
        "self._halted = self._ended is None",
        "self._halted = False",
        "core/store/test_writer.py::test_of_a_refused_group_all_before_the_cause_are_written",
    ),
    Mutation(
        "core/store/writer.py",
        "if not (told and self._was_committed()):",
        "if True:",
        "core/store/test_writer.py::test_what_is_decided_there_is_written_once_though_the_answer_is_lost",
    ),
    Mutation(
        "core/store/writer.py",
        "if self._ended is None and self._healthy():",
        "if self._ended is None:",
        "core/store/test_writer.py::test_a_life_is_told_while_there_is_nothing_to_write",
    ),
    Mutation(
        "core/store/writer.py",
        "if not self._in_burst or now - self._looked > LOOK_SECONDS:",
        "if False:",
        "core/store/test_file_gone.py::test_what_is_submitted_waits_until_the_file_is_back",
    ),
]

_WORKERS = [
    Mutation(
        "core/execution/cluster/worker.py",
        "if HomeLease(lease.seconds, call.asked).stops(time.monotonic()):",
        "if False:",
        "core/execution/cluster/test_worker.py"
        "::test_a_call_that_came_while_the_worker_stood_still_does_not_begin",
    ),
    Mutation(
        "core/execution/cluster/worker.py",
        "if lease is not None and not lease.stops(time.monotonic()):",
        "if lease is not None:",
        "core/execution/cluster/test_worker.py::test_a_call_of_a_home_that_has_fallen_silent_does_not_begin",
    ),
    Mutation(
        "core/execution/cluster/worker.py",
        "        if carried.lost:\n",
        "        if False:\n",
        "core/execution/cluster/test_worker.py::test_a_call_whose_home_falls_silent_is_ended_whatever_its_grace",
    ),
    Mutation(
        "core/execution/cluster/worker.py",
        "task.function is None or code != call.code:",
        "task.function is None:",
        "core/execution/cluster/test_worker.py::test_a_call_for_another_worker_or_other_code_is_refused",
    ),
]

_GUARD = [
    Mutation(
        "server/guard.py",
        "if _host_name(text) not in self._names:",
        "if False:",
        "server/test_guard.py::test_the_host_must_be_ours",
    ),
    Mutation(
        "server/guard.py",
        "        if needed in who.scopes:\n",
        "        if True:\n",
        "server/test_guard.py::test_this_machine_reads_and_acts_and_does_not_administer",
    ),
    Mutation(
        "server/guard.py",
        "if unsafe and bearer is None and (why",
        "if False and (why",
        "server/test_guard.py::test_pages_of_other_origins_change_nothing",
    ),
    Mutation(
        "server/guard.py",
        'same = origin.partition("://")[2].lower() == host.lower()',
        "same = True",
        "server/test_guard.py::test_pages_of_other_origins_change_nothing",
    ),
    Mutation(
        "server/guard.py",
        " and not any(name in headers for name in FORWARDED)",
        "",
        "server/test_guard.py::test_a_proxy_on_this_machine_is_not_this_machine",
    ),
    Mutation(
        "server/guard.py",
        "            return self.by_token(bearer) or _WRONG_TOKEN\n",
        "            if access := self.by_token(bearer):\n                return access\n",
        "server/test_guard.py::test_a_wrong_login_is_not_taken_for_none",
    ),
    Mutation(
        "server/guard.py",
        "if len(found.get(name, ())) > 1]",
        "if len(found.get(name, ())) > 9]",
        "server/test_guard.py::test_a_header_that_decides_comes_once",
    ),
    Mutation(
        "server/guard.py",
        "if address is not None and str(address) in self.proxies:",
        "if headers.get(self.user_header.encode()):",
        "server/test_guard.py::test_a_proxy_that_is_trusted_names_the_user",
    ),
]

_FILES = [
    Mutation(
        "core/store/deliveries.py",
        "        self._call(write).result()",
        "        self._call(write)",
        "core/store/test_deliveries.py::test_a_delivery_that_cannot_be_recorded_is_told",
    ),
    Mutation(
        "confluence/plans/update.py",
        "        if stored.version <= state.version:\n",
        "        if False:\n",
        "confluence/test_client.py::test_a_put_that_an_empty_answer_swallows_is_an_error",
    ),
    Mutation(
        "confluence/plans/update.py",
        "        if late is not None:\n",
        "        if False:\n",
        "confluence/plans/test_late_comments.py"
        "::test_an_inline_comment_between_reading_and_writing_is_restored",
    ),
    Mutation(
        "values/files.py",
        "            os.replace(part, place)\n",
        "            shutil.copy(part, place)\n",
        "values/test_files.py",
    ),
    Mutation(
        "values/files.py",
        "    part.chmod(stat.S_IMODE(old.st_mode))\n",
        "",
        "values/test_files.py::test_a_link_is_followed_and_the_mode_kept",
    ),
    Mutation(
        "values/files.py",
        "(host == _host() and _abandoned(part))",
        "host == _host()",
        "values/test_files.py::test_what_a_killed_writer_left_is_swept_and_a_living_ones_is_not",
    ),
]

PROCESS_MUTATIONS = [*_CLAIMS, *_DECLARING, *_LIVES, *_WORKERS, *_GUARD, *_FILES]
