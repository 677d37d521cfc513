"""The state of one evaluation, and the limits that it is held to."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from cwm_lsp.evaluate import lifetimes
from cwm_lsp.evaluate.clock import Clock, not_begun, of_this_thread
from cwm_lsp.evaluate.questions import Question
from cwm_lsp.evaluate.values import Exhausted, GaveUp, Left, Ticker, TooMuch, Unknown
from cwm_lsp.trace.events import Event, Loop, Provenance

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Code, Frame
    from cwm_lsp.evaluate.home import Home
    from cwm_lsp.evaluate.limits import Limits
    from cwm_lsp.evaluate.observed import Observed
    from cwm_lsp.evaluate.versions import Dialect

SMALL = 100
"""Elements or characters of a value that does not count as large."""
MOST_TOUCHED = 1_000
CHECK_EVERY = 64
"""Operations between two looks at the clock."""


class Visits(Protocol):
    """What is to be done at the steps of an evaluation."""

    @property
    def pending(self) -> bool:
        """Whether there is more to come."""

    def is_left_out(self, frame: Frame) -> bool:
        """Whether the steps of a frame that has just been entered are left out."""

    def at(self, step: int, frame: Frame) -> None:
        """The frame is about to show a step."""


class Machine(ABC):
    """What is below frames and events: the state of an evaluation, its limits, and what is not known.

    `emit` takes each event; `ask` takes a question and gives its answer; `elsewhere` does something in
    another thread and gives its result.
    """

    def __init__(
        self,
        limits: Limits,
        emit: Callable[[Event], None],
        ask: Callable[[Question], Any],
        elsewhere: Callable[[Callable[[], Any]], Any],
    ) -> None:
        self.elsewhere = elsewhere
        self.emit_event = emit
        self.ask_model = ask
        self.targets: Collection[Code] | None = None
        """The function whose first call begins the trace, by its definitions; None for whichever is called first."""
        self.program = ""
        """The text of the file and of the call."""
        self.started = False
        """The file's top level is through, and the call under way."""
        self.tracing = False
        self.entered = False
        self.depth = 0
        self.base = 0
        """The depth of the frame that the steps' own depths are counted from."""
        self.away = False
        """The traced activation is suspended."""
        self.below = 0
        """Calls in C on the stack, between frames of the program, that count as frames do."""
        self.slack = 0
        """How many more there may be."""
        self.expected: int | None = None
        """How many of them the next call out of C has around it, where that is known."""
        self.at_most: int | None = None
        """How many it may have, where no more is known."""
        self.deeper = False
        """The program lets calls be nested deeper than it is counted here."""
        self.aside = 0
        """Code of the program runs for the tracer's sake: it has frames of its own."""
        self.unseen = 0
        """Frames on the stack that are stepped over."""
        self.visits: Visits | None = None
        """What is to be done at its steps, if anything."""
        self.stirred = 0
        """Frames begun or resumed, but for those of the call's own text: each may have changed something."""
        self.frame: Frame | None = None
        self.tainted = False
        """Something that is not the same in every run, or that a model said, has come in: nothing is computed now."""
        self.trusted: Frame | None = None
        """A frame that evaluates an annotation: nothing unknown in it is taken to raise."""
        self.asked = False
        """Since the last event a model has said that nothing is raised."""
        self.poisoned: dict[int, Any] = {}
        """Mutable values that unknown code may have changed, by identity."""
        self.outside = 0
        """How often code that is not known has had hold of an object that is not: it may have changed any such one."""
        self.disturbed: set[int] = set()
        """Those that it may have changed in the traced call: what they are now a model may say."""
        self.unseeded: dict[int, Any] = {}
        """Random generators that give other numbers in every run, by identity."""
        self.loading = 0
        """Modules whose top level is being interpreted, one inside the other."""
        self.guarded = 0
        """Blocks around what runs that may catch an exception."""
        self.dialect: Dialect | None = None
        """What the Python that would run the program says otherwise than this one."""
        self.target: tuple[int, int] = (3, 11)
        """The version of that Python."""
        self.followed = True
        """Its steps are known: else no more than the arguments of the traced call is."""
        self.thrown = 0
        """The exception that the program itself has raised last, by its identity."""
        self.tracebacks: dict[int, object] = {}
        """Once an `except*` has been at work: what stands for an exception's traceback, by its identity."""
        self.classes: set[type] = set()
        """The classes of the user's file."""
        self.modules: dict[str, Any] = {}
        self.homes: dict[int, Home] = {}
        """Modules by the identity of their namespaces."""
        self.generators = False
        self.awaits = False
        """There are coroutines."""
        self.arriving = 0
        """The identity of an exception that is about to be raised in a frame by another one."""
        self.seeded = 0
        """Hashes that differ from run to run and were told to CPython."""
        """The program has made a generator, whose end may show."""
        self.finalizing = False
        """The program has a class with `__del__`."""
        self.mortal = False
        """It has an instance of such a class."""
        self.ending = 0
        """Generators that are being ended because nothing refers to them any more, one inside the other."""
        self.doomed: str | None = None
        """Why the evaluation has to end, where that could not be raised at once."""
        self.held: list[Event] = []
        """The events of such an end, until it is clear that no exception was on its way."""
        self.fresh: Provenance = "computed"
        """Where a value that is shown for the first time comes from, if no model had a part in it."""
        self.returned: str | None = None
        """What the traced call returned last shows as."""
        self.left: Left | None = None
        """How the traced call was left, once it is over."""
        self.loop: Loop | None = None
        """Why the call is never left."""
        self.unknowns = 0
        """Questions asked, and operations that were not known."""
        self.shrunk = 0
        """How often something has been taken from a set."""
        self.raised_at: int | None = None
        """The line at which the latest exception was raised."""
        self.trail: list[tuple[str, str, int]] = []
        """The frames that the latest exception has left, the innermost first: module, function, line."""
        self.trail_of = 0, 0
        """The identities of that exception and of the frame that it has come to."""
        self.risen = 0
        """Identity of the exception that was shown last."""
        self.rising = 0
        """The same, while it is on its way: it leaves a frame for the next, or is raised again."""
        self.operations = 0
        self.allocated = 0
        self.events = 0
        self.texts = 0
        self.order_texts: dict[str, str] = {}
        self.cancelled = False
        self.prepare_for(limits)
        self.muted: str | None = None
        """Why no more events are shown, although the call goes on."""
        self.acting = 0
        """Operations under way of which it is not told what they change."""
        self.acts = 0
        """How many of those there have been."""
        self.touched: list[int] = []
        """The identities of objects that were changed one by one, in order."""
        self.reaching = False
        """There are classes of the program whose attributes may change something when they are read or set."""
        self.aliased = False
        """The dict of an instance may be in the program's hands."""
        self.observed: Observed | None = None
        """What is noted of a call whose events are not wanted."""
        self.closed = False
        """The evaluation is over; what is left of its generators is only being cleaned up."""

    def prepare_for(self, limits: Limits) -> None:
        """An evaluation is about to begin."""
        self.limits = limits
        self.thread = get_ident()
        """Who interprets."""
        self.rest()

    def begin(self) -> None:
        """The calling thread is the one that interprets, from now on."""
        self.thread = get_ident()
        self.clock: Clock = of_this_thread()
        """What that thread has worked."""
        self.deadline = self.clock() + self.limits.seconds

    def rest(self) -> None:
        """Nobody interprets: its thread may end."""
        self.deadline = math.inf
        self.clock = not_begun

    @property
    def worked(self) -> float:
        """Seconds that the processor has worked for the evaluation under way."""
        return self.limits.seconds - (self.deadline - self.clock())

    def touch(self, value: Any) -> None:
        """An object has been changed, and no other."""
        touched = self.touched
        touched.append(id(value))
        if self.aliased or len(touched) > MOST_TOUCHED:
            touched.clear()
            self.acts += 1

    def tick(self) -> None:
        """Count one operation."""
        self.operations += 1
        if not self.operations % CHECK_EVERY:
            self.check()

    def check(self) -> None:
        if self.cancelled:
            raise GaveUp("cancelled")
        if self.operations > self.limits.operations:
            raise Exhausted(f"the call takes more than {self.limits.operations:,} steps{self.place}")
        if self.clock() > self.deadline:
            raise Exhausted(f"the call takes more than {self.limits.seconds:g} s to evaluate{self.place}")

    @property
    def place(self) -> str:
        """How far the traced call has come, in words."""
        frame = self.frame
        while frame is not None and not (frame.traced and frame.line):
            frame = frame.caller
        return f"; it was at line {frame.line} of {frame.code.name}" if frame is not None else ""

    def has_shown(self, size: int) -> None:
        """Count what is kept of an event: characters, or as much memory."""
        self.texts += size
        if self.texts > self.limits.texts and self.muted is None:
            self.muted = "the values of the trace are too long to show"

    def allow(self, size: int) -> None:
        """Admit one value of `size` elements or characters, about to be made."""
        if size > self.limits.elements:
            raise TooMuch(f"a value of {size:,} elements is too large")
        if size > SMALL:
            self.take(size)

    def take(self, size: int) -> None:
        """Count a value of `size` elements or characters, however large it is."""
        self.allocated += size
        if self.allocated > self.limits.allocated:
            raise TooMuch("the call makes too many large values")

    def never_ends(self, loop: Loop) -> NoReturn:
        """The call will not come out of a loop."""
        self.loop = loop
        raise GaveUp(str(loop))

    def allow_bits(self, bits: float) -> None:
        """Admit one integer of so many bits, about to be made."""
        if bits > self.limits.integer_bits:
            raise TooMuch(f"an integer of more than {self.limits.integer_bits:,} bits is too large")

    def ticker(self, iterator: Any) -> Ticker:
        return Ticker(iterator, self.tick, self.limits.elements)

    # what is not known

    def give_up(self, reason: str) -> None:
        """The trace is not known."""
        if self.tracing:
            raise GaveUp(reason)
        self.doomed = reason

    def taint(self) -> None:
        """From here on nothing is the same in every run."""
        self.tainted = True

    @property
    def lively(self) -> bool:
        """Whether what happens now is of the program's doing."""
        ended = self.closed or self.cancelled or self.doomed is not None or self.left is not None
        return not (ended or lifetimes.collecting() or self.thread != get_ident())

    @contextmanager
    def untraced(self) -> Iterator[None]:
        """Let the file's code run for the tracer's own sake: reprs."""
        tracing, self.tracing = self.tracing, False
        self.aside += 1
        try:
            yield
        finally:
            self.aside -= 1
            self.tracing = tracing

    @property
    @abstractmethod
    def certain(self) -> bool:
        """Whether a value shows what it shows for its own sake alone: no code that is not known may have changed it."""

    @abstractmethod
    def unknown(self, touched: Iterable[Any] = ()) -> Unknown:
        """The result of an operation that cannot be known and may have changed what it `touched`."""

    @abstractmethod
    def is_guarded(self) -> bool:
        """Whether an exception raised here may be caught outside of the traced call."""

    @abstractmethod
    def reaches(self, values: Iterable[Any], test: Callable[[Any], bool]) -> bool:
        """Whether the test holds for one of the values or for something that can be reached from them."""

    @abstractmethod
    def inside(self, value: Any) -> list[Any]:
        """The values directly inside a container or an instance of a class of the file."""

    @abstractmethod
    def touchable(self, values: Iterable[Any]) -> None:
        """Raise `Undetermined` if something is poisoned among values about to be looked into, or shown."""
