"""A responder that streams, for processes of the product: it is loaded by settings of the tests' own."""
