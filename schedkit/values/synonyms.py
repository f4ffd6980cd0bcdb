"""Words that mean the same in other libraries: what a person may mean by a name that is not known here."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["same_meaning"]

# Each line: words of one meaning, as pandas, jira, atlassian-python-api, requests, APScheduler, Airflow,
# Celery, Prefect and others use them. Compared without case and underscores.
_MEANINGS = """
limit max_results max max_rows max_issues nrows count top first n maximum page_size size total
fields columns cols usecols field column attributes
keep keep_columns preserve protect
missing gone on_missing deleted stale orphans if_missing
jql query filter search expression q
path file filename file_name file_path output out target dest destination filepath excel_writer io
sheet sheet_name sheets worksheet tab sheet_names
template workbook book
timeout time_limit max_time max_runtime execution_timeout soft_time_limit deadline expires time_out
retry retries max_retries attempts max_attempts tries num_retries stop_after
delay retry_delay wait sleep retry_delay_seconds countdown
backoff backoff_factor multiplier exponential_backoff retry_backoff
tz timezone time_zone zone tzinfo
user username user_name email login account mail
token api_token apikey api_key pat access_token bearer token_auth secret pw passwd
password pw passwd
url server host base_url baseurl link address site_url endpoint
verify ssl verify_ssl ssl_verify check_hostname insecure cert_verify
proxies proxy
rate rate_limit throttle max_rate requests_per_minute
concurrency max_workers workers parallel parallelism threads n_jobs num_workers pool_size max_parallel
max_instances concurrency parallel max_active_runs limit
runs_in executor mode where backend pool run_in in_process process
after depends_on dependencies upstream parents requires follows wait_for
misfire_grace_time misfire grace grace_time catchup tolerance max_lateness
priority prio importance weight
tags labels tag groups
name id task_id job_id title task_name job_name
description doc docs comment help summary text
trigger schedule cron interval schedule_interval every when
start start_date start_time begin since from_date not_before run_date eta
end end_date end_time until stop to_date not_after
seconds second secs sec
minutes minute mins
hours hour hrs
days day
key index primary_key on key_column id_column by
region table anchor range area
title name heading
space space_key spacekey
page page_id pageid id
columns fields cols column keep_columns
summary overview dashboard
params parameters kwargs arguments args inputs op_kwargs
ledger database db jobstore store db_path
append mode if_exists
min_rows minimum_rows at_least
create if_missing new
overlap coalesce skip_if_running
expand include
states state status statuses
"""
_GROUPS = [line.split() for line in _MEANINGS.splitlines() if line]


def same_meaning(name: object, known: Iterable[object], most: int = 3) -> list[str]:
    """Return the known names that mean what `name` means in other libraries.

    Examples
    --------
    >>> same_meaning("max_results", ["jql", "limit", "fields"])
    ['limit']
    >>> same_meaning("maxResults", ["jql", "limit"])
    ['limit']
    """
    asked = _plain(name)
    groups = [group for group in _GROUPS if any(_plain(word) == asked for word in group)]
    # The words that a group begins with say best what it means.
    ranks: dict[str, int] = {}
    for group in groups:
        for rank, word in enumerate(group):
            ranks.setdefault(_plain(word), rank)
    found = [str(each) for each in known if _plain(each) in ranks and _plain(each) != asked]
    return sorted(found, key=lambda each: ranks[_plain(each)])[:most]


def _plain(name: object) -> str:
    return str(name)[:200].casefold().replace("_", "").replace("-", "")
