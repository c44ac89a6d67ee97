"""The bodies of requests: their fields, their texts, and the sentences about those that are refused."""
