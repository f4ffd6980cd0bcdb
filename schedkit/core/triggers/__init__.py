"""When: triggers, wall clocks, and what becomes of the times they name."""
