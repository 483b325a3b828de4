"""Settings, read from the environment (docs/configuration.md lists every variable).

Beside a running `make run` a second terminal needs no environment: what the supervisor wrote to `.convoship/run.json`
stands in for variables that are not set.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ
import sentry_sdk
from django.core.exceptions import ImproperlyConfigured
from whitenoise.compress import Compressor

from convoship.lib import file_storage
from convoship.lib.crypto import parse_master_keys
from convoship.lib.outbound import clamd
from convoship.lib.outbound.addresses import allowlist
from convoship.machine import state

BASE_DIR = Path(__file__).resolve().parent.parent

state.fill_environment()
env = environ.Env()

TESTING = env.bool("CONVOSHIP_TESTING", default=False)
DEBUG = env.bool("DEBUG", default=False)
CONVOSHIP_ROLE = env.str("CONVOSHIP_ROLE", default="web")


def required(name: str) -> str:
    """The variable's value, or a refusal to start that says what to do."""
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. `make run` sets it up on one machine; on a server of your own set it in the "
            "environment "
            "(see docs/configuration.md)."
        )
    return value


# --- Keys ---------------------------------------------------------------------------------------------------------

SECRET_KEY = required("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# Master keys for secrets at rest, the newest first (`convoship/lib/crypto.py`).
required("CONVOSHIP_SECRETS_KEYS")
try:
    SECRETS_KEYS = parse_master_keys(env.list("CONVOSHIP_SECRETS_KEYS"))
except ValueError as error:
    raise ImproperlyConfigured(f"CONVOSHIP_SECRETS_KEYS: {error}.") from None

# --- Addresses ----------------------------------------------------------------------------------------------------

PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_BASE_URL)
if _public.scheme not in {"http", "https"} or not _public.hostname or _public.path:
    raise ImproperlyConfigured(
        f"PUBLIC_BASE_URL is {PUBLIC_BASE_URL!r}: it takes scheme://host[:port] and nothing after it."
    )
PUBLIC_IS_HTTPS = _public.scheme == "https"
PUBLIC_IS_LOCAL = _public.hostname in {"127.0.0.1", "localhost", "::1"}
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_public.hostname])
if PUBLIC_IS_LOCAL:
    ALLOWED_HOSTS += [name for name in ("127.0.0.1", "localhost", "[::1]") if name not in ALLOWED_HOSTS]
# Where the outside finds the sockets of calls' sound (`convoship.media`): a reverse proxy may lead their path there.
MEDIA_BASE_URL = env.str("MEDIA_BASE_URL", default=PUBLIC_BASE_URL).rstrip("/")
_media = urlsplit(MEDIA_BASE_URL)
if _media.scheme not in {"http", "https"} or not _media.hostname or _media.path:
    raise ImproperlyConfigured(
        f"MEDIA_BASE_URL is {MEDIA_BASE_URL!r}: it takes scheme://host[:port] and nothing after it."
    )
# Calls whose sound one such process carries, and those of one connection among them.
MEDIA_MOST_CALLS = env.int("MEDIA_MOST_CALLS", default=25)
MEDIA_MOST_CALLS_PER_CONNECTION = env.int("MEDIA_MOST_CALLS_PER_CONNECTION", default=20)
# Calls by SIP (`manage.py sip_edge`).
SIP_HOST = env.str("SIP_HOST", default="127.0.0.1")
SIP_PORT = env.int("SIP_PORT", default=5060)
SIP_PUBLIC_HOST = env.str("SIP_PUBLIC_HOST", default="")
SIP_DIGEST = env.list("SIP_DIGEST", default=["MD5"])
SIP_RTP_PORTS = env.str("SIP_RTP_PORTS", default="20000-20199")
# Another origin for visitors' files, or the same: whatever a file holds can then not touch the console's.
FILES_BASE_URL = env.str("FILES_BASE_URL", default=PUBLIC_BASE_URL).rstrip("/")
_files = urlsplit(FILES_BASE_URL)
if _files.scheme not in {"http", "https"} or not _files.hostname or _files.path:
    raise ImproperlyConfigured(
        f"FILES_BASE_URL is {FILES_BASE_URL!r}: it takes scheme://host[:port] and nothing after it."
    )
