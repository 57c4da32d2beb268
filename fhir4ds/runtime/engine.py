"""What a dispatcher holds in one process: driver, pool and the threads that serve them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import attrs

from fhir4ds import events
from fhir4ds.dialect.driver import Driver
from fhir4ds.dialect.model import Dialect
from fhir4ds.errors import BrokenPlugin, ConnectFailed, MissingDriver
from fhir4ds.events import Event
from fhir4ds.runtime.call import Call, Failure
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.explain import Explainer
from fhir4ds.runtime.interrupts import Interrupts
from fhir4ds.runtime.lease import Lease, NoConnection
from fhir4ds.runtime.pool import Pool
from fhir4ds.runtime.retry import Phase, RetryPolicy
from fhir4ds.runtime.settings import Settings
from fhir4ds.runtime.watchdog import Watchdog
from fhir4ds.runtime.worker import Worker
from fhir4ds.target import Target

T = TypeVar("T")


def load_driver(dialect: Dialect) -> Callable[[Target], Driver]:
    """Import the database API of a dialect.

    Raises
    ------
    MissingDriver
        If it is not installed.
    BrokenPlugin
        If it is installed but cannot be imported.
    """
    try:
        return dialect.load_driver()
    except ImportError as error:
        if importlib.util.find_spec(dialect.driver_module) is None:
            raise MissingDriver(
                f"dialect '{dialect.name}' needs {dialect.driver_module}: pip install '{dialect.requires}'"
            ) from error
        raise BrokenPlugin(
            f"the driver of dialect '{dialect.name}' failed to load: {type(error).__name__}: {error}",
            hint=f"pip install '{dialect.requires}'",
        ) from error


@attrs.frozen(kw_only=True, eq=False)
class Engine:
    """The parts that live and die with a process; after a fork the child needs its own.

    Parameters
    ----------
    pid : int
        The process.
    dialect, driver, settings, clock, pool, watchdog, interrupts, worker, explainer, policy
        The parts.
    names : Mapping of str to object
        What every event says about the database.
    calls : set of Call
        What is under way.
    """

    pid: int
    dialect: Dialect
    driver: Driver
    settings: Settings
    clock: Clock
    pool: Pool
    watchdog: Watchdog
    interrupts: Interrupts
    worker: Worker
    explainer: Explainer
    policy: RetryPolicy
    names: Mapping[str, object]
    calls: set[Call] = attrs.field(factory=set)

    @classmethod
    def open(cls, dialect: Dialect, target: Target, settings: Settings, clock: Clock) -> Engine:
        """Load the driver and make the parts; no connection is opened."""
        driver = load_driver(dialect)(target)
        names = {
            "db.system.name": dialect.system,
            "db.namespace": target.database,
            "server.address": target.host,
            "server.port": target.port,
        }

        def report(event: Event, keys: Mapping[str, object]) -> None:
            if events.enabled(event.level):
                events.emit(event, {**names, **keys})

        report(Event.POOL_OPENED, {"db.client.connection.max": settings.pool_size})
        watchdog = Watchdog(clock)
        return cls(
            pid=os.getpid(),
            dialect=dialect,
            driver=driver,
            settings=settings,
            clock=clock,
            pool=Pool(driver, settings, clock, report, partial(watchdog.guard, driver)),
            watchdog=watchdog,
            interrupts=Interrupts(),
            worker=Worker(),
            explainer=Explainer(dialect, target),
            policy=RetryPolicy.of(settings),
            names=names,
        )

    def blocking(self, call: Call, function: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
        """Run what may block, so that Ctrl-C gets through to the caller and cancels the call."""
        if not self._signalled():
            return function()
        return self.worker.run(function, partial(self.cancel, call), 0.5 + 2 * call.deadline.grace, undo)

    def answering(self, call: Call, function: Callable[[], T]) -> T:
        """Run what may block, is short as a rule, and runs no code of the caller's; as `blocking`, but faster."""
        if not (self._signalled() and self.interrupts.suffice()):
            return self.blocking(call, function)
        return self.interrupts.run(function, partial(self.cancel, call))

    def _signalled(self) -> bool:
        """Whether a signal concerns what is called here; not so with most steps of a call, nor on other threads."""
        return not self.interrupts.busy and self.worker.needed()

    def cancel(self, call: Call) -> None:
        """Stop a call from another thread, politely and then firmly."""
        call.cancel()
        self.watchdog.watch(call)

    def arm(self, call: Call, lease: Lease) -> None:
        """From now on the deadline of a call applies to its connection."""
        call.attach(lease.connection)
        self.watchdog.watch(call)

    def watch_closely(self, call: Call) -> None:
        """Rely on the server's own watch no longer."""
        call.watch_closely()
        self.watchdog.watch(call)

    def disarm(self, call: Call) -> None:
        """The connection is safe from the deadline again."""
        call.detach()
        self.watchdog.unwatch(call)

    def borrow(self, call: Call) -> Lease:
        """Get a connection from the pool, within the budget of a call, and arm it.

        Raises
        ------
        ConnectFailed
            If none could be opened; `Call.failure` says why.
        PoolTimeout
            If all stayed in use.
        """
        started = self.clock.monotonic()
        until = min(call.deadline.at, started + self.settings.pool_timeout)
        try:
            lease = self.pool.lease(until, call)
        except NoConnection as refusal:
            waited = call.charge_wait(started)
            error = refusal.error
            if error is None:
                raise self.explainer.no_connection(refusal, call, waited) from None
            if not isinstance(error, self.driver.errors):
                raise error from error.__cause__
            call.failure = Failure(self.driver.fault(error, None), Phase.CONNECT)
            raise self.explainer.error(call.failure, call) from error
        call.charge_wait(started)
        try:
            self.arm(call, lease)
        except ConnectFailed:  # nobody can watch its deadline
            self.give_back(call, lease, dirty=False)
            raise
        return lease

    def give_back(self, call: Call, lease: Lease, *, lost: bool = False, dirty: bool) -> None:
        """Return the connection of a call, in the state in which it was borrowed.

        Parameters
        ----------
        call : Call
            What used it.
        lease : Lease
            The loan.
        lost : bool
            Whether the connection is of no further use.
        dirty : bool
            Whether its session may have been changed.
        """
        flaw = "lost" if lost else None
        if dirty and not lost and not call.aborted:
            try:
                self.driver.reset(lease.connection)
            except self.driver.errors:
                flaw = "not reset"
        self.disarm(call)
        if call.aborted:
            flaw = "aborted"
        elif lost:
            self.pool.invalidate(lease)
        self.pool.give_back(lease, flaw=flaw)

    def close(self) -> None:
        """Close the pool and end the threads; calls under way end first."""
        if self.pid == os.getpid():
            self.pool.close()
            self.stop_threads()

    def stop_threads(self) -> None:
        """Let the threads end when they have nothing to do any more."""
        if self.pid == os.getpid():
            self.watchdog.close()
            self.interrupts.close()
            self.worker.close()
