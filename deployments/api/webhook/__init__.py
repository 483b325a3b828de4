"""What customers' own bots post."""
