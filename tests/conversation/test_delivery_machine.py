"""Whatever order it is heard in, a message's story ends in the state that the story told in order ends in."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.conversation.delivery import (
    ACCEPTED,
    DeliveryEvent,
    DeliveryState,
    NoAnswer,
    Rejected,
    Suppressed,
    next_state,
    status_of,
)
from bot.conversation.events import DeliveryReport
from tests.support.bots import report
from tests.support.properties import examples

QUEUED = DeliveryState(status="queued")
SILENCE = NoAnswer("Nobody knows.")

reports = st.builds(
    report,
    st.sampled_from(["m", "the same SMS under a second name"]),
    st.sampled_from(
        ["Delivered", "Failed", "Expired", "Pending", "Unknown", "", "Queued at carrier", "Not failed"]
    ),
    st.sampled_from(["No error.", "4004", "4006: Not reachable", "4007", "5002", "", None]),
    seconds=st.sampled_from([None, -1, 0, 1, 2, 2.5]),
)


def told(story: Sequence[DeliveryEvent]) -> DeliveryState:
    """The end of a story."""
    state = QUEUED
    for happened in story:
        state = next_state(state, happened)
    return state


def in_order(story: Sequence[DeliveryEvent]) -> DeliveryState:
    """The end of the same story told in order: what ACS said, what time told, then each report by its time."""

    def place(happened: DeliveryEvent) -> tuple[Any, ...]:
        if not isinstance(happened, DeliveryReport):
            return (0,) if not isinstance(happened, NoAnswer) else (1,)
        moment = happened.reported_at.timestamp() if happened.reported_at else 0.0
        rank = ["", "unconfirmed", "failed", "delivered"].index(status_of(happened) or "")
        details = (happened.details is not None, happened.details or "")
        # Among unknown words what is shown decides, and the word is part of that.
        shown = details if rank else (True, f"{happened.status}: {happened.details or ''}")
        return (2, rank > 0, moment, rank, shown)

    return told(sorted(story, key=place))


@pytest.mark.parametrize("details", list(permutations(["", None])))
def test_reports_that_differ_by_empty_details_alone_end_alike_in_any_order(
    details: tuple[str | None, str | None],
) -> None:
    story = [ACCEPTED, *(report("m", "Failed", each) for each in details)]
    assert told(story) == told(story[::-1]) == in_order(story)
    assert told(story).details == ""


@settings(max_examples=examples(400))
@given(
    st.lists(reports, max_size=6),
    st.sampled_from([ACCEPTED, Rejected("No."), SILENCE, Suppressed("Out.")]),
    st.data(),
)
def test_any_order_and_multiplicity_ends_in_the_same_state(
    heard: list[DeliveryReport], answer: DeliveryEvent, data: st.DataObject
) -> None:
    """The end of the sending (ACS's word, or that nobody knows) may come at any place among the reports."""
    if isinstance(answer, Suppressed):
        heard = []  # it was never sent, so nobody reports of it
    story: list[DeliveryEvent] = [answer, *heard]
    again = data.draw(st.lists(st.sampled_from(story), max_size=6))
    other = data.draw(st.permutations([*story, *again]))
    assert told(other) == told(story) == in_order(story)


@given(st.lists(reports, max_size=5), st.data())
def test_a_timeout_in_between_makes_no_difference_once_a_report_is_there(
    heard: list[DeliveryReport], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(heard)))
    waited = told([ACCEPTED, *heard[:at], SILENCE, *heard[at:]])
    if any(status_of(one) for one in heard):
        assert waited == told([ACCEPTED, *heard])
    else:
        assert waited == DeliveryState(status="unconfirmed", details="Nobody knows.")


class ADeliveryMachine(RuleBasedStateMachine):
    """One message: whatever happens next, nothing that is known is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.state = QUEUED
        self.story: list[DeliveryEvent] = []

    def happen(self, happened: DeliveryEvent) -> None:
        self.story.append(happened)
        self.state = next_state(self.state, happened)

    @rule()
    def acs_takes_it(self) -> None:
        self.happen(ACCEPTED)

    @precondition(lambda self: self.state.status == "queued")
    @rule()
    def acs_refuses_it(self) -> None:
        self.happen(Rejected("No."))

    @precondition(lambda self: self.state.status in ("queued", "sent"))
    @rule()
    def nobody_knows(self) -> None:
        self.happen(SILENCE)

    @precondition(lambda self: self.story == [])
    @rule()
    def the_recipient_opts_out(self) -> None:
        self.happen(Suppressed("They opted out."))

    @rule(heard=reports)
    def a_report_comes(self, heard: DeliveryReport) -> None:
        self.happen(heard)

    @precondition(lambda self: self.story)
    @rule(data=st.data())
    def something_is_heard_again(self, data: st.DataObject) -> None:
        self.happen(data.draw(st.sampled_from(self.story)))

    @invariant()
    def what_the_newest_report_says_stands(self) -> None:
        known = [one for one in self.story if isinstance(one, DeliveryReport) and status_of(one)]
        if known and self.state.status != "suppressed":
            newest = max(known, key=lambda one: one.reported_at.timestamp() if one.reported_at else 0.0)
            said = {status_of(one) for one in known if one.reported_at == newest.reported_at}
            assert self.state.status in said

    @invariant()
    def a_message_that_acs_took_is_never_queued_again(self) -> None:
        if ACCEPTED in self.story:
            assert self.state.status != "queued"

    @invariant()
    def delivered_is_only_what_a_report_called_so(self) -> None:
        says = {status_of(one) for one in self.story if isinstance(one, DeliveryReport)}
        assert self.state.status != "delivered" or "delivered" in says

    @invariant()
    def what_was_never_sent_stays_so(self) -> None:
        if isinstance(next(iter(self.story), None), Suppressed):
            assert self.state.status == "suppressed"


TestADeliveryMachine = ADeliveryMachine.TestCase
