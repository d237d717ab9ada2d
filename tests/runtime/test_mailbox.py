"""What waits for an actor is taken in its order, and each piece of it is told."""

from actors.runtime.mailbox import Mailbox


def test_what_was_put_is_taken_once_and_in_order() -> None:
    mailbox = Mailbox[int](lambda: None)
    mailbox.put(1)
    mailbox.put(2)
    assert mailbox.waiting == [1, 2]
    assert mailbox.take() == [1, 2]
    assert mailbox.take() == []


def test_whoever_takes_is_called_by_what_comes_and_by_what_comes_while_it_works() -> None:
    taken: list[list[int]] = []

    def take() -> None:
        mail = mailbox.take()
        taken.append(mail)
        if mail == [1]:
            mailbox.put(2)

    mailbox = Mailbox[int](take)
    mailbox.put(1)
    mailbox.put(3)
    assert taken == [[1], [2], [3]]
