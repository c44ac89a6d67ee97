"""The earlier name of :mod:`tts.engines.vllm.worker`, as written in ``vllm serve --worker-extension-cls`` commands."""

from tts.engines.vllm.worker import WorkerExtension as Watching

__all__ = ["Watching"]
