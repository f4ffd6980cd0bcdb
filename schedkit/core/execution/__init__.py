"""How tasks run: executors, attempts, and how attempts end."""
