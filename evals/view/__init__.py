"""A report over a local server: lists by query, questions when they are opened, numbers computed aside."""
