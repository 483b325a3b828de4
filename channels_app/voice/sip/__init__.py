"""Calls by SIP: the edge of `manage.py sip_edge` alone loads what is in here (aiosipua and aiortp: `make voice`)."""
