"""The laws of the pool, whatever happens in whatever order: a machine that does all that callers and servers do.

`LAWS` of `tests.unit.runtime.test_pool_laws_can_fail` shows for each law a pool that breaks it, and is caught.
"""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fhir4ds.errors import FHIRPathExecutionError, PoolClosed, QueryCancelled
from fhir4ds.events import Event
from fhir4ds.runtime import pool as pools
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.deadline import Deadline
from fhir4ds.runtime.lease import Lease, Member, NoConnection
from fhir4ds.runtime.settings import Settings

from .actors import Actor, Stage, StagedConnection, StagedDriver
from .fakes import Diary

MAX_LIFETIME, MAX_IDLE, PROBE_AFTER = 100.0, 40.0, 10.0

_index = st.integers(0, 20)


@attrs.define(eq=False)
class Ask:
    """A caller who asks for a connection."""

    call: Call
    began: int
    asked_at: float
    until: float
    #: The step in which the caller got an answer while waiting.
    served: int | None = None
    served_at: float = -math.inf
    cancelled: bool = False


class PoolMachine(RuleBasedStateMachine):
    """Callers, a server and time, around one pool."""

    #: A test replaces it by a pool that breaks a law.
    pool_class: type[pools.Pool] = pools.Pool

    @initialize(size=st.integers(1, 3), chance=st.sampled_from([0.0, 0.5, 0.99]))
    def begin(self, size: int, chance: float) -> None:
        self.stage = Stage()
        self.stage.chance = chance
        self.size = size
        self.driver = StagedDriver(self.stage, size)
        numbers = Settings(pool_size=size, max_lifetime=MAX_LIFETIME, max_idle=MAX_IDLE, probe_after=PROBE_AFTER)
        self.diary = Diary()
        self.pool = self.pool_class(self.driver, numbers, self.stage, self.diary)
        self.driver.may_block = lambda: not self.pool._lock.locked()
        self.asks: dict[Actor, Ask] = {}
        self.queue: list[Actor] = []  # those who wait, in the order in which they came
        self.held: list[Lease] = []
        self.returned: list[Lease] = []
        self.closed: float = math.inf  # the moment
        self.lent = self.cancelled = self.timeouts = self.waits = 0
        self.wait_time = self.wait_max = 0.0

    # --- what callers do ----------------------------------------------------------------------------------------------

    @rule(patience=st.sampled_from([0.0, 1.0, 5.0, 60.0, math.inf]))
    def ask(self, patience: float) -> None:
        deadline = Deadline(math.inf, self.stage)
        call = Call(self.driver, self.stage, deadline, limited=False, summary="a query")  # type: ignore[arg-type]
        until = self.stage.now + patience
        actor = self.stage.add(lambda: self.pool.lease(until, call))
        self.asks[actor] = Ask(call, self.stage.moment, self.stage.now, until)
        self.step(actor)

    @rule(how_many=st.integers(1, 3))
    def use(self, how_many: int) -> None:
        """Ask, and let things go on until nobody can."""
        for _ in range(how_many):
            self.ask(60.0)
        self.settle()

    def settle(self) -> None:
        """Let everybody go on who can."""
        steps = 0
        while ready := self.stage.ready():
            self.step(ready[0])
            steps += 1
            assert steps < 200, "it goes on for ever"

    @precondition(lambda self: self.held)
    @rule(which=_index, flaw=st.sampled_from([None, None, None, "lost", "not reset"]))
    def give_back(self, which: int, flaw: str | None) -> None:
        lease = self.held.pop(which % len(self.held))
        connection = known(lease)
        if not connection.alive or connection.silent:
            flaw = "lost"  # who has just talked to a dead server knows it

        def act() -> None:
            if flaw == "lost":
                self.pool.invalidate(lease)
            self.pool.give_back(lease, flaw=flaw)

        if flaw == "lost" and connection.doubted == math.inf:
            for other in self.driver.all:
                other.doubted = min(other.doubted, self.stage.moment + 1)
        connection.idle_since = self.stage.now
        self.returned.append(lease)
        self.step(self.stage.add(act))
        tired = [member for member in self.pool._idle if self.stage.now - member.idle_since > MAX_IDLE]
        assert not tired, "connections that nobody needs stay open"

    @precondition(lambda self: self.returned)
    @rule(which=_index)
    def give_back_again(self, which: int) -> None:
        self.refused(self.returned[which % len(self.returned)])

    @rule()
    def give_back_what_is_not_its_own(self) -> None:
        stranger = StagedConnection(0, self.stage.now, self.stage.now)
        self.refused(Lease(Member(stranger, 0, math.inf, self.stage.now)))

    def refused(self, lease: Lease) -> None:
        before = self.pool.stats()
        with pytest.raises(FHIRPathExecutionError, match="not on loan"):
            self.pool.give_back(lease)
        assert self.pool.stats() == before

    @precondition(lambda self: any(actor.place == "wait" for actor in self.asks))
    @rule(which=_index)
    def cancel(self, which: int) -> None:
        waiting = [actor for actor in self.asks if actor.place == "wait"]
        actor = waiting[which % len(waiting)]
        if actor in self.queue:
            self.queue.remove(actor)
        self.asks[actor].cancelled = True
        self.asks[actor].call.cancel()
        self.cancelled += 1

    @precondition(lambda self: self.closed == math.inf and self.stage.moment > 15)
    @rule()
    def close(self) -> None:
        waiting = list(self.queue)
        self.closed = self.stage.moment + 1
        self.step(self.stage.add(self.pool.close))
        assert all(actor.event.is_set() for actor in waiting), "close() leaves callers asleep"

    # --- what servers and time do -------------------------------------------------------------------------------------

    @precondition(lambda self: self.held)
    @rule(keep=st.integers(0, 1), seconds=st.sampled_from([0.0, 0.0, 4.0, 30.0, 70.0]))
    def rest(self, keep: int, seconds: float) -> None:
        """Everybody gives back, or all but one, and nothing happens for a while."""
        while len(self.held) > keep:
            self.give_back(0, None)
        self.settle()
        self.stage.now += seconds

    @precondition(lambda self: self.idle())
    @rule(which=_index, silently=st.booleans())
    def die(self, which: int, silently: bool) -> None:
        connection = self.idle()[which % len(self.idle())]
        connection.died = min(connection.died, self.stage.moment)
        if silently:
            connection.silent = True
        else:
            connection.alive = False

    def idle(self) -> list[StagedConnection]:
        """Connections that are nobody's at this moment."""
        members: list[Any] = [member.connection for member in self.pool._idle]
        return members

    @rule(seconds=st.sampled_from([0.5, 4.0, 9.0, 30.0, 70.0]))
    def wait(self, seconds: float) -> None:
        self.stage.now += seconds

    @precondition(lambda self: self.stage.ready())
    @rule(choices=st.lists(st.tuples(_index, st.sampled_from([False, False, True])), min_size=1, max_size=5))
    def go_on(self, choices: list[tuple[int, bool]]) -> None:
        """Steps of whoever can go on; where one is about to have a connection, it may be refused."""
        for which, refuse in choices:
            if ready := self.stage.ready():
                actor = ready[which % len(ready)]
                self.driver.refuse_next = refuse and actor.place == "connect"
                self.step(actor)

    # --- what must hold -----------------------------------------------------------------------------------------------

    def step(self, actor: Actor) -> None:
        """One step of one actor, and what it must not do."""
        waited = actor.place == "wait"
        self.stage.step(actor)
        ask = self.asks.get(actor)
        if ask is not None and waited:
            if actor in self.queue:
                self.queue.remove(actor)
            self.waits += 1
            self.wait_time += self.stage.now - ask.asked_at
            self.wait_max = max(self.wait_max, self.stage.now - ask.asked_at)
        first = [other.event.is_set() for other in self.queue]
        assert first == sorted(first, reverse=True), "somebody was served before who came first"
        for other in [other for other in self.queue if other.event.is_set()]:
            self.queue.remove(other)
            self.asks[other].served, self.asks[other].served_at = self.stage.moment, self.stage.now
        if ask is not None and actor.place == "look":
            assert not self.queue, "a connection was taken past those who wait"
        if ask is not None and actor.place == "wait":
            self.queue.append(actor)
        if actor.finished:
            if ask is None:
                assert actor.error is None, actor.error
            else:
                self.answered(actor, ask)

    def answered(self, actor: Actor, ask: Ask) -> None:
        """A caller has a loan or an error, and rightly so."""
        del self.asks[actor]
        error = actor.error
        if isinstance(error, QueryCancelled):
            assert ask.cancelled
        elif isinstance(error, PoolClosed):
            assert self.closed < math.inf
        elif isinstance(error, NoConnection):
            if error.error is None:
                self.timeouts += 1
                assert self.stage.now >= ask.until, "a caller was sent away before his time"
            else:
                assert self.driver.refused
        else:
            assert error is None, error
            assert not ask.cancelled
            assert ask.began < self.closed, "a closed pool lends"
            assert ask.served != self.closed, "close() wakes callers with something else"
            self.lent += 1
            self.fit(known(actor.value), ask)
            self.held.append(actor.value)

    def fit(self, connection: StagedConnection, ask: Ask) -> None:
        """A connection may be lent."""
        assert all(known(lease) is not connection for lease in self.held), "two callers have the same connection"
        assert not connection.closed, "a closed connection was lent"
        moment, now = (self.stage.moment, self.stage.now) if ask.served is None else (ask.served, ask.served_at)
        looked = connection.look_ended == moment
        if looked:  # what was found out when the look began is good enough
            now = connection.looked_at
            assert connection.looked_idle <= MAX_IDLE, "a connection was lent after its longest idle time"
            unasked = not connection.probed and connection.looked_idle > PROBE_AFTER
            assert not unasked, "a connection was lent unasked after a long time"
        assert connection.alive or connection.died >= moment, "a dead connection was lent"
        assert not (connection.silent and connection.probed and looked), "a connection was lent that did not answer"
        assert connection.doubted > (connection.look_began if looked else moment), "a doubted connection was lent"
        retires_at = connection.opened_at + MAX_LIFETIME * (1 - 0.05 * self.stage.chance)
        assert now < retires_at, "a connection was lent after its time"

    @invariant()
    def figures_add_up(self) -> None:
        assert not self.stage.broken, self.stage.broken
        stats = self.pool.stats()
        assert (stats.created, stats.failures) == (len(self.driver.all), self.driver.refused)
        assert stats.discarded + stats.retired == len(self.driver.all) - self.driver.open
        told = [len(self.diary.of(event)) for event in (Event.POOL_DISCARDED, Event.POOL_RETIRED)]
        assert [stats.discarded, stats.retired] == told
        settled = stats.idle + stats.used + stats.closing + self.driver.probing
        begin = sum(actor.place == "start" for actor in self.stage.actors)  # to open a connection, or to probe one
        assert settled <= self.driver.open <= settled + begin
        assert stats.connecting == self.driver.opening + self.driver.probing + begin
        assert stats.idle + stats.used + stats.closing + stats.connecting <= stats.max == self.size
        asleep = sum(actor.place == "wait" for actor in self.asks)
        assert len(self.queue) <= stats.pending <= asleep
        assert self.lent <= stats.leases <= self.lent + self.cancelled + len(self.asks)
        assert stats.used >= len(self.held)
        assert (stats.waits, stats.timeouts) == (self.waits, self.timeouts)
        assert (stats.wait_time, stats.wait_max) == (pytest.approx(self.wait_time), self.wait_max)

    @invariant()
    def nobody_is_forgotten(self) -> None:
        if not self.stage.ready():
            stats = self.pool.stats()
            assert (stats.connecting, stats.closing) == (0, 0)
            assert not self.queue or stats.used == self.size, "callers wait although there is room"

    def teardown(self) -> None:
        """In the end everybody has an answer, and nothing is left."""
        if not hasattr(self, "stage") or self.stage.broken:
            return
        if self.closed == math.inf:
            self.closed = self.stage.moment + 1
            self.step(self.stage.add(self.pool.close))
        self.settle()
        while self.held:
            self.give_back(0, None)
            self.settle()
        self.figures_add_up()
        assert self.stage.actors == [], "somebody waits for ever"
        assert (self.driver.open, self.driver.closed) == (0, 1)
        assert self.pool.stats().used == self.pool.stats().pending == 0


def known(lease: Lease) -> StagedConnection:
    connection = lease.connection
    assert isinstance(connection, StagedConnection)
    return connection


TestPoolLaws = PoolMachine.TestCase
TestPoolLaws.settings = settings(
    max_examples=70, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
