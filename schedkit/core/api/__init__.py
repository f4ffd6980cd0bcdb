"""The facade: what people hold of a scheduler, its tasks and its runs."""
