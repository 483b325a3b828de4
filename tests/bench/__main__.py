"""`make bench`: python -m tests.bench [--quick] [--rounds N] [--only turn,ping,...] [--no-page]"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from typing import Any

from convoship.machine.state import ROOT
from tests.bench import answers, calls, goals, measures, searching, sound
from tests.bench.clients import Broken
from tests.bench.servers import Bench, bench

PAGE = ROOT / "docs" / "bench.md"
NAMES = (
    "idle",
    "turn",
    "watched",
    "ping",
    "session",
    "http_turn",
    "wall",
    "script",
    "answers",
    "calls",
    "sound",
    "webhook",
    "outbox",
    "inbox",
    "search",
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="The product beside the toys.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short round: does it run, and roughly how fast")
    parser.add_argument("--only", default=",".join(NAMES), help=f"some of {','.join(NAMES)}")
    parser.add_argument("--no-page", action="store_true", help="do not write docs/bench.md")
    return parser.parse_args()


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


async def _measure(servers: Bench, arguments: argparse.Namespace) -> dict[str, list[tuple[Any, Any]]]:
    names = [name for name in NAMES if name in arguments.only.split(",")]
    idle, seconds, rounds = (200, 1.0, 1) if arguments.quick else (1000, 2.0, arguments.rounds)
    began = time.monotonic()
    has_visitors = set(names) - {"webhook", "outbox", "inbox", "search", "calls", "sound"}
    data = servers.prepare(
        sessions=max(idle, 4 * measures.LANES) if has_visitors else 1,
        outboxes=measures.OUTBOXES if "outbox" in names else 0,
        inbox=measures.OPEN if "inbox" in names else 0,
        readers=answers.ANSWERS if "answers" in names else 0,
        calls=calls.CALLS if "calls" in names else 0,
        sounding=sound.CALLS if "sound" in names else 0,
    )
    found: dict[str, list[tuple[Any, Any]]] = {name: [] for name in names}
    # These stand through all rounds; product and socket toy are fresh in each, for their memory is weighed.
    standing = []
    try:
        for start in (
            lambda: servers.toy(pool=True),
            lambda: servers.toy(static=True),
            lambda: servers.product(wall=False),
            servers.provider,
            servers.model,
            servers.mouth,
        ):
            standing.append(start())
        toy_http, toy_static, open_product, *_ = standing
        for number in range(rounds):

            def told(name: str, number: int = number) -> None:
                _say(f"{time.monotonic() - began:4.0f} s  round {number + 1} of {rounds}: {name}")

            pairs = await measures.one_round(
                servers, data, (toy_http, toy_static, open_product), names, seconds, idle,
                toy_first=number % 2 == 0, told=told,
            )  # fmt: skip
            for name, pair in pairs.items():
                _say(f"  {name}: toy {pair[0]}, product {pair[1]}")
                found[name].append(pair)
        if "search" in names:
            messages = measures.MESSAGES // 20 if arguments.quick else measures.MESSAGES
            _say(f"{time.monotonic() - began:4.0f} s  search among {messages:,} messages")
            found["search"] = [(None, servers.search(messages))]
            _say(f"  {found['search'][0][1]}")
        if "script" in names:
            _say(
                "Cache headers: " + ("; ".join(await measures.cache_faults(open_product, _app_file())) or "as promised")
            )
    finally:
        for server in standing:
            server.stop()
    return found


def _app_file() -> str:
    return str(json.loads((goals.WIDGET / "manifest.json").read_text())["app"])


def _page(table: str, arguments: argparse.Namespace) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("Django", "channels", "daphne", "psycopg"))
    return f"""# The product beside toy servers

Written by `make bench` (`tests/bench/`). A toy server does the least that a layer cannot avoid; it and the product run
under daphne, one process each, on the same PostgreSQL (fsync on) and Valkey, and take turns under the same load.
Compare only within a line: figures are medians of {arguments.rounds} rounds, ratios medians of the rounds' ratios. CPU
is the server process' own, without PostgreSQL and Valkey. Ratios within 1.25 of each other count as equal on a busy
machine. What the toys do is in `tests/bench/toy/`, the goals are in `tests/bench/goals.py`.

{table}

## Webhooks and outboxes

