"""Tools and the calls of tools as answers: one spelling of JSON, the check by a schema, and agreement."""
