"""Programs and packages of examples/ that have tests of their own."""
