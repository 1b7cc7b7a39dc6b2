"""What happened to each message, in its order: from a database that keeps each step, and from what ACS saw.

`keep_steps` has a PostgreSQL keep every change of a message, without the bot's help, and `recorded_steps` reads them.
`traces_of` gives each message's trace in the words of the model in `docs/model/`: `stored`, `claimed 0 1` (by replica 0
with pair 1), `took 1`, `settled 0 sent`, `reported`, `ended`. Replicas and pairs are counted as they come. What the
model has no word for stands in words of its own, so that the model refuses it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import asyncpg
from msgspec import Struct
from sqlalchemy.engine import make_url

from bot.sending.leases import LEASE
from bot.sending.outbox import REPEATABILITY_WINDOW
from tests.support.azure_model import CallSeen

Trace = tuple[str, ...]
#: States of which the model knows one: what the carrier says of a message.
_REPORTED = ("delivered", "failed")
_FINAL = (*_REPORTED, "suppressed", "unconfirmed")

#: `is_gone`: the session that shows that the lease's former holder lives is not there.
_KEEP = """
CREATE TABLE kept_steps (
    n bigserial PRIMARY KEY, at float8 NOT NULL, tx bigint NOT NULL, session text NOT NULL, role text NOT NULL,
    id text NOT NULL, direction text NOT NULL, in_reply_to text, pair text, first_sent float8,
    attempts int NOT NULL, attempts_before int, status text NOT NULL, status_before text, is_in_doubt bool NOT NULL,
    holder text, holder_before text, until float8, until_before float8, is_gone bool NOT NULL, is_reported bool NOT NULL
);
CREATE FUNCTION keep_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine text := nullif(current_setting('soak.session', true), '');
    is_gone bool := false;
