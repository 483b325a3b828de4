"""Calls by SIP from telephones that are not ours, in a network of their own (`make sip`)."""
