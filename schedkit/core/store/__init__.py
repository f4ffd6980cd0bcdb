"""What happened: the SQL ledger, its one writer, its readers, and the lives of processes."""
