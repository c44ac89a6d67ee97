"""Models with the questions that they are asked, and the strategies that are measured on them."""
