"""Issues as typed columns: what the wire holds, decoded into a frame."""
