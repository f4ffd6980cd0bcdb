"""Issues kept on disk: streamed, brought up to date, compared."""
