"""Declaring: every spelling normalised, every mistake refused where it is made, by name."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from schedkit.core.model import After, Rate, Retry, Task
from schedkit.core.states import Overlap, Priority
from schedkit.core.tasks.base import BaseTask
from schedkit.core.tasks.declare import declare, declare_data, marked, replaced, task
from schedkit.core.tasks.registry import Registry
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import DeclarationError, ParameterError, TriggerError


def extract(project: str = "KAFKA") -> str:
    """Extract a project.

    More words.
    """
    return project


def other() -> None: ...


def test_a_plain_function_with_defaults() -> None:
    made = declare(extract)
    assert (made.name, made.function, made.trigger) == ("extract", extract, None)
    assert made.description == "Extract a project."
    assert (made.timeout, made.priority, made.overlap) == (3600.0, Priority.MEDIUM, Overlap.SKIP)
    assert (made.max_instances, made.coalesce, made.misfire_grace) == (1, True, None)
    assert made.retry == Retry()


def test_every_spelling_of_every_option() -> None:
    made = declare(
        extract,
        "0 7 * * mon-fri",
        name="renamed",
        retry=3,
        timeout="10m",
        priority="HIGH",
        after=[other, "parent", After("loose", on="any"), "parent"],
        overlap="Queue",
        tags=["a", "b", "a"],
        rate="3/10s",
        runs_in="thread",
        misfire_grace=timedelta(minutes=1),
        jitter=5,
        params={"project": "X"},
        description="said",
    )
    assert made.trigger == cron("0 7 * * mon-fri")
    assert made.retry == Retry(attempts=3)
    assert (made.name, made.timeout, made.priority, made.overlap) == ("renamed", 600, 20, Overlap.QUEUE)
    assert made.after == (After("other"), After("parent"), After("loose", on="any"))
    assert made.tags == ("a", "b")
    assert made.rate == Rate(3, 10)
    assert (made.misfire_grace, made.jitter, made.description) == (60, 5, "said")
    again = declare(
        extract, timeout=None, rate="5/min", tags="one", priority=7, after="p", retry=Retry(attempts=2)
    )
    assert (again.timeout, again.rate, again.tags, again.priority) == (None, Rate(5, 60), ("one",), 7)
    assert declare(extract, rate=Rate(1, 1)).rate == Rate(1, 1)
    assert declare(extract, rate="100/h").rate == Rate(100, 3600)


@pytest.mark.parametrize(
    ("option", "spellings", "value"),
    [
        ("retry", [3, "3", Retry(attempts=3), {"attempts": 3}, {"max_retries": 2}, {}], Retry(attempts=3)),
        (
            "retry",
            [
                {"max_attempts": 2, "retry_delay": "5s", "backoff_factor": 1},
                {"attempts": "2", "delay": 5, "backoff": "1"},
            ],
            Retry(attempts=2, delay=5, backoff=1),
        ),
        ("timeout", ["5m", 300, "300", timedelta(minutes=5), "0h5m"], 300.0),
        ("timeout", [None, "none"], None),
        ("priority", ["high", "HIGH", 20, "20", Priority.HIGH], Priority.HIGH),
        ("overlap", ["queue", " Queue", Overlap.QUEUE], Overlap.QUEUE),
        ("runs_in", ["thread", "threadpool"], "thread"),
        ("runs_in", ["auto", "default", None], "auto"),
        ("max_instances", [2, "2", " 2"], 2),
        ("coalesce", [False, "false", "False"], False),
        ("rate", ["5/min", "5 / min", "5/60s", Rate(5, 60)], Rate(5, 60)),
        ("after", ["p", ["p"], After("p"), {"task": "p"}, [{"task": "p", "on": "success"}]], (After("p"),)),
        ("after", [After("p", on="any"), {"task": "p", "on": "any"}], (After("p", on="any"),)),
        ("tags", ["a", ["a"], ("a", "a"), {"a"}], ("a",)),
        ("jitter", [None, 0, "0s"], 0.0),
    ],
)
def test_every_spelling_of_a_value_is_the_same_value(
    option: str, spellings: list[object], value: object
) -> None:
    for spelling in spellings:
        assert getattr(declare_data(extract, None, {option: spelling}), option) == value, spelling


def test_other_spellings_of_a_name_are_accepted_once() -> None:
    made = declare_data(extract, None, {"misfire_grace_time": "5m", "executor": "processpool"})
    assert (made.misfire_grace, made.runs_in) == (300.0, "process")
    with pytest.raises(DeclarationError, match="misfire_grace_time and misfire_grace are the same option"):
        declare_data(extract, None, {"misfire_grace_time": 1, "misfire_grace": 1})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"timeout": 0}, r"task 'extract': timeout=0 \(longer than 0s"),
        ({"timeout": "-5"}, "task 'extract': timeout: invalid duration '-5'"),
        ({"timeout": "soon"}, "task 'extract': timeout: invalid duration 'soon'"),
        ({"priority": "urgent"}, "priority='urgent'.*'low', 'medium', 'high'"),
        ({"priority": True}, "priority=True"),
        ({"overlap": "pile up"}, "overlap='pile up'.*'skip', 'queue', 'cancel', 'allow'"),
        ({"rate": "five a minute"}, "rate='five a minute'.*'5/min'"),
        ({"rate": "5"}, "rate='5'"),
        ({"rate": "0/min"}, "task .extract.: rate=.0/min."),
        ({"retry": "some"}, r"retry='some'.*in YAML {attempts: 3"),
        ({"retry": True}, "retry=True"),
        ({"retry": 0}, "task .extract.: retry=0 .the number of tries in all"),
        ({"runs_in": 5}, "runs_in=5"),
        ({"priority": 10**30}, "priority=10+ .*a whole number up to 1000000"),
        ({"name": "a\x00b"}, "name='a.*b' .a name has no control characters"),
        ({"name": "\ud800"}, "a name has no control characters"),
        ({"name": "x" * 201}, "201 characters are too many .at most 200"),
        ({"timeout": 1e300}, "timeout: invalid duration 1e.300"),
        ({"jitter": "9" * 20}, "longer than a century"),
        ({"max_instances": 0}, "max_instances=0"),
        ({"misfire_grace": 0}, "misfire_grace=0"),
        ({"runs_in": "moon"}, "runs_in='moon' .'auto', 'thread', 'process', 'dask' or a"),
        ({"after": "extract"}, "depends on itself"),
        ({"after": 5}, "after=5 .name a task"),
        ({"after": ["one", 5]}, "after=5: expected a task name or TaskHandle"),
        ({"rate": 5}, "rate=5 "),
        ({"max_instances": "two"}, "max_instances='two' .a whole number, at least 1"),
        ({"catch_up": "all"}, "catch_up='all'"),
        ({"coalesce": "no"}, "coalesce='no' .True or False"),
        ({"enabled": "no"}, "enabled='no'"),
        ({"tags": 5}, "tags=5"),
        ({"tags": ["one", 5]}, r"tags=\['one', 5\] .tags='one', or tags="),
        ({"params": [1]}, r"params=\[1\] .a mapping"),
        ({"on_failure": "mail"}, "on_failure='mail' .it is a function"),
        ({"name": 7}, "task 7: name=7 .write text"),
        ({"name": " padded"}, "no spaces around it"),
        ({"name": "a/b"}, "no / or"),
        ({"name": "a\\b"}, "no / or"),
        ({"name": ".."}, r"it is not \. or \.\."),
        ({"name": "a\x9b31m"}, "no control characters"),
        ({"name": "txt\u202egpj"}, "no control characters"),
        ({"link": "javascript:alert(1)"}, "link='javascript:alert.1.' .a web address"),
        ({"link": 5}, "link=5"),
        ({"after": {"task": "p", "onn": "any"}}, "after: unknown option 'onn' .did you mean 'on'"),
        ({"after": {"on": "any"}}, "after={'on': 'any'} .write {task: NAME"),
        ({"after": None}, "after=None"),
        ({"retry": {"delay": -5}}, "task .extract.: retry: delay=-5,.*delays are 0 or more"),
        ({"retry": {"attempts": 3, "delai": 5}}, "retry: unknown option 'delai' .did you mean 'delay'"),
        ({"retry": {"delay": "soon"}}, "retry: delay: invalid duration 'soon'"),
        ({"retry": {"backoff": 0.5}}, "retry: backoff=0.5 .a number, at least 1"),
    ],
)
def test_mistakes_are_refused_by_name(options: dict[str, object], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        declare(extract, **options)


def test_a_task_needs_a_name_of_its_own() -> None:
    with pytest.raises(DeclarationError, match=r"a lambda has no name, and a task needs one.*name='…'"):
        declare(lambda: None)
    with pytest.raises(DeclarationError, match="a partial has no name"):
        declare(functools.partial(extract, "X"))
    assert declare(lambda: None, name="named").name == "named"
    assert declare(functools.partial(extract, project="X"), name="bound").description == ""


@pytest.mark.parametrize("place", ["process", "thread", "executor"])
def test_a_coroutine_cannot_be_sent_elsewhere(place: str) -> None:
    async def coroutine() -> None: ...

    assert declare(coroutine).runs_in == "auto"
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(DeclarationError, match=r"task 'coroutine': runs_in=.* with async def.*plain def"),
    ):
        declare(coroutine, runs_in=pool if place == "executor" else place)


def test_what_is_no_task() -> None:
    def produces() -> Iterator[int]:
        yield 1

    with pytest.raises(DeclarationError, match="5 is not callable"):
        declare(5)
    with pytest.raises(DeclarationError, match="produces is a generator"):
        declare(produces)
    with pytest.raises(TriggerError, match="42 is not a trigger"):
        declare(extract, 42)


def test_params_are_checked_where_they_are_declared() -> None:
    def needs(project: str, limit: int = 5) -> None: ...

    with pytest.raises(ParameterError, match=r"task 'needs': unknown parameter 'projekt' .did you mean"):
        declare(needs, params={"projekt": "X"})
    with pytest.raises(ParameterError, match="parameter 'limit' is 'many', expected int"):
        declare(needs, params={"limit": "many"})
    # On demand, whoever submits can give it; a schedule and a parent cannot.
    assert declare(needs).trigger is None
    with pytest.raises(ParameterError, match=r"task 'needs' needs the parameter 'project' \(str\)"):
        declare(needs, "@daily")
    with pytest.raises(ParameterError, match="needs the parameter 'project'"):
        declare(needs, after="parent")


def test_a_marked_function_stays_a_function() -> None:
    @task(every("1h"), retry=2, tags="nightly")
    def sync(pages: int = 1) -> int:
        return pages + 1

    assert sync(4) == 5
    made = marked(sync)
    assert made is not None
    assert (made.name, made.trigger, made.retry.attempts, made.tags) == ("sync", every("1h"), 2, ("nightly",))
    assert marked(extract) is None
    assert marked(5) is None
    with pytest.raises(DeclarationError, match="priority='urgent'"):
        task(priority="urgent")(extract)


def test_a_parent_is_known_by_the_name_it_was_given() -> None:
    @task(name="nightly-load")
    def load() -> None: ...

    class Weekly(BaseTask):
        name = "weekly"

        def execute(self) -> None: ...

    class Unnamed(BaseTask):
        def execute(self) -> None: ...

    parents = [load, Weekly, Weekly(), Unnamed, Unnamed(), other]
    assert [parent.task for parent in declare(extract, after=parents).after] == [
        "nightly-load",
        "weekly",
        "Unnamed",
        "other",
    ]
    assert [parent.task for parent in declare(extract, after=Weekly()).after] == ["weekly"]


def test_a_copy_is_checked_again() -> None:
    made = declare(extract, "@daily")
    assert replaced(made, name="copy").name == "copy"
    with pytest.raises(DeclarationError, match=r"timeout=-1\.0"):
        replaced(made, timeout=-1.0)
    with pytest.raises(ParameterError, match="unknown parameter 'x'"):
        replaced(made, params={"x": 1})


def chain(*names: str) -> Registry:
    registry = Registry()
    for parent, name in zip((None, *names), names, strict=False):
        registry.add(Task(name=name, function=other, after=(After(parent),) if parent else ()))
    return registry


def test_the_registry_is_a_mapping() -> None:
    registry = chain("a", "b")
    assert list(registry) == ["a", "b"]
    assert len(registry) == 2
    assert registry["b"].after == (After("a"),)
    assert "c" not in registry
    first = registry["a"]
    assert registry.add(Task(name="a", function=extract)) is first
    assert registry["a"].function is extract


def test_unknown_parents_are_refused() -> None:
    registry = chain("a")
    orphan = Task(name="x", function=other, after=(After("nobody"),))
    with pytest.raises(
        DeclarationError, match=r"'x' depends on 'nobody', which is not declared here.*known: a"
    ):
        registry.add(orphan)
    with pytest.raises(DeclarationError, match="declare the parent first; there are none"):
        Registry().add(orphan)
    misspelt = Task(name="x", function=other, after=(After("extarct"),))
    with pytest.raises(DeclarationError, match="did you mean 'extract'"):
        chain("extract").add(misspelt)
    with pytest.raises(DeclarationError, match="declare the parent first") as caught:
        chain(*(f"t{number}" for number in range(500))).add(orphan)
    assert len(str(caught.value)) < 600
    # A parent whose cell has not run yet is known from the ledger.
    registry.add(orphan, known={"nobody"})
    assert "x" in registry


def test_cycles_are_refused_and_drawn() -> None:
    registry = chain("a", "b", "c")
    with pytest.raises(DeclarationError, match="'a' would wait for itself: a after c after b after a"):
        registry.add(Task(name="a", function=other, after=(After("c"),)))
    assert registry["a"].after == ()
    # Two ways to the same parent are no cycle.
    registry.add(Task(name="d", function=other, after=(After("b"), After("c"), After("a"))))
    # A long one is one, too, and a long way is none.
    long = chain(*map(str, range(3000)))
    with pytest.raises(DeclarationError, match="'0' would wait for itself: 0 after 2999 after 2998 after"):
        long.add(Task(name="0", function=other, after=(After("2999"),)))


def test_a_parent_cannot_be_removed_under_its_child() -> None:
    registry = chain("a", "b")
    with pytest.raises(DeclarationError, match="'a' cannot be removed: 'b' depends on it"):
        registry.remove("a")
    assert registry.remove("b") is not None
    assert registry.remove("a") is not None
    assert registry.remove("a") is None


def test_a_tag_finds_its_handler() -> None:
    registry = Registry()
    registry.add(declare(extract, name="jira", tags="JIRA_TASK_EXP"))
    assert registry.handler("JIRA_TASK_EXP").name == "jira"
    assert registry.handler("jira").name == "jira"
    assert registry.handler("unknown", also=["JIRA_TASK_EXP"]).name == "jira"
    # A task made from the handler by request carries its tag and its function.
    registry.add(declare(extract, name="asked for", tags="JIRA_TASK_EXP"))
    assert registry.handler("JIRA_TASK_EXP").name == "jira"
    registry.add(declare(other, name="rival", tags="JIRA_TASK_EXP"))
    assert [t.name for t in registry.tagged("JIRA_TASK_EXP")] == ["jira", "asked for", "rival"]
    with pytest.raises(DeclarationError, match=r"several tasks have the tag.*'jira', 'asked for', 'rival'"):
        registry.handler("JIRA_TASK_EXP")
    with pytest.raises(DeclarationError, match=r"no task is named or tagged 'x'.*known: .*JIRA_TASK_EXP"):
        registry.handler("x")
    with pytest.raises(DeclarationError, match="there are none"):
        Registry().handler("x")


def test_parentheses_may_be_left_out() -> None:
    @task
    def bare() -> int:
        return 1

    made = marked(bare)
    assert made is not None
    assert (bare(), made.name, made.trigger) == (1, "bare", None)


def test_an_option_that_is_none_names_its_neighbour() -> None:
    with pytest.raises(DeclarationError, match=r"^unknown option 'retries' \(did you mean 'retry'\?\)"):
        task(retries=3)(other)
    with pytest.raises(DeclarationError, match=r"^unknown option 'zzz' \(known: name, description, "):
        task(zzz=3)(other)


def test_a_cron_that_is_no_text() -> None:
    with pytest.raises(TriggerError, match=r"cron\(None\): the expression is text"):
        cron(None)


def test_the_registry_bears_many_threads() -> None:
    registry = Registry()

    def add(start: int) -> None:
        for i in range(start, 400, 4):
            registry.add(Task(name=f"t{i}", function=other))
            list(registry)

    threads = [threading.Thread(target=add, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry) == 400
