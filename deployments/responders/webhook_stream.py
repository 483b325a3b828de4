"""What a customer's bot streams, event by event, as replies: see `webhook_answer` for the events."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.responders import webhook_answer, webhook_errors
from deployments.responders.base import Block, EndOfText, Reply, Token
from deployments.responders.event_stream import Event, EventReader, TooLarge
from deployments.responders.safe_output import SafeOutput
from deployments.safe_text import LONGEST_TEXT

LONGEST_EVENT = 64 * 1024  # characters


class BotStream:
    """One stream. `is_done`: the bot has said so; then `acts` are what it wants done, what ends the turn last."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.is_done = False
        self.acts: list[Reply] = []
        self._reader = EventReader(longest=LONGEST_EVENT, largest=webhook_answer.LARGEST)
        self._output, self._written = SafeOutput(), 0
        self._events, self._messages = 0, 0

    def take(self, piece: bytes) -> Iterator[Reply]:
        """What may be said now. ResponderError, with the event's number, where one can't be used."""
        try:
            for event in self._reader.take(piece):
                if self.is_done:
                    return
                yield from self._replies(event)
        except TooLarge:
            raise webhook_errors.too_large(self.host) from None

    def _replies(self, event: Event) -> Iterator[Reply]:
        self._events += 1
        try:
            data = webhook_answer.parsed_event(event.name, event.data)
        except webhook_answer.Faulty as faulty:
            raise webhook_errors.faulty(self.host, f"Event {self._events} ({event.name[:20]})", faulty) from None
        match event.name:
            case "token":
                yield from self._shown(self._output.take(data["text"]))
            case "message":
                self._messages += 1
                if self._messages > webhook_answer.MOST_MESSAGES:
                    raise webhook_errors.broken(f"{self.host} streams over {webhook_answer.MOST_MESSAGES} messages.")
                yield from self._text_ended(())
                yield webhook_answer.say(data)
            case "action":
                self.acts.append(webhook_answer.act(data))
                if len(self.acts) > webhook_answer.MOST_ACTIONS:
                    raise webhook_errors.broken(f"{self.host} wants over {webhook_answer.MOST_ACTIONS} actions.")
            case "done":
                yield from self._text_ended(webhook_answer.blocks_of(data))
                self.acts = webhook_answer.in_order(self.acts)
                self.is_done = True

    def _shown(self, text: str) -> Iterator[Reply]:
        text = text[: LONGEST_TEXT - self._written]
        self._written += len(text)
        if text:
            yield Token(text)

    def _text_ended(self, blocks: tuple[Block, ...]) -> Iterator[Reply]:
        """The end of the text made of the tokens so far, if there is one."""
        yield from self._shown(self._output.rest())
        if self._written:
            yield EndOfText(blocks)
        elif blocks:
            raise webhook_errors.broken(f"{self.host} ended with blocks, and with no text that they belong to.")
        self._output, self._written = SafeOutput(), 0
