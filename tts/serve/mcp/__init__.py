"""The MCP server: the tools of one model, over stdio or HTTP; importing this loads no SDK."""
