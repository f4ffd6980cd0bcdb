"""A new table merged into what people typed."""
