"""Commands of the server and of services: serve, token, service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schedkit.commands.entries.arguments import AsJson, Files, Ledger, ServiceName, ServicePort

__all__ = ["serving"]

serving = typer.Typer()
tokens = typer.Typer(help="Make, list and revoke the tokens of the server.", no_args_is_help=True)
services = typer.Typer(help="Have a schedule run from the start of this machine on.", no_args_is_help=True)
PANEL = "Serve"
serving.add_typer(services, name="service", rich_help_panel=PANEL)
serving.add_typer(tokens, name="token", rich_help_panel=PANEL)


@serving.command(rich_help_panel=PANEL)
def serve(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Reports (.yaml), task modules, notebooks.")
    ] = None,
    host: Annotated[str, typer.Option(metavar="H", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 means a free port.", min=0, max=65535)
    ] = 8000,
    host_name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A host name that clients use; repeatable.")
    ] = None,
    require_token: Annotated[
        bool, typer.Option("--require-token", help="Require a token from clients of this machine too.")
    ] = False,
    proxy: Annotated[
        list[str] | None, typer.Option(metavar="IP", help="A proxy that authenticates users; repeatable.")
    ] = None,
    user_header: Annotated[
        str, typer.Option(metavar="NAME", help="The header in which that proxy names the user.")
    ] = "X-Forwarded-User",
    proxy_scope: Annotated[
        str, typer.Option(metavar="S", help="What users of the proxy may do: read, act or admin.")
    ] = "read",
    ledger: Ledger = None,
) -> None:
    """Serve REST on a port; run the tasks that the files declare, or only show what others run."""
    from schedkit.commands.serve import serve_files
    from schedkit.server import ServerOptions

    options = ServerOptions(
        host=host,
        port=port,
        host_names=tuple(host_name or ()),
        loopback=not require_token,
        proxies=tuple(proxy or ()),
        user_header=user_header,
        proxy_scope=proxy_scope,
    )
    serve_files(files or [], options, ledger=ledger)


@tokens.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Who uses it; recorded with every action.")],
    scope: Annotated[str, typer.Option(metavar="S", help="read, act or admin.")] = "read",
    ledger: Ledger = None,
) -> None:
    """Create a token and print it; it is not shown again."""
    from schedkit.commands.token import new_token

    new_token(name, scope=scope, ledger=ledger)


@tokens.command("list")
def list_all(as_json: AsJson = False, ledger: Ledger = None) -> None:
    """List the tokens, also revoked ones."""
    from schedkit.commands.token import list_tokens

    list_tokens(as_json=as_json, ledger=ledger)


@tokens.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="Name or id of a token.")], ledger: Ledger = None
) -> None:
    """Revoke a token; its sessions and streams end within seconds."""
    from schedkit.commands.token import revoke_token

    revoke_token(name, ledger=ledger)


@services.command("install")
def install(
    files: Files = None, name: ServiceName = None, port: ServicePort = None, ledger: Ledger = None
) -> None:
    """Run the tasks that files, or else the settings, declare as a service of your user."""
    from schedkit.commands.service import install_service

    install_service(files or [], name=name, port=port, ledger=ledger)


@services.command("status")
def status(name: ServiceName = None, as_json: AsJson = False) -> None:
    """Tell whether the service is installed and runs; the exit code is 1 if it does not."""
    from schedkit.commands.service import service_status

    service_status(name=name, as_json=as_json)


@services.command("remove")
def remove(name: ServiceName = None) -> None:
    """End the service, and have it start no more."""
    from schedkit.commands.service import remove_service

    remove_service(name=name)
