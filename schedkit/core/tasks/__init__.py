"""Declaring tasks: every spelling (decorator, class, YAML, request) ends in one checked `Task`."""