if _files.hostname not in ALLOWED_HOSTS and "*" not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(_files.hostname)
# Addresses (or networks) of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
STRANGER_SITE_URL = env.str("CONVOSHIP_STRANGER_SITE_URL", default="")
LOCAL_DIR = Path(env.str("CONVOSHIP_LOCAL_DIR", default=str(BASE_DIR / ".convoship")))

# --- What is installed --------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "daphne",
    "convoship.staff.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.forms",
    "channels",
    "corsheaders",
    "rest_framework",
    "adrf",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "axes",
    "csp",
    "django_htmx",
    "lucide",
    "convoship",
    "workspaces",
    "deployments",
    "channels_app",
    "widget",
]

MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "convoship.lib.middleware.api_errors_are_problems",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "convoship.lib.private_pages.private_pages",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "convoship.urls"
ASGI_APPLICATION = "convoship.asgi.application"
WSGI_APPLICATION = "convoship.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "convoship.pages.context.chrome",
            ],
            "builtins": ["lucide.templatetags.lucide"],
        },
    },
]

# --- Answers that wait for a model or a bot -----------------------------------------------------------------------

# How many processes of their own give them (`manage.py answers`); with 0 whoever takes a message answers it itself.
ANSWER_PROCESSES = env.int("ANSWER_PROCESSES", default=0)

# --- Data ---------------------------------------------------------------------------------------------------------

# Two roles on one database (docs/architecture.md, Tenancy): `default` is what the product runs as, under row-level
# security; `owner` owns the tables and is used by migrations alone.
# Off where a pooler lends connections by the transaction and keeps no prepared statements (PgBouncer before 1.21).
DATABASE_PREPARES = env.bool("DATABASE_PREPARES", default=True)
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=16)
_pool = {"min_size": 0, "max_size": DATABASE_POOL_SIZE, "timeout": 10, "max_idle": 60}
# Or it would wait for minutes between two attempts after the database was away for one.
_pool["reconnect_timeout"] = 10
DATABASES = {
    "default": env.db_url_config(required("DATABASE_URL")),
    "owner": env.db_url_config(required("MIGRATE_DATABASE_URL")),
}
for _alias in DATABASES.values():
    _alias["ENGINE"] = "django.db.backends.postgresql"
    _alias.setdefault("OPTIONS", {})["connect_timeout"] = 5
# Under ASGI each request has another thread, so persistent connections do not work; the pool lends them.
DATABASES["default"]["OPTIONS"]["pool"] = _pool
if DATABASE_PREPARES:
    # A statement is prepared when it comes for the third time (`convoship.lib.statements`).
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 2
DATABASE_ROUTERS = ["convoship.lib.database.OwnerMigrates"]

REDIS_URL = required("REDIS_URL")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": env.str("CONVOSHIP_CHANNEL_LAYER", default="channels_redis.pubsub.RedisPubSubChannelLayer"),
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_connect_timeout": 2}], "prefix": "convoship"},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 10, "socket_connect_timeout": 2, "max_retries": 1}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "deployments.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "sweep_mails": {"task": "deployments.tasks.sweep_mails", "schedule": 5.0, "options": {"expires": 5}},
    "sweep_people": {"task": "deployments.tasks.sweep_people", "schedule": 10.0, "options": {"expires": 10}},
    "read_knowledge": {"task": "deployments.tasks.read_knowledge", "schedule": 5.0, "options": {"expires": 5}},
    "sweep_callbacks": {"task": "deployments.tasks.sweep_callbacks", "schedule": 60.0, "options": {"expires": 60}},
    "sweep_files": {"task": "deployments.tasks.sweep_files", "schedule": 60.0, "options": {"expires": 60}},
}

