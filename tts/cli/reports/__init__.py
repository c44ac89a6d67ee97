"""Commands that report on recorded replies: the answers read from them, and the quality of their confidences."""
