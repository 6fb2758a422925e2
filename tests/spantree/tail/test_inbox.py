"""The inbox between the receiver's threads and the view."""

from spantree.tail import Inbox
from spantree.tail.inbox import MOST_WAITING
from tests.spantree.tail.events import a_root


def test_the_inbox_is_bounded_and_counts_what_it_drops() -> None:
    notified: list[bool] = []
    inbox = Inbox(lambda: notified.append(inbox.waiting))
    batch = [a_root(1)] * (MOST_WAITING - 1)
    inbox.put(batch)
    inbox.put(batch)
    assert notified == [True, True]
    assert (len(inbox.take()), inbox.lost) == (MOST_WAITING, MOST_WAITING - 2)
    assert (inbox.waiting, inbox.take()) == (False, [])
    inbox.put(batch)
    assert (len(inbox.take()), inbox.lost) == (MOST_WAITING - 1, MOST_WAITING - 2)