# --- People who sign in -------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "workspaces.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_ADAPTER = "workspaces.accounts.AccountAdapter"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_RATE_LIMITS = {} if TESTING else {"signup": "20/h/ip", "reset_password": "20/h/ip,5/h/key"}
# django-axes counts failures for allauth's form and Django admin alike.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "login"
AXES_USERNAME_CALLABLE = "workspaces.sign_in_failures.username"
AXES_CLIENT_IP_CALLABLE = "convoship.lib.client_ip.of_request"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "errors/locked_out.html"
# Successful sign-ins are not axes' matter, and a sign-in link's path holds its secret.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_ENABLED = env.bool("AXES_ENABLED", default=True)

# --- Mail: without EMAIL_URL it goes to the local mailbox page that `make run` links --------------------------------

EMAIL_URL = env.str("EMAIL_URL", default="")
if EMAIL_URL:
    vars().update(env.email_url_config(EMAIL_URL))
    EMAIL_TIMEOUT = 10
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(LOCAL_DIR / "mail")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"Convoship <no-reply@{_public.hostname}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# The local mailbox shows everyone's mail, so only `make run` turns it on, and only requests from this machine see it.
LOCAL_MAILBOX = env.bool("CONVOSHIP_LOCAL_MAILBOX", default=False) and not EMAIL_URL and PUBLIC_IS_LOCAL
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "optional"
# Whose events say that a mail came back: at /v1/public/mail/<name>/tracking, and nowhere where none is named.
EMAIL_TRACKING = env.str("EMAIL_TRACKING", default="")
EMAIL_WEBHOOK_SECRET = env.str("EMAIL_WEBHOOK_SECRET", default="")
EMAIL_WEBHOOK_SIGNING_KEY = env.str("EMAIL_WEBHOOK_SIGNING_KEY", default="")
if EMAIL_TRACKING not in {"", "postmark", "mailgun", "sendgrid", "brevo", "resend"}:
    raise ImproperlyConfigured(
        f"EMAIL_TRACKING is {EMAIL_TRACKING!r}: it takes postmark, mailgun, sendgrid, brevo or resend, or nothing."
    )
if EMAIL_TRACKING == "mailgun" and not EMAIL_WEBHOOK_SIGNING_KEY:
    raise ImproperlyConfigured(
        "EMAIL_TRACKING is mailgun: set EMAIL_WEBHOOK_SIGNING_KEY to its HTTP webhook signing key."
    )
if EMAIL_TRACKING not in {"", "mailgun"} and ":" not in EMAIL_WEBHOOK_SECRET:
    raise ImproperlyConfigured(
        "EMAIL_TRACKING needs EMAIL_WEBHOOK_SECRET: user:password, random, as they stand in the webhook's address."
    )
ANYMAIL = {"WEBHOOK_SECRET": EMAIL_WEBHOOK_SECRET}
if EMAIL_WEBHOOK_SIGNING_KEY:
    # Brevo and Postmark sign nothing: theirs is the secret in the address alone.
    ANYMAIL |= {
        "MAILGUN_WEBHOOK_SIGNING_KEY": EMAIL_WEBHOOK_SIGNING_KEY,
        "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": EMAIL_WEBHOOK_SIGNING_KEY,
    }

# --- What browsers are told ---------------------------------------------------------------------------------------

RUNTIME_PATH = "/v1/public/runtime"
CHANNELS_PATH = "/v1/public/channels"
# Any origin is echoed so that the widget can read why it was refused; the wall is the view's own origin check
# (CONTRACT section 4). Allow-all would send `*`.
CORS_URLS_REGEX = rf"^{RUNTIME_PATH}/.*$"
CORS_ALLOWED_ORIGIN_REGEXES = [r"^.*$"]
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "user-agent",
    "x-csrftoken",
    "x-requested-with",
    "prefer",
    "last-event-id",
    "if-none-match",
]
CORS_EXPOSE_HEADERS = ["Retry-After", "ETag"]

_socket_origin = PUBLIC_BASE_URL.replace("http", "ws", 1)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "https:", *([FILES_BASE_URL] if FILES_BASE_URL != PUBLIC_BASE_URL else [])],
        # Recordings of calls are played over links to files.
        "media-src": ["'self'", *([FILES_BASE_URL] if FILES_BASE_URL != PUBLIC_BASE_URL else [])],
        "font-src": ["'self'"],
        "connect-src": ["'self'", *dict.fromkeys([_socket_origin, MEDIA_BASE_URL.replace("http", "ws", 1)])],
        "form-action": ["'self'"],
        "frame-src": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_IS_HTTPS
