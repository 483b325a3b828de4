"""Settings of the toys; what changes between variants is in the environment."""

import os
from typing import Any
from urllib.parse import urlsplit

_database = urlsplit(os.environ["TOY_DATABASE_URL"])

SECRET_KEY = "bench-only"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.bench.toy.urls"
ASGI_APPLICATION = "tests.bench.toy.asgi.application"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "channels",
    "tests.bench.toy",
]
LOGGING_CONFIG = None
STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("TOY_STATIC_ROOT", "")
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"] if STATIC_ROOT else []
# A consumer's threads keep their connections; under HTTP each request has a thread of its own, so there is a pool.
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path[1:],
        "USER": _database.username,
        "PASSWORD": _database.password,
        "HOST": _database.hostname,
        "PORT": _database.port,
        "CONN_MAX_AGE": 0 if os.environ.get("TOY_POOL") else None,
        "OPTIONS": {"pool": {"min_size": 4, "max_size": 16}} if os.environ.get("TOY_POOL") else {},
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "prefix": "toy"},
    }
}
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}
