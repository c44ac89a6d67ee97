"""Scripted servers of OpenAI's interface, over real HTTP: a plain one, and one for each quirk."""
