"""The report of runs as one page for a browser: the numbers as a plain document, and the HTML file that shows it."""
