"""``tts mcp``: an MCP server over stdio in front of a verifier and a solver."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli.app import app
from tts.cli.grammar import sort_arguments
from tts.cli.servers.serve import serve
from tts.cli.verbosity import is_quiet, set_log_level
from tts.errors import UnsupportedError


@app.command(
    schema="tts.serve.config:ServedConfig",
    examples=("tts mcp", "tts mcp configs/serve/grace.yaml budget=8 serve.limits.time_limit_s=30"),
)
def mcp(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG...] [KEY=VALUE...]",
            help="YAML files, each of one model named like its file, and overrides such as budget=8 or model=tiny.",
        ),
    ] = None,
    http: Annotated[bool, typer.Option("--http", help="Serve over HTTP, at /mcp of `tts serve`.")] = False,
) -> None:
    """Serve models to an agent by the Model Context Protocol.

    Speaks over standard input and output, as an entry in a client's settings file starts it. The tool `verify` judges
    an answer, `solve` answers a question with as many samples as it needs. Without a file it serves the bundled GrACE
    model.
    """
    import logging

    if http:
        serve(arguments)
        return

    from tts.serve.config import ServedConfig

    try:
        from tts.serve.mcp.server import create_mcp
        from tts.serve.mcp.stdio import kept_stdout, serve_stdio
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("mcp", "mcp_types", "pydantic", "starlette"):
            raise
        raise UnsupportedError(
            f"`tts mcp` needs the package {package}: pip install 'tts-rerank[mcp]', or in the clone "
            "pip install -e '.[mcp]'"
        ) from None
    from tts.engines.loop import LOOP
    from tts.serve.kept import open_kept
    from tts.serve.mcp.calls import Calls
    from tts.serve.models import open_models

    files, overrides = sort_arguments(ServedConfig, arguments or ())
    if not logging.getLogger().handlers:
        set_log_level("error" if is_quiet() else "warning")
    with kept_stdout() as give_back:
        models, config = open_models(files, overrides)
        kept = None if config.pool is None else LOOP.run(open_kept(config.pool))
        server = create_mcp(models, config.limits, Calls(kept))
        give_back()
        serve_stdio(server)
        if kept is not None:
            kept.close()
