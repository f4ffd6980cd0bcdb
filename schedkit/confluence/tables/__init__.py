"""A table drawn anew and woven into what people typed."""
