"""Configuration: dataclasses are schemas, YAML files and ``key=value`` overrides fill them.

    load_config(RunConfig, ["configs/model/tiny.yaml"], ["questions=20", "strategies=esc,cges"])

``load`` merges and checks, ``overrides`` reads ``key=value``, ``keys`` lists the keys of a schema.
"""

from tts.config.load import from_mapping, load_config

__all__ = ["from_mapping", "load_config"]
