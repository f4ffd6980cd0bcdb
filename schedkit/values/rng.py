"""Chance of our own: what a user draws after `random.seed` stays what it was, whatever runs beside it."""

from __future__ import annotations

from random import SystemRandom

chance = SystemRandom()
