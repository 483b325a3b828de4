"""Stand-ins for providers: any connection can be tried without an account and without a network.

A stand-in is on our own origin. It checks what we send as the provider does, signs what it posts to our webhook as the
provider does, and misbehaves when told. Nothing in the rest of the product knows that it is none.
"""
