"""All that knows IPython: panel, magics, display, declarations of cells, captured streams.

Importing it connects schedkit to IPython: ``import schedkit`` does so where IPython is loaded, and so do the
commands that execute notebooks. Widgets are imported at their first use.
"""

from schedkit.notebook.front_end import connect

connect()
