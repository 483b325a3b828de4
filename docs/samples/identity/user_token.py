"""A Convoship `user_token` for the user who is signed in to your site. Needs `pip install PyJWT`.

Run it on your server, never in the page: who has the secret can be anyone.
"""

import os
import sys
import time

import jwt


def user_token(user_id: str, name: str = "", email: str = "") -> str:
    """The token, good for an hour; make a fresh one for each page load."""
    claims = {"sub": user_id, "exp": int(time.time()) + 3600, "name": name, "email": email}
    return jwt.encode(claims, os.environ["CONVOSHIP_IDENTITY_SECRET"], algorithm="HS256")


if __name__ == "__main__":
    print(user_token(*sys.argv[1:]))
