"""Tasks of other evaluation tools, with their prompts, filters and metrics, where those tools are installed."""
