"""What an assistant knows beside its own content: reading sources, and finding the passages that answer a question."""
