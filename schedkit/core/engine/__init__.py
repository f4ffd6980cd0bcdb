"""The outcome of due times and runs, decided as plain values: without loop, thread, store or clock."""
