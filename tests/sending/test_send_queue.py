"""What waits in a lane leaves in the order of each conversation, together where it is alike, and none is forgotten."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.sending.outbox import Queued
from bot.sending.rush import RushLimits
from bot.sending.send_queue import MOST_ALIKE, MOST_RECIPIENTS, CallGroup, SendQueue

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def queued(at: int, text: str = "hello", conversation: str | None = None, **more: Any) -> Queued:
    """The message with this number; in a conversation of its own unless told otherwise."""
    return Queued(
        id=f"{at:06}",
        conversation_id=conversation or f"c{at}",
        peer=f"+1555{at:07}",
        text=text,
        attempts=0,
        next_try_at=None,
        **more,
    )


def ids(group: CallGroup | None) -> list[int]:
    return [] if group is None else [int(message.id) for message in group.messages]


def end(window: SendQueue, group: CallGroup | None) -> None:
    """Everything of this call has been sent."""
    assert group is not None
    for message in group.messages:
        window.drop(message)
    window.end_call(group)


def test_alike_texts_leave_together_up_to_a_hundred_the_oldest_first() -> None:
    window = SendQueue()
    window.add([queued(0, "other"), *(queued(at) for at in range(1, 251))])
    assert ids(window.take(0)) == [0]
    assert ids(window.take(0)) == list(range(1, 101))
    assert ids(window.take(0)) == list(range(101, 201))
    assert ids(window.take(0)) == list(range(201, 251))
    assert window.take(0) is None


def test_the_oldest_text_goes_first_however_many_of_another_wait() -> None:
    window = SendQueue()
    window.add(queued(at, "rush") for at in range(300))
    window.add([queued(300, "alone")])
    window.add(queued(at, "rush") for at in range(301, 700))
    texts = [group.messages[0].text for _ in range(4) if (group := window.take(0))]
    assert texts == ["rush", "rush", "rush", "alone"]


def test_a_conversations_next_message_waits_for_the_one_before_it() -> None:
    window = SendQueue()
    window.add([queued(1, "one", "c"), queued(2, "two", "c")])
    first = window.take(0)
    assert ids(first) == [1]
    assert window.take(0) is None
    end(window, first)
    assert ids(window.take(0)) == [2]


def test_one_that_comes_late_but_is_older_goes_first_unless_the_other_is_out() -> None:
    window = SendQueue()
    window.add([queued(5, "later", "c")])
    window.add([queued(4, "earlier", "c")])
    first = window.take(0)
    assert ids(first) == [4]
    window.add([queued(3, "too late", "c")])
    assert window.take(0) is None
    end(window, first)
    assert ids(window.take(0)) == [3]


def test_few_calls_of_one_text_are_out_at_a_time_but_for_full_ones() -> None:
    window = SendQueue()
    out = []
    for at in range(MOST_ALIKE):
        window.add([queued(at)])
        out.append(window.take(0))
    window.add(queued(at) for at in range(10, 60))
    window.add([queued(60, "another text")])
    assert ids(window.take(0)) == [60]
    assert window.take(0) is None
    window.add(queued(at) for at in range(100, 150))
    assert ids(window.take(0)) == [*range(10, 60), *range(100, 150)], "a full one need not wait"
    window.add([queued(200)])
    assert window.take(0) is None
    end(window, out[0])
    assert ids(window.take(0)) == [200]


def test_what_is_given_back_waits_its_time_and_leaves_as_it_was() -> None:
    window = SendQueue()
    window.add(queued(at) for at in range(3))
    group = window.take(0)
    assert group is not None
    for message in group.messages:
        window.give_back(queued(int(message.id), tag="tag"), due=5.0)
    window.end_call(group)
    window.add([queued(3)])
    assert window.next_due() == 5.0
    assert ids(window.take(4.9)) == [3], "it is no part of the call that is repeated"
    again = window.take(5.0)
    assert ids(again) == [0, 1, 2]
    assert window.next_due() is None


def test_a_call_that_was_refused_as_a_whole_leaves_in_smaller_ones() -> None:
    window = SendQueue()
    window.add(queued(at) for at in range(100))
    group = window.take(0)
    assert group is not None
    for message in group.messages:
        window.give_back(queued(int(message.id), tag="tag"), due=0, most=10)
    window.end_call(group)
    groups = [ids(window.take(0)) for _ in range(10)]
    assert [len(each) for each in groups] == [10] * 10
    assert window.take(0) is None


def test_in_trouble_one_message_leaves_and_the_rest_stays() -> None:
    window = SendQueue()
    window.add(queued(at) for at in range(150))
    assert ids(window.take(0, most=1)) == [0]
    assert len(ids(window.take(0, most=30))) == 30
    assert len(ids(window.take(0))) == MOST_RECIPIENTS


def test_what_is_there_already_is_not_taken_in_again() -> None:
    window = SendQueue()
    window.add([queued(1), queued(1)])
    window.add([queued(1)])
    assert len(window) == 1
    end(window, window.take(0))
    assert len(window) == 0
    assert window.take(0) is None


def in_a_rush() -> tuple[SendQueue, int]:
    """A queue that eight messages with texts of their own at a time have passed; and the next free number."""
    window, at = SendQueue(RushLimits(arrivals=8)), 0
    for _ in range(40):
        window.add(queued(number, f"text {number}") for number in range(at, at + 8))
        at += 8
        while group := window.take(0):
            end(window, group)
    return window, at


def test_in_a_rush_the_next_call_with_a_text_waits_for_more_of_it() -> None:
    window, at = in_a_rush()
    window.add([queued(at)])
    first = window.take(10)
    assert ids(first) == [at], "what comes alone does not wait"
    end(window, first)
    window.add([queued(at + 1), queued(at + 2, "other"), queued(at + 3, "third")])
    assert [ids(window.take(10.001)), ids(window.take(10.001))] == [[at + 2], [at + 3]], "others do not wait"
    window.add([queued(at + 4)])
    assert window.take(10.002) is None
    while (group := window.take(due := window.next_due() or 0)) is None:
        assert 10.002 < due <= 10.1
    assert ids(group) == [at + 1, at + 4]


def test_a_full_call_waits_for_nothing() -> None:
    window, at = in_a_rush()
    window.add([queued(at)])
    assert ids(window.take(10)) == [at]
    window.add(queued(number) for number in range(at + 1, at + 102))
    assert ids(window.take(10)) == list(range(at + 1, at + 101))
    assert window.take(10) is None


def test_a_try_that_is_repeated_waits_for_nothing_more_than_its_time() -> None:
    window, at = in_a_rush()
    window.add([queued(at)])
    group = window.take(10)
    assert group is not None
    assert ids(group) == [at]
    window.give_back(queued(at, tag="tag"), 10.01)
    window.end_call(group)
    assert ids(window.take(10.01)) == [at]


def test_when_the_rush_is_over_nothing_waits() -> None:
    window, at = in_a_rush()
    for number in range(at, at + 20):
        window.add([queued(number, f"text {number}")])
        end(window, window.take(20))
    window.add([queued(at + 20)])
    end(window, window.take(30))
    window.add([queued(at + 21)])
    assert ids(window.take(30)) == [at + 21]


class AnyUse(RuleBasedStateMachine):
    """Whatever is added, taken, given back and dropped: order holds, nothing is out twice, nothing is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.window = SendQueue()
        self.now = 0.0
        self.next = 0
        self.waiting: dict[str, list[str]] = {}
        self.calls: list[CallGroup] = []

    @rule(
        conversations=st.lists(st.integers(0, 8), min_size=1, max_size=12),
        text=st.sampled_from(["a", "b", "c"]),
        together=st.booleans(),
    )
    def add(self, conversations: list[int], text: str, together: bool) -> None:
        messages = []
        for conversation in conversations:
            messages.append(queued(self.next, text, f"c{conversation}"))
            self.next += 1
            self.waiting.setdefault(f"c{conversation}", []).append(messages[-1].id)
        for some in [messages] if together else [[message] for message in messages]:
            self.window.add(some)

    @rule(most=st.integers(1, 100))
    def take(self, most: int) -> None:
        group = self.window.take(self.now, most)
        if group is None:
            return
        assert 0 < len(group.messages) <= most
        assert len({(message.text, message.tag) for message in group.messages}) == 1
        for message in group.messages:
            assert self.waiting[message.conversation_id][0] == message.id
        self.calls.append(group)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        group = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        wait = data.draw(st.sampled_from([0.0, 1.0, 5.0]))
        for message in group.messages:
            if data.draw(st.booleans()):
                self.window.drop(message)
                assert self.waiting[message.conversation_id].pop(0) == message.id
            else:
                again = queued(
                    int(message.id), message.text, message.conversation_id, tag=message.tag or "tag"
                )
                self.window.give_back(again, self.now + wait)
        self.window.end_call(group)

    @rule(seconds=st.sampled_from([0.01, 0.5, 1.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def knows_what_waits(self) -> None:
        assert len(self.window) == sum(map(len, self.waiting.values()))

    @invariant()
    def nobody_is_out_twice(self) -> None:
        out = [message.conversation_id for group in self.calls for message in group.messages]
        assert len(out) == len(set(out))

    def teardown(self) -> None:
        """All that waits leaves in the end."""
        for call in self.calls:
            for message in call.messages:
                self.window.drop(message)
                self.waiting[message.conversation_id].pop(0)
            self.window.end_call(call)
        self.now += 100
        while len(self.window):
            group = self.window.take(self.now)
            if group is None:  # more of a text was to be waited for
                due = self.window.next_due()
                assert due is not None
                self.now = due
                continue
            for message in group.messages:
                self.window.drop(message)
                assert self.waiting[message.conversation_id].pop(0) == message.id
            self.window.end_call(group)
        assert not any(self.waiting.values())
        assert len(self.window) == 0


TestAnyUse = AnyUse.TestCase
