"""The admin API of connections, and of what goes over them."""
