"""Let a dialogue that broke off go on where it was, instead of from its beginning [PLC-7]."""

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from drivers.dlms.conversations import Conversation


Result = TypeVar("Result")

KEPT_FOR_S: Final = 21_600.0
"""What a meter said longer ago is asked again."""


class Unfinished:
    """The answers that one meter has given to the dialogue so far, in order.

    They are given again as long as the dialogue asks just the same. One that asks differently, or
    that ends in any way, forgets them.

    Attributes:
        names_max: so many names the questions had at most.
        begun_at_s: UTC second of the beginning.
    """

    def __init__(self, names_max: int, begun_at_s: float) -> None:
        self.names_max = names_max
        self.begun_at_s = begun_at_s
        self._said: list[tuple[bytes, bytes]] = []

    def is_of_use(self, names_max: int, now_s: float) -> bool:
        """Return whether its questions are short enough, and its answers fresh enough."""
        return self.names_max <= names_max and 0.0 <= now_s - self.begun_at_s < KEPT_FOR_S

    def go_on(self, conversation: "Conversation[Result]") -> "Conversation[Result]":
        """Hold a dialogue, giving the answers that are known.

        Raises:
            PeerError: as the dialogue does; what was said is then forgotten.
        """
        at = 0
        apdu = next(conversation)
        while True:
            if at < len(self._said) and self._said[at][0] == apdu:
                answer = self._said[at][1]
            else:
                del self._said[at:]
                answer = yield apdu
                self._said.append((apdu, answer))
            at += 1
            try:
                apdu = conversation.send(answer)
            except StopIteration as ended:
                self._said.clear()
                result: Result = ended.value
                return result
            except Exception:
                self._said.clear()
                raise
