import pytest
from tests import factories
from tests.pages.conftest import text
from convoship.lib.tenancy import tenant

@pytest.mark.django_db
def test_all(browser, workspace):
    made = factories.make_deployment(workspace)
    opened = factories.start_session(made)
    a = made.deployment.assistant_id
    key = factories.make_api_key(workspace)
    for path in ["/", "/account/", "/account/password/", "/account/password/set/", "/app/new-workspace/", "/app/workspaces/", "/app/workspace/", "/app/assistants/", "/app/assistants/new",
        f"/app/assistants/{a}/", f"/app/assistants/{a}/deploy", f"/app/assistants/{a}/delete", f"/app/deployments/{made.deployment.id}/", f"/app/deployments/{made.deployment.id}/revoke", "/app/channels/",
        "/app/conversations/", "/app/conversations/rows", f"/app/conversations/{opened.session.conversation_id}/", f"/app/conversations/{opened.session.conversation_id}/live", f"/app/workspace/api-keys/{key.key.id}/revoke", "/healthz", "/readyz"]:
        r = browser.client.get(path)
        assert r.status_code in (200,302), (path, r.status_code)
        print(path, r.status_code, len(r.content))
    for path in ["/sign-in/", "/sign-up/", "/account/password/reset/", "/account/password/reset/sent/", "/account/verify/sent/", "/account/verify/xx/", "/sign-in/xxx/", "/nope/"]:
        from django.test import Client
        r = Client().get(path)
        print(path, r.status_code, len(r.content))
