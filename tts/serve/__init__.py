"""The servers: an OpenAI-compatible gateway in front of solvers and verifiers; importing this loads none of them."""
