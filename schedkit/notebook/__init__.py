"""All that knows IPython: panel, magics, display, cells, streams; each module is imported at first use."""
