"""Tags of the pages of channels."""
