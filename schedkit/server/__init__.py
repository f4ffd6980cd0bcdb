"""The server: a REST interface of a scheduler, with access control.

`asgi` makes the application, to be mounted in one's own; `Server` serves it from a thread.
"""

from schedkit.values.extras import requires_extra

with requires_extra("server", "the server and its REST interface"):
    from schedkit.server.app import asgi
    from schedkit.server.options import ServerOptions
    from schedkit.server.serving import Server

__all__ = ["Server", "ServerOptions", "asgi"]