Goals 10 and 11 have checks of their own, without which their figures would mean nothing: each webhook that was answered
2xx has its row; the provider, a process of its own that answers after 50 ms, was sent each message, and none before an
earlier one of its conversation; each delivery's last attempt and its message say that it was taken.

* **Webhook (10)**: 32 senders, each signs anew, to a custom webhook. The toy checks an HMAC, enters its tenant, stores
  the event unless it is there, and an outbox row. The product does that behind its middleware with its connection's
  secret decrypted for each request, and answers with the conversation, which it opens if there is none.
* **Outbox (11)**: eight workspaces, 24 conversations each, six messages in each, for a workspace has at most 16 of a
  worker's 64 places. One worker as `make run` starts it, with leases, order, receipts and attempts. The toys are two
  Celery tasks that claim 50 rows, post them together and mark them together, and a task for each message in 32 threads.
  Neither knows of leases, order, attempts or messages. Rates are between the first and the last tenth of the rows, by
  the times that they say. Memory is that of the largest process, without what it shares with others (USS), at the end.

## Inbox and search

* **Inbox (15)**: a member of a workspace with 2,000 open conversations, a tenth of them held, some waiting, most
  tagged, loads the list as it opens and by its filters, one page at a time. Beside it stands not a toy but the
  product's own console (`tests/bench/bare.py`) with thirty rows by an index and nothing of what the list adds.
* **Search (16)**: `tests/bench/messages.py` makes a million messages of two years in two workspaces; their words are
  as frequent as people's are (Zipf). Each kind of question, from words that nearly every message has to those that
  nobody said, is asked {searching.ROUNDS} times for words by chance. The time is the server's, for the search and the
  sentences of what was found.

## Calls

* **Word by word (18)**: fifty calls over ConversationRelay at once (`tests/bench/calls.py`), each opened as Twilio does
  it: a signed webhook, a signed handshake, the ticket of its TwiML. Each says something every six seconds: a second
  until a model's endpoint answers, two and a half in which that is spoken, the rest to think and to speak. Counted is
  the time from the frame with the caller's words to the first frame with words to be said, less the model's second:
  what taking the turn, asking the model, reading its answer and making a clause of it cost, in one web process.

## Sound of our own

* **Calls by sound (19)**: twenty calls at once over a gateway's `/stream` (`tests/bench/sound.py`), carried by one
  media process that is held to one processor; all else runs beside it, on that one too. Each sends a frame each twenty
  milliseconds, says something real every few seconds, and speaks over each second answer. The ear is a host that
  speaks Deepgram's wire, the mouth one that speaks ElevenLabs', and the model a third; they take 0.1, 0.1 and 1 s. A
  turn counts from when the ear is told of the pause to the first sound of the answer at the caller, less these 1.2 s.
  Silence counts from the first frame with speech to when nothing is left to be played. A frame is late where the ear
  has it more than 100 ms after it was sent. What a frame costs is measured while all twenty are silent, so that it is
  no turn's cost; the toy is an echo that takes the sound out of each frame and sends it back in another.

## Answers of a model

* **Beside a model (17)**: eight workspaces whose assistants ask a model's endpoint (`tests/bench/model.py`, a lean
  process of its own, which shares the processors), with 25 visitors each. Each asks, reads an answer of a hundred
  pieces in ten seconds on a socket, and asks again at once, so that twenty answers begin and twenty end each second.
  Scripted visitors of another workspace say twenty things a second in the same web process, once with nobody else
  there and once beside these. Where the model didn't write most of the two hundred at once, or answers came late, the
  figure says little: those are the lines below it.

{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python
{platform.python_version()}, {versions}: `{" ".join(["python -m tests.bench", *sys.argv[1:]])}`
"""


def main() -> int:
    """Measure, print the table, write the page. A missed goal is told, and is no failure of the measuring."""
    arguments = _arguments()
    with bench() as servers:
        try:
            found = asyncio.run(_measure(servers, arguments))
        except (Broken, TimeoutError):
            _say(servers.last_words())
            raise
    table = goals.lines(found)
    text = "\n\n".join([goals.markdown(table), goals.NOTE])
    print(text)
    missed = sorted({line.goal for line in table if not line.met}, key=int)
    print(f"\nMissed: goals {', '.join(missed)}" if missed else "\nAll goals met.")
    if not (arguments.quick or arguments.no_page) and set(NAMES) <= set(found):
        PAGE.write_text(_page(text, arguments), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
