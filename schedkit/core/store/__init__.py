"""The SQL ledger: its writer, its readers, and the lives of processes."""
