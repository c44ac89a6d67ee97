"""llama.cpp's server as xllamacpp holds it, with one thread: serve.py MODEL.gguf NAME PORT CONTEXT SLOTS."""

import signal
import sys

import xllamacpp

model, name, port, context, slots = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = model, {name}
params.hostnames, params.port, params.endpoint_metrics = ["127.0.0.1"], int(port), True
params.n_ctx, params.n_parallel = int(context) * int(slots), int(slots)
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
signal.pause()
