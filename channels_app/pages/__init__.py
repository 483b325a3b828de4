"""The pages of Operate, Channels."""
