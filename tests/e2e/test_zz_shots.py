from playwright.sync_api import Page, expect
from tests.e2e.axe import looks
from tests.e2e.test_phone import Phone


def test_shots(member: Page, product, demo) -> None:
    phone = Phone(member, product, demo["workspace_id"], mode="relay", transfer_to="+4930901820", menu="0 = transfer\n1 = how much is shipping")
    for look in looks(member):
        member.screenshot(path=f"/tmp/shots/idle-{look}.png", full_page=True)
    phone.calls()
    expect(phone.log).to_contain_text("ConversationRelay listens")
    member.get_by_role("button", name="Interrupt").click()
    expect(phone.log).to_contain_text("Cut off")
    phone.speaks("instant")
    phone.says("how much is shipping")
    expect(phone.log).to_contain_text("14.90")
    phone.speaks("voice")
    phone.says("where is my order")
    expect(phone.log.locator(".to-come").last).not_to_be_empty()
    for look in looks(member):
        member.screenshot(path=f"/tmp/shots/call-{look}.png", full_page=True)
    phone.speaks("instant")
    member.get_by_role("button", name="0", exact=True).click()
    try:
        expect(member.locator(".phone-ring")).to_be_visible()
        for look in looks(member):
            member.screenshot(path=f"/tmp/shots/ring-{look}.png", full_page=True)
        member.get_by_role("button", name="Answer", exact=True).click()
        member.wait_for_timeout(4000)
    finally:
        member.get_by_text("What goes wrong on purpose").click()
        for look in looks(member):
            member.screenshot(path=f"/tmp/shots/person-{look}.png", full_page=True)
        print(phone.log.inner_text())
        print(phone.wire.inner_text()[:3000])
