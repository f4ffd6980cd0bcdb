"""What becomes of due times and runs, decided as plain values: no loop, thread, store or clock in here."""