SESSION_COOKIE_NAME = "__Host-sessionid" if PUBLIC_IS_HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if PUBLIC_IS_HTTPS else "csrftoken"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
CSRF_FAILURE_VIEW = "convoship.pages.errors.csrf_failed"
if PUBLIC_IS_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^healthz/worker$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

# --- Static files -------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("CONVOSHIP_STATIC_ROOT", default=str(LOCAL_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # What visitors and members send. Beside the data, never below what is served as static.
    "files": file_storage.in_folder(env.str("CONVOSHIP_FILES_ROOT", default=str(LOCAL_DIR / "files"))),
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG or TESTING
            else "convoship.machine.staticfiles.Storage"
        )
    },
}
# Or in a bucket (docs/configuration.md).
if _bucket := env.str("FILES_STORAGE_URL", default=""):
    try:
        STORAGES["files"] = file_storage.at(_bucket)
    except ValueError as error:
        raise ImproperlyConfigured(f"FILES_STORAGE_URL can't be used: {error}.") from None
# What looks into files for viruses, if anything does (`deployments/scanning.py`).
FILES_SCANNER = env.str("FILES_SCANNER", default="")
if "://" in FILES_SCANNER:
    try:
        clamd.at(FILES_SCANNER)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"FILES_SCANNER is {FILES_SCANNER!r}: {error}, or a callable's dotted path."
        ) from None
# The widget's own build puts a content hash into names; Django's storage does the same for the rest.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+\.[0-9a-f]{12}\..+$"
WHITENOISE_USE_FINDERS = DEBUG or TESTING
# Source maps are most of the bytes and nobody's page load; compressing them would cost the first start 15 s.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*Compressor.SKIP_COMPRESS_EXTENSIONS, "map"]

# --- API ----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["convoship.lib.parsers.StrictJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "convoship.lib.problems.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Convoship API",
    "DESCRIPTION": "Errors are `application/problem+json`; lists are cursor pages; times are ISO 8601 UTC.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "PATH_CONVERTER_OVERRIDES": {"id": {"type": "string", "format": "uuid"}},
    "POSTPROCESSING_HOOKS": ["convoship.api_docs.finish"],
}
# Forms of our own pages: the largest script has a few thousand fields. JSON bodies are bounded by StrictJSONParser.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

# --- Calls out of the product (convoship/lib/outbound) --------------------------------------------------------------

try:
    OUTBOUND_ALLOWLIST = allowlist(env.list("CONVOSHIP_PRIVATE_ALLOWLIST", default=[]))
except ValueError as error:
    raise ImproperlyConfigured(f"CONVOSHIP_PRIVATE_ALLOWLIST: {error}.") from None
OUTBOUND_ALLOW_PRIVATE = env.bool("CONVOSHIP_ALLOW_PRIVATE_NETWORK", default=False)
# Where Twilio keeps files that came with messages: its API leads there, and no credentials go along.
TWILIO_MEDIA_HOSTS = tuple(
    host.strip(" .").lower()
    for host in ["twiliocdn.com", "amazonaws.com", *env.list("TWILIO_MEDIA_HOSTS", default=[])]
    if host.strip(" .")
)

# --- Faults on purpose, for tests alone (convoship/lib/failpoints.py) -------------------------------------------------

FAILPOINTS = env.str("CONVOSHIP_FAILPOINTS", default="")
FAILPOINT_LOG = env.str("CONVOSHIP_FAILPOINT_LOG", default="")

# --- Limits (docs/configuration.md); "N/seconds" -------------------------------------------------------------------

