"""The board as Prometheus reads it."""
