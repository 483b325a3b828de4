"""The pictures of README and docs, from the running product: `make screenshots`."""