LIMITS = {
    "visitor_messages": env.str("LIMIT_VISITOR_MESSAGES", default="20/10"),
    "visitor_handoffs": env.str("LIMIT_VISITOR_HANDOFFS", default="10/60"),
    "visitor_files": env.str("LIMIT_VISITOR_FILES", default="20/60"),
    "member_files": env.str("LIMIT_MEMBER_FILES", default="60/60"),
    "files_per_ip": env.str("LIMIT_FILES_PER_IP", default="60/60"),
    "files_per_ip_and_day": env.str("LIMIT_FILES_PER_IP_AND_DAY", default="300/86400"),
    "files_per_workspace": env.str("LIMIT_FILES_PER_WORKSPACE", default="1000/3600"),
    "files_overall": env.str("LIMIT_FILES_OVERALL", default="5000/3600"),
    "workspace_file_bytes": env.int("LIMIT_WORKSPACE_FILE_BYTES", default=5 * 1024**3),
    "waiting_file_bytes": env.int("LIMIT_WAITING_FILE_BYTES", default=500 * 1024**2),
    "free_disk_bytes": env.int("LIMIT_FREE_DISK_BYTES", default=500 * 1024**2),
    "visitor_sockets": env.int("LIMIT_VISITOR_SOCKETS", default=20),
    "sessions_per_ip": env.str("LIMIT_SESSIONS_PER_IP", default="60/60"),
    "sessions_per_deployment": env.str("LIMIT_SESSIONS_PER_DEPLOYMENT", default="600/60"),
    "page_checks": env.str("LIMIT_PAGE_CHECKS", default="20/60"),
    "connection_tests": env.str("LIMIT_CONNECTION_TESTS", default="20/60"),
    "tries": env.str("LIMIT_TRIES", default="60/60"),
    "rehearsals": env.str("LIMIT_REHEARSALS", default="120/60"),
    "rehearsal_calls": env.str("LIMIT_REHEARSAL_CALLS", default="600/60"),
    "test_pages": env.str("LIMIT_TEST_PAGES", default="60/60"),
    "continue_pages": env.str("LIMIT_CONTINUE_PAGES", default="60/60"),
    "member_mails_per_workspace": env.str("LIMIT_MEMBER_MAILS_PER_WORKSPACE", default="120/3600"),
    "mail_stops": env.str("LIMIT_MAIL_STOPS", default="600/60"),
    "knowledge_sources": env.int("LIMIT_KNOWLEDGE_SOURCES", default=200),
    "knowledge_pages": env.int("LIMIT_KNOWLEDGE_PAGES", default=1000),
    "knowledge_characters": env.int("LIMIT_KNOWLEDGE_CHARACTERS", default=5_000_000),
    "knowledge_workspace_characters": env.int("LIMIT_KNOWLEDGE_WORKSPACE_CHARACTERS", default=50_000_000),
    "knowledge_sources_added": env.str("LIMIT_KNOWLEDGE_SOURCES_ADDED", default="120/3600"),
    "knowledge_fetches": env.str("LIMIT_KNOWLEDGE_FETCHES", default="60/3600"),
    "knowledge_searches": env.str("LIMIT_KNOWLEDGE_SEARCHES", default="120/60"),
    "reply_mails_per_address": env.str("LIMIT_REPLY_MAILS_PER_ADDRESS", default="20/86400"),
    "reply_mails_per_workspace": env.str("LIMIT_REPLY_MAILS_PER_WORKSPACE", default="2000/86400"),
}

# --- Language, time, logs -----------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.channels.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        # It would write every address that is called.
        "httpx": {"level": "WARNING"},
        # They would write what is said to models, whatever LOG_LEVEL is.
        "openai": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}

SENTRY_DSN = env.str("SENTRY_DSN", default="")
if SENTRY_DSN:
    # Neither visitors' texts nor addresses leave with an error report.
    sentry_sdk.init(SENTRY_DSN, send_default_pii=False, max_request_body_size="never", include_local_variables=False)

# A failpoint kills or stops the process on purpose; it may never be armed on a server by accident.
if FAILPOINTS and not (DEBUG or TESTING):
    sys.exit("CONVOSHIP_FAILPOINTS is set while DEBUG is off: unset it (or set CONVOSHIP_TESTING=1 in a fault test).")
