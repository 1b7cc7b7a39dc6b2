"""Why something that a person wanted can't be done, each with its sentence for them."""

from collections.abc import Sequence


class CannotAct(Exception):
    """What a person wanted can't be done; the message says why, and then nothing has changed.

    CannotAct
    ├── NotThere        there is nothing to act on
    ├── NoSuchSender    what is neither a phone number nor a sender of whom something is kept
    ├── CannotReply     the peer opted out
    ├── NoNumber        a sender that is a name can't be texted
    ├── KeptByCarrier   an opt-out that only the peer can undo
    ├── NotToBeResent   a message that must not be sent again
    │   └── OptedOutAtCarrier   its failure says that the peer opted out
    ├── MayArriveTwice  a message that may have arrived, and the person has not said that they know
    ├── NotSpoken       a language that the rules have no texts in
    ├── TooMany         more conversations than one act takes
    ├── HasLeft         a reply that can't be taken back any more
    └── AnsweredMeanwhile  another person has replied since this one began to write
    """


class NotThere(CannotAct):
    """There is nothing to act on."""

    def __init__(self, what: str, wanted: str) -> None:
        super().__init__(f"There is no {what} {wanted!r}.")


class NoSuchSender(CannotAct):
    """What is no phone number, and no name of a sender of whom something is kept."""

    def __init__(self, peer: str) -> None:
        super().__init__(
            f'"{peer}" is no phone number, and nothing is kept of a sender with that name: write the number with its'
            " country, such as +15555550101."
        )


class CannotReply(CannotAct):
    """The peer opted out: nobody may text them."""

    def __init__(self, peer: str) -> None:
        super().__init__(
            f"{peer} has opted out and is not to be texted: only their own START, or a consent that they gave you"
            " elsewhere and that you record, changes that."
        )


class NoNumber(CannotAct):
    """The peer is a name that a company sends under."""

    def __init__(self, peer: str) -> None:
        super().__init__(f"{peer} is a name and no number, so nothing can be sent back to it.")


class KeptByCarrier(CannotAct):
    """The carrier keeps the opt-out."""

    def __init__(self, peer: str, number: str) -> None:
        super().__init__(
            f"On {number} the carrier keeps opt-outs itself and lets nothing through to {peer}: only their own START"
            " changes that."
        )


class NotToBeResent(CannotAct):
    """A message that must not be sent again."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Only a reply that failed or is unconfirmed can be sent again, and once.")


class OptedOutAtCarrier(NotToBeResent):
    """A message that failed because the peer has opted out, and who has not agreed anew since."""

    def __init__(self) -> None:
        super().__init__("The carrier says that they have opted out (code 4007).")


class MayArriveTwice(CannotAct):
    """Nobody knows whether the message arrived."""

    def __init__(self, peer: str) -> None:
        super().__init__(
            f"Nobody knows whether this message arrived: sent again, {peer} may get it twice. If that is better than"
            " not at all, say so with may_arrive_twice."
        )


class NotSpoken(CannotAct):
    """The rules have no texts in a language."""

    def __init__(self, language: str, spoken: Sequence[str]) -> None:
        known = f"they speak {', '.join(spoken)}" if spoken else "they name none, under languages"
        super().__init__(f"The rules have no texts in {language!r}: {known}.")


class TooMany(CannotAct):
    """More conversations than one act takes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"One act takes at most {most} conversations: choose fewer.")


class HasLeft(CannotAct):
    """A reply that was sent, or that is not to be sent any more."""

    def __init__(self, status: str) -> None:
        super().__init__(f"This reply can't be taken back: it is {status}.")


class AnsweredMeanwhile(CannotAct):
    """Another person has replied while this one wrote."""

    def __init__(self, by: str) -> None:
        super().__init__(
            f"{by} has answered while you wrote, so yours is not sent: read what they said. It is kept as a draft, and"
            " sent when you send it again."
        )
