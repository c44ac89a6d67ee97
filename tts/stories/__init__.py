"""The synthetic arithmetic stories of the bundled task."""
