"""The template *Help desk and questions*: what a small online shop is asked most, ready to be edited. Data only."""

from __future__ import annotations

from typing import Any

_PERSON = {"label": "Talk to a person", "payload": "intent:Talk to a person"}
_DELIVERY = {"label": "Delivery", "payload": "intent:Delivery"}
_RETURNS = {"label": "Returns", "payload": "intent:Returns"}
_ORDER = {"label": "Where is my order?", "payload": "intent:Order status"}
_HOURS = {"label": "Opening hours", "payload": "intent:Opening hours"}


def _intent(name: str, phrases: str, *answers: dict[str, Any], action: str = "") -> dict[str, Any]:
    listed = [line.strip() for line in phrases.strip().splitlines()]
    whole: dict[str, Any] = {"name": name, "phrases": listed, "answers": list(answers)}
    return {**whole, "action": {"type": action}} if action else whole


def _says(text: str, *buttons: dict[str, str], blocks: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"text": text, **({"buttons": list(buttons)} if buttons else {}), **({"blocks": blocks} if blocks else {})}


FAQ: dict[str, Any] = {
    "welcome": _says(
        "Hi there! I answer questions about **orders, delivery and returns**, day and night.\n\nWhat can I do for you?",
        _ORDER,
        _DELIVERY,
        _RETURNS,
        _PERSON,
    ),
    "intents": [
        _intent(
            "Greeting",
            """
            hello
            hi
            hey
            hey there
            good morning
            good afternoon
            good evening
            is anyone there
            hello there
            hi there
            good day
            hello again
            anybody here
            """,
            _says("Hello! Nice to see you here. What would you like to know?", _ORDER, _DELIVERY, _RETURNS),
            _says("Hi again! What else can I help you with?", _ORDER, _DELIVERY, _RETURNS),
        ),
        _intent(
            "Opening hours",
            """
            what are your opening hours
            when are you open
            what time do you close
            what time do you open
            are you open on sunday
            are you open on weekends
            are you open today
            business hours
            shop hours
            on which days can I reach you
            are you closed on public holidays
            when do you open
            when do you close
            are you open right now
            until when are you open in the evening
            how late can I call you
            when does the shop open
            are you open at christmas
            """,
            _says(
                "We are here\n\n- **Monday to Friday**, 9:00 to 18:00\n- **Saturday**, 10:00 to 14:00\n\n"
                "On Sundays and public holidays we are closed. The online shop takes orders at any hour."
            ),
        ),
        _intent(
            "Delivery",
            """
            how long does delivery take
            how long does shipping take
            how much is shipping
            what does delivery cost
            when will my package arrive
            do you ship abroad
            do you deliver to other countries
            do you have express delivery
            is shipping free
            delivery options
            shipping costs
            do you deliver on saturdays
            how many days does shipping take
            how fast do you deliver
            how long until it arrives
            when will it arrive if I order now
            do you send parcels to other countries
            which countries do you ship to
            can you deliver to my office
            can I choose the day of the delivery
            can I pick it up in the shop
            which courier do you use
            do I have to pay for delivery
            """,
            _says(
                "Here is what you can choose at the checkout:",
                _ORDER,
                blocks=[
                    {
                        "type": "list",
                        "items": [
                            {"title": "Standard: 4.90", "text": "2 to 4 working days, free from 50"},
                            {"title": "Express: 9.90", "text": "Next working day when ordered by 14:00"},
                            {"title": "Abroad: 14.90", "text": "4 to 8 working days, all of Europe"},
                        ],
                    }
                ],
            ),
        ),
        _intent(
            "Returns",
            """
            how do I return something
            can I send it back
            I want to return my order
            what is your return policy
            how do I get a refund
            when do I get my money back
            I want my money back
            can I exchange an item
            wrong size can I exchange it
            the item arrived damaged
            my product is broken
            how long do I have to return an item
            who pays for the return shipping
            it does not fit
            it is too small
            I got the wrong item
            it stopped working
            it is faulty
            it arrived broken
            a part is missing
            I want a replacement
            can I swap it for another colour
            can I give it back
            where do I find the return label
            is there a warranty
            where is my refund
            """,
            _says(
                "You can send anything back within **30 days**, and it costs you nothing:",
                _PERSON,
                blocks=[
                    {
                        "type": "card",
                        "title": "How to return an item",
                        "text": "1. Write your order number on the slip in the parcel.\n2. Stick on the return label.\n"
                        "3. Hand it in at any post office.\n\nYour money is back within 5 working days of its arrival.",
                    }
                ],
            ),
        ),
        _intent(
            "Order status",
            """
            where is my order
            where is my package
            track my order
            track my parcel
            order status
            what is the status of my order
            my order has not arrived
            my package is late
            has my order been shipped
            I am still waiting for my parcel
            I did not get a tracking number
            has my order been sent
            is my order on its way
            when do you send my order
            I have not received my order
            nothing has arrived yet
            my parcel is lost
            what happened to my order
            any news about my order
            did my order go through
            I did not get a confirmation
            my tracking number does not work
            """,
            _says(
                "The mail with the subject *Your order is on its way* has a tracking link in it. "
                "It comes as soon as the parcel leaves us, usually within a day.\n\n"
                "No mail, or the parcel seems stuck? A person can look it up: have your order number ready.",
                _PERSON,
                _DELIVERY,
            ),
        ),
        _intent(
            "Pricing and payment",
            """
            how much does it cost
            how much is it
            what are your prices
            price list
            do you have a discount
            is there a discount code
            which payment methods do you accept
            can I pay by credit card
            can I pay with paypal
            can I pay by invoice
            do prices include tax
            I need an invoice
            how expensive is it
            what is the price of this
            how much are the shoes
            is it on sale
            I have a voucher
            my discount code does not work
            do you take visa
            which cards do you take
            can I pay by bank transfer
            can I pay in instalments
            can I pay on delivery
            my payment failed
            can I get a receipt
            """,
            _says(
                "Each price in the shop includes tax, and you see the whole sum before you pay.\n\n"
                "We take **credit cards, PayPal and bank transfer**. Subscribers to our newsletter get 10 % off their "
                "first order."
            ),
        ),
        _intent(
            "Talk to a person",
            """
            talk to a person
            I want to speak to a human
            can I talk to someone
            connect me to an agent
            customer service please
            speak to a representative
            let me talk to a real person
            are you a robot
            I want to make a complaint
            call me back
            a human please
            can somebody help me
            is there a real person here
            I don't want to talk to a bot
            put me through to your support
            I want to talk to the manager
            can someone call me
            please ring me
            what is your phone number
            how can I contact you
            I have a complaint
            """,
            _says("Of course. What you told me goes along, so you needn't repeat it."),
            action="hand_over",
        ),
        _intent(
            "Thanks",
            """
            thanks
            thank you
            thank you very much
            thanks a lot
            that helped
            great thanks
            that was helpful
            perfect thank you
            many thanks
            thanks for your help
            much appreciated
            you helped me a lot
            """,
            _says("You're welcome! Is there anything else?"),
            _says("Glad I could help. Anything else?"),
        ),
        _intent(
            "Goodbye",
            """
            bye
            goodbye
            see you
            that is all
            no that is all thank you
            I am done
            end the chat
            have a nice day
            see you later
            that was everything
            no more questions
            no thanks bye
            close the chat
            """,
            _says("Thanks for stopping by. Have a lovely day!"),
            action="end",
        ),
    ],
    "small_talk": True,
    "fallback": _says(
        "I'm not sure that I understood. Could you say it in other words, or choose one of these?",
        _ORDER,
        _DELIVERY,
        _HOURS,
        _PERSON,
    ),
}

TESTS: list[dict[str, str]] = [
    {"utterance": "when do you open on saturdays", "expected": "Opening hours"},
    {"utterance": "where is my parcel", "expected": "Order status"},
    {"utterance": "how do I send something back", "expected": "Returns"},
    {"utterance": "can I talk to a human please", "expected": "Talk to a person"},
    {"utterance": "who is the president of France", "expected": ""},
]
