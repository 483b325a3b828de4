"""Routes of accounts and workspaces.

django-allauth's views under addresses of our own; what it offers beyond these (codes, phones, several addresses) is not
routed, so it is not there.
"""

from allauth.account import views as allauth
from django.urls import path, re_path

from workspaces import pages, secret_pages

urlpatterns = [
    path("sign-in/", allauth.login, name="account_login"),
    path("sign-in/<str:secret>/", pages.sign_in_link, name="sign_in_link"),
    path("sign-up/", allauth.signup, name="account_signup"),
    path("sign-out/", allauth.logout, name="account_logout"),
    path("account/", pages.account, name="account_email"),
    path("account/name", pages.account_rename, name="account_rename"),
    path("account/verify", pages.account_verify, name="account_verify"),
    path("account/verify/sent/", allauth.email_verification_sent, name="account_email_verification_sent"),
    path("account/verify/<str:key>/", allauth.confirm_email, name="account_confirm_email"),
    path("account/closed/", allauth.account_inactive, name="account_inactive"),
    path("account/again/", allauth.reauthenticate, name="account_reauthenticate"),
    path("account/password/", allauth.password_change, name="account_change_password"),
    path("account/password/set/", allauth.password_set, name="account_set_password"),
    path("account/password/reset/", allauth.password_reset, name="account_reset_password"),
    path("account/password/reset/sent/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^account/password/reset/(?P<uidb36>[0-9A-Za-z_]+)-(?P<key>[^/]+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "account/password/reset/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("app/new-workspace/", pages.workspace_new, name="workspace_new"),
    path("app/workspaces/", pages.workspace_choose, name="workspace_choose"),
    path("app/workspace/", pages.workspace, name="workspace"),
    path("app/workspace/name", pages.workspace_rename, name="workspace_rename"),
    path("app/workspace/api-keys/new", pages.api_key_create, name="api_key_create"),
    path("app/workspace/api-keys/<uuid:key_id>/revoke", pages.api_key_revoke, name="api_key_revoke"),
    path("app/workspace/secrets/", secret_pages.secrets, name="secrets"),
    path("app/workspace/secrets/new", secret_pages.secret_new, name="secret_new"),
    path("app/workspace/secrets/<str:key>/replace", secret_pages.secret_replace, name="secret_replace"),
    path("app/workspace/secrets/<str:key>/withdraw", secret_pages.secret_withdraw, name="secret_withdraw"),
    path("app/workspace/secrets/<str:key>/delete", secret_pages.secret_delete, name="secret_delete"),
]