BEGIN
    IF mine IS NULL THEN
        mine := gen_random_uuid()::text;
        PERFORM set_config('soak.session', mine, false);
    END IF;
    IF TG_OP = 'INSERT' THEN -- OLD has nulls
        is_gone := false;
    ELSIF (NEW.attempts, NEW.status, NEW.lease_holder, NEW.repeatability_id)
        IS NOT DISTINCT FROM (OLD.attempts, OLD.status, OLD.lease_holder, OLD.repeatability_id) THEN
        RETURN NULL;
    ELSIF NEW.lease_holder <> OLD.lease_holder THEN
        is_gone := NOT EXISTS (
            SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (classid::bigint << 32) | objid::bigint =
                ('x' || right(replace(OLD.lease_holder, '-', ''), 16))::bit(64)::bigint & 9223372036854775807);
    END IF;
    INSERT INTO kept_steps VALUES (
        DEFAULT, extract(epoch FROM clock_timestamp()), txid_current(), mine, session_user,
        NEW.id, NEW.direction, NEW.in_reply_to, NEW.repeatability_id, extract(epoch FROM NEW.first_sent_at),
        NEW.attempts, OLD.attempts, NEW.status, OLD.status, NEW.outcome_unknown, NEW.lease_holder, OLD.lease_holder,
        extract(epoch FROM NEW.lease_until), extract(epoch FROM OLD.lease_until), is_gone,
        NEW.reported_at IS NOT NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_step AFTER INSERT OR UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION keep_step();
"""


class Step(Struct, frozen=True, kw_only=True):
    """A change of a message; what was before is None where it is new. Times are POSIX seconds."""

    at: float
    tx: int
    #: The connection that made it, and the user of PostgreSQL that it is of: each replica has one.
    session: str
    role: str
    id: str
    direction: str = "outbound"
    in_reply_to: str | None = None
    pair: str | None = None
    first_sent: float | None = None
    attempts: int = 0
    attempts_before: int | None = None
    status: str = "queued"
    status_before: str | None = None
    is_in_doubt: bool = False
    holder: str | None = None
    holder_before: str | None = None
    until: float | None = None
    until_before: float | None = None
    is_gone: bool = False
    is_reported: bool = False


def keep_steps(url: str) -> None:
    """Have the database with this URL keep each change of a message from now on."""
    asyncio.run(_ask(url, _KEEP))


def as_replica(url: str, place: int) -> str:
    """The URL by which one of several replicas connects: as a user of its own."""
    role = f"replica_{place}"
    asyncio.run(_ask(url, f"CREATE ROLE {role} SUPERUSER LOGIN"))
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def recorded_steps(url: str) -> list[Step]:
    """All that were kept, in their order."""
    rows = asyncio.run(
        _ask(url, "", f"SELECT {', '.join(Step.__struct_fields__)} FROM kept_steps ORDER BY n")
    )
    return [Step(**dict(row)) for row in rows]


async def _ask(url: str, orders: str, query: str = "SELECT 1") -> list[asyncpg.Record]:
    address = make_url(url)
    connection = await asyncpg.connect(**address.get_dialect()().create_connect_args(address)[1])
    try:
        if orders:
            await connection.execute(orders)
        return list(await connection.fetch(query))
    finally:
        await connection.close()


def traces_of(steps: Sequence[Step], calls: Iterable[CallSeen]) -> dict[Trace, list[str]]:
    """The distinct traces of outbound messages, each with the ids of the messages that have it."""
    stored_texts = {(step.tx, step.id) for step in steps if step.direction == "inbound"}
    judges = _Judges(steps)
    by_message: defaultdict[str, list[Step]] = defaultdict(list)
    owners: dict[str, str] = {}
    for step in steps:
        if step.direction == "outbound":
            by_message[step.id].append(step)
            if step.pair:
                owners[step.pair] = step.id
    seen: defaultdict[str, list[CallSeen]] = defaultdict(list)
    for call in calls:
        seen[owners.get(call.pair, "")].append(call)
    traces: defaultdict[Trace, list[str]] = defaultdict(list)
    for message, own in by_message.items():
        traces[tuple(_Told(own, seen[message], judges, stored_texts).words())].append(message)
    if strangers := seen[""]:
        traces[tuple(f"{call.fate} of nobody" for call in strangers[:1])].append(strangers[0].pair)
    return dict(traces)


def _is_claim(step: Step) -> bool:
    return step.attempts_before is not None and step.attempts > step.attempts_before


class _Judges:
    """Whose connection it is by which a step was made: of the holder that claimed by it, else of a replica."""

    def __init__(self, steps: Iterable[Step]) -> None:
        claims = [step for step in steps if step.holder and _is_claim(step)]
        self._of_session = {step.session: step.holder for step in claims}
        self._roles = {step.holder: step.role for step in claims}

    def is_by(self, step: Step, holder: str) -> bool:
        """Whether this holder made a step, or, where its connection has made no claim, the replica that it is of."""
        by = self._of_session.get(step.session)
        return by == holder if by else self._roles.get(holder) == step.role

    def by(self, step: Step, among: Iterable[str]) -> str:
        """The holder that made a step: of those that have claimed its message, if one can have been it."""
        return next((each for each in among if self.is_by(step, each)), step.session)


class _Told:
    """One message's steps and calls, told in the words of the model."""

    def __init__(
        self,
        steps: list[Step],
        calls: list[CallSeen],
        judges: _Judges,
        stored_texts: set[tuple[int, str]],
    ) -> None:
        self._steps = steps
        self._calls = sorted(calls, key=lambda call: call.at)
        self._judges = judges
        self._texts = stored_texts
        self._replicas: dict[str, int] = {}
        self._pairs: dict[str, int] = {}
        #: When the last lease of a call with this pair is over.
        self._ends: dict[str, float] = {}
        self._is_reported = False

    def words(self) -> Iterator[str]:
        """The trace."""
        left = list(self._calls)
        for step in self._steps:
            while left and left[0].at < step.at:
                yield self._called(left.pop(0))
            yield from self._stepped(step)
        for call in left:
            yield self._called(call)
        if self._steps[-1].status in _FINAL:
            yield "ended"

    def _called(self, call: CallSeen) -> str:
        pair = self._pairs.get(call.pair)
        if pair is None:
            return f"{call.fate} unclaimed"
        return f"{call.fate} {pair}" if call.at <= self._ends[call.pair] else f"{call.fate} late"

    def _stepped(self, step: Step) -> Iterator[str]:
        if step.status_before is None:
            yield "stored" if (step.tx, step.in_reply_to) in self._texts else "stored alone"
        elif _is_claim(step):
            yield from self._claimed(step)
        elif step.holder_before and not step.holder:
            yield from self._settled(step, step.holder_before)
        else:
            yield from self._moved(step)

    def _claimed(self, step: Step) -> Iterator[str]:
        assert step.holder
        assert step.pair
        assert step.until is not None
        assert step.first_sent is not None
        before = step.holder_before
        at = step.until - LEASE.total_seconds()
        if before and before != step.holder:
            if step.is_gone:
                yield f"session gone {self._replica(before)}"
            elif step.until_before is not None and step.until_before <= at:
                yield "lease over"
        is_late = at - step.first_sent >= REPEATABILITY_WINDOW.total_seconds()
        pair = self._pairs.setdefault(step.pair, len(self._pairs) + 1)
        self._ends[step.pair] = step.until
        yield f"claimed {self._replica(step.holder)} {pair}" + (" late" if is_late else "")

    def _settled(self, step: Step, holder: str) -> Iterator[str]:
        if not self._judges.is_by(step, holder):
            yield "settled by another"
            return
        replica = self._replica(holder)
        if step.status == "queued":
            yield f"settled {replica} {'doubt' if step.is_in_doubt else 'untried'}"
        elif step.status == "sent":
            yield f"settled {replica} sent"
        elif self._is_reported or step.status == "unconfirmed":
            yield f"settled {replica} ended"
        else:  # with a report that came before the answer
            yield f"settled {replica} sent"
            yield self._report(step)

    def _moved(self, step: Step) -> Iterator[str]:
        if step.status == step.status_before:
            return
        if step.status in _REPORTED:
            if not self._is_reported:
                yield self._report(step)
        elif step.status == "unconfirmed":
            assert step.first_sent is not None
            is_early = step.at - step.first_sent < REPEATABILITY_WINDOW.total_seconds()
            yield "given up early" if is_early else "given up"
        elif step.status == "sent":
            yield f"accepted late {self._replica(self._judges.by(step, self._replicas))}"
        else:
            yield step.status

    def _report(self, step: Step) -> str:
        self._is_reported = True
        return "reported" if step.is_reported else step.status

    def _replica(self, holder: str) -> int:
        return self._replicas.setdefault(holder, len(self._replicas))
