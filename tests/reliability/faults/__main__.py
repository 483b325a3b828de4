"""`make reliability`, `make reliability-full`: python -m tests.reliability.faults [--full] [--seed N] [--only ...]"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import platform
import random
import sys
import time
from collections.abc import Callable

from convoship.machine.state import ROOT
from tests.reliability.faults import checker, scenarios
from tests.reliability.faults.checker import Findings
from tests.reliability.faults.scenarios import Run
from tests.reliability.faults.supervisor import Machine

PAGE = ROOT / "docs" / "reliability.md"
MARK = "<!-- written by make reliability-full, from here on -->"

# What is taken away, the promise that breaks, and the scenario that has to notice.
CONTROLS: dict[str, tuple[str, Callable[[Run, Findings], None]]] = {
    "unique_off": ("R17", scenarios.copies),
    "random_key": ("R2", scenarios.lost_reply),
    "order_off": ("R4", scenarios.stuck_head),
    "early_answer": ("R18", scenarios.commit_first),
    "shares_off": ("R10", scenarios.hanging),
    "sweeper_off": ("R5", lambda run, findings: scenarios.without_redis(run, findings, 24.0)),
    "lease_off": ("R1", scenarios.in_hand),
    "look_up_off": ("R3", scenarios.unkeyed),
    "poison_off": ("R11", scenarios.poison),
}
QUICK_CONTROLS = ("unique_off", "random_key")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.faults", description="Faults on purpose.")
    parser.add_argument("--full", action="store_true", help="2,000 messages, 60 faults, all negative controls; 20 min")
    parser.add_argument("--seed", type=int, default=0, help="repeats a run's schedule; without it a new one is drawn")
    parser.add_argument("--messages", type=int, default=0, help="how many in the chaos; 300, with --full 2,000")
    parser.add_argument("--only", default="", help="some parts alone: chaos, a scenario's name, a control's name")
    parser.add_argument("--keep", action="store_true", help="keep logs and data")
    parser.add_argument("--no-page", action="store_true", help="do not write docs/reliability.md")
    return parser.parse_args()


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def chaos(run: Run, findings: Findings, *, full: bool, messages: int) -> None:
    """Callers call while everything is killed, frozen and cut off: R1, R2, R4, R6, R7."""
    machine, nemesis = run.machine, run.nemesis
    # The load has to last as long as the faults do: a failpoint that nothing reaches proves nothing.
    callers, pause = 20, 5.0 if full else 2.5
    each = (messages or (2000 if full else 300)) // callers
    for path in ("/keyed/main", "/unkeyed/main"):
        run.script(path, shares={"5xx": 0.02, "lost": 0.02, "429": 0.005, "503": 0.005})

    async def call() -> None:
        await asyncio.gather(
            run.callers.crowd("main", callers, each, pause), run.callers.crowd("unkeyed", 5, each // 3, 3 * pause)
        )

    future = asyncio.run_coroutine_threadsafe(call(), machine.loop.loop)
    time.sleep(1)
    nemesis.every_failpoint()
    nemesis.kill_postgres()
    nemesis.swallow_replies()
    nemesis.freeze_worker()
    nemesis.kill_worker()
    nemesis.roll_worker()
    if full:
        for name in ("F1", "F2", "F7"):
            for _ in range(4):
                nemesis.failpoint(name, in_web=True)
        for name in ("F3", "F4", "F5", "F6"):
            for _ in range(4):
                nemesis.failpoint(name)
        for name in ("F3", "F4", "F5"):
            nemesis.failpoint(name, "stop")
        while not future.done():
            nemesis.random_fault()
    future.result(600)
    nemesis.heal()
    for path in ("/keyed/main", "/unkeyed/main"):
        run.script(path)
    took = checker.quiet(machine)
    _judge(run, findings, took, least=50 if full else 8)


def _judge(run: Run, findings: Findings, took: float, least: int) -> None:
    machine, history = run.machine, list(run.callers.history)
    told = [op for op in history if op.ended == "ok"]
    findings.note("Faults", "in the chaos", run.nemesis.faults, good=run.nemesis.faults >= least)
    kills = sum(process.kills for process in (machine.web, *machine.workers, machine.postgres, machine.valkey))
    findings.note("Faults", "processes killed by kill -9", kills, good=kills >= least // 2)
    run.nemesis.prove(findings)
    ends = {name: sum(op.ended == name for op in history) for name in ("ok", "info", "fail")}
    findings.note("Load", "messages by what their callers were told", ends, good=bool(told))
    findings.note("R1", "seconds until quiet after the last fault", f"{took:.1f}", good=took < checker.QUIET_SECONDS)
    findings.none("R1", "messages lost", checker.lost(machine, told), len(told))
    for connection, promise in (("main", "R2"), ("unkeyed", "R3")):
        copies = checker.raw_copies(machine, connection)
        what = f"second effects ({connection}; the provider saw {copies} copies)"
        findings.none(
            promise, what, checker.twice(machine, connection), len(machine.accepted(machine.made[connection]["path"]))
        )
        findings.none("R4", f"inversions ({connection})", checker.inversions(machine, connection))
    findings.none("R6", "refused and there all the same", checker.refused_with_effect(machine, history))
    stale = sum(
        (machine.folder / f"{name}.log").read_text().count("whose end changes nothing")
        for name in ("worker1", "worker2")
    )
    findings.note("R7", "ends of attempts that came too late and were not written", stale, good=True)
    findings.none("Tenants", "requests at another workspace's provider", checker.strangers(machine))
    findings.none("Outbox", "neither done nor shown with a reason", checker.leftovers(machine))
    for connection in ("main", "unkeyed"):
        found = checker.dead(machine, connection)
        findings.note("Outbox", f"dead letters and unknown ({connection})", found[:3] or 0, good=not found)


def control(run: Run, name: str) -> str:
    """Take a promise away; what the scenario found wrong with that promise, or nothing: then the suite is blind."""
    found = Findings()
    promise, scenario = CONTROLS[name]
    if name == "unique_off":
        scenarios.drop_unique(run.machine)
    else:
        run.machine.restart_product(name)
    try:
        scenario(run, found)
    except (AssertionError, TimeoutError) as error:
        found.note("Run", "broke off", repr(error), good=False)
    finally:
        if name == "unique_off":
            scenarios.put_unique_back(run.machine)
    return next((line for line in found.bad if line.startswith(f"{promise} ")), "")


def _scenarios(full: bool) -> dict[str, Callable[[Run, Findings], None]]:
    return {
        "copies": scenarios.copies,
        "commit_first": lambda run, findings: scenarios.commit_first(run, findings, 500 if full else 60),
        "hanging": lambda run, findings: scenarios.hanging(run, findings, 40.0 if full else 5.0),
        "without_redis": scenarios.without_redis,
        "poison": scenarios.poison,
        **(
            {
                "lost_reply": scenarios.lost_reply,
                "in_hand": scenarios.in_hand,
                "unkeyed": scenarios.unkeyed,
                "stuck_head": scenarios.stuck_head,
                "liveness": scenarios.liveness,
            }
            if full
            else {}
        ),
    }


def main() -> int:
    """Run, print, and end with 1 where a promise was broken or a control stayed green."""
    arguments = _arguments()
    seed = arguments.seed or random.SystemRandom().randrange(1, 1_000_000)
    only = [part for part in arguments.only.split(",") if part]
    findings = Findings()
    controls: dict[str, str] = {}
    began = time.monotonic()
    machine = Machine(seed)

    def part(name: str) -> bool:
        chosen = not only or name in only
        if chosen:
            _say(f"{time.monotonic() - began:4.0f} s  {name}")
        return chosen

    is_good = False
    run: Run | None = None
    try:
        machine.start()
        run = Run(machine, seed)
        if part("chaos"):
            chaos(run, findings, full=arguments.full, messages=arguments.messages)
        for name, scenario in _scenarios(arguments.full or bool(only)).items():
            if part(name):
                scenario(run, findings)
        wanted = CONTROLS if arguments.full or only else QUICK_CONTROLS
        machine.control = ""
        for name in wanted:
            if part(name):
                controls[name] = control(run, name)
        is_good = not findings.bad and all(controls.values())
    finally:
        if run is not None and not is_good:
            _say("\n".join(["The schedule:", *run.nemesis.done]))
        machine.stop(keep=arguments.keep)
    text = _table(findings, controls)
    print(text)
    more = [f"--messages {arguments.messages}"] if arguments.messages else []
    more += [f"--only {arguments.only}"] if only else []
    command = " ".join(
        ["python -m tests.reliability.faults", *(["--full"] if arguments.full else []), *more, f"--seed {seed}"]
    )
    took = time.monotonic() - began
    print(f"\n{'All promises held' if is_good else 'BROKEN'} in {took:.0f} s: {command}")
    if arguments.full and not only and not arguments.no_page:
        _write(text, command, took)
    return 0 if is_good else 1


def _table(findings: Findings, controls: dict[str, str]) -> str:
    lines = ["| promise | what | found | |", "|---|---|---|---|"]
    lines += [
        f"| {promise} | {what} | {figure} | {'held' if good else '**broken**'} |"
        for promise, what, figure, good in findings.lines
    ]
    if controls:
        lines += ["", "| promise taken away | what the run found wrong |", "|---|---|"]
        lines += [
            f"| `{name}` | {found or '**nothing: the suite is blind to it**'} |" for name, found in controls.items()
        ]
    return "\n".join(lines)


def _write(table: str, command: str, took: float) -> None:
    above = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    when = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    PAGE.write_text(f"{above}{MARK}\n\n{table}\n\n{when}, {took / 60:.0f} minutes: `{command}`\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
