"""Notifications: runs that failed, are done or are late, sent to chats and mailboxes."""

from schedkit.notify.channel import Channel
from schedkit.notify.notices import Notice
from schedkit.notify.notifier import Notifier

__all__ = ["Channel", "Notice", "Notifier"]
