"""Notifications: runs that failed, are done or are late, sent to chats and mailboxes."""

from schedkit.notify.channel import Channel
from schedkit.notify.heartbeats import Heartbeats
from schedkit.notify.notices import Notice
from schedkit.notify.notifier import Notifier
from schedkit.notify.rules import Rule

__all__ = ["Channel", "Heartbeats", "Notice", "Notifier", "Rule"]
