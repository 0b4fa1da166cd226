"""Whose turn it is, and what becomes of a job that failed: the rules, with no server and no clock."""

import pytest

from ffgo.errors import FFGOError
from ffgo.remote.kinds import (
    JobRefusedError,
    LocalDiskError,
    NodeFailedError,
    NodeMemoryError,
    ServerLostError,
    UnwritableError,
    kind_of,
)
from ffgo.remote.meter import Meter
from ffgo.remote.rules import MOST_IN_A_ROW, MOST_LOSSES, MOST_LOST_IN_A_ROW, Board, Piece
from ffgo.remote.wire import ServerGoneError
from ffgo.remote.workflow import UsageError


def board(jobs=6, servers="ab", ahead=0, groups=None) -> Board:
    return Board([Piece(n, str(n), groups or f"group {n}") for n in range(jobs)], list(servers), ahead=ahead)


def order(one: Board) -> list[int]:
    return [task.job for task in one.todo]


def put_through(one: Board, server: str, kind):
    """The server takes a job, which ends so."""
    turn = one.take(server)
    return turn, one.ended(turn, kind)


def test_jobs_are_given_in_order_and_done_ones_are_gone():
    one = board(3, "a")
    assert [put_through(one, "a", None)[0].task.job for _ in range(3)] == [0, 1, 2]
    assert one.is_over
    assert one.left == 0


def test_a_server_has_one_job_and_as_many_in_its_queue_as_it_may():
    one = board(6, "ab", ahead=1)
    first = one.take("a")
    assert not one.has_turn("a")  # the second one follows the first into the queue
    one.queued(first)
    assert one.has_turn("a")
    one.queued(one.take("a"))
    assert not one.has_turn("a")
    assert one.has_turn("b")


def test_the_last_jobs_wait_for_a_server_that_has_nothing_to_do():
    one = board(3, "ab", ahead=1)
    for server in "ab":
        one.queued(one.take(server))
    assert not one.has_turn("a")
    assert order(one) == [2]


def test_a_lost_job_comes_first_again_and_goes_to_another_server():
    one = board(4)
    lost, other = one.take("a"), one.take("b")
    assert one.ended(lost, "lost") == "again"
    assert order(one) == [0, 2, 3]
    assert not one.places["a"].is_up
    assert not one.has_turn("a")
    one.answers("a")
    assert one.take("a").task.job == 2  # and not the one that it was lost with
    one.ended(other, None)
    assert one.take("b").task.job == 0


def test_a_lost_job_goes_to_the_same_server_where_there_is_no_other():
    one = board(2, "a")
    one.ended(one.take("a"), "lost")
    one.answers("a")
    assert one.take("a").task.job == 0


def test_one_death_with_two_jobs_is_one_loss_of_the_first():
    one = board(6, "ab", ahead=1)
    first, second = one.take("a"), one.take("a")
    for turn in (second, first):
        assert one.ended(turn, "lost") == "again"
    assert one.places["a"].losses == 1
    assert (first.task.losses, second.task.losses) == (1, 0)


def test_a_job_that_ends_every_server_is_given_up():
    one = board(1, "abcdefg")
    for server in "abcdefg"[: MOST_LOSSES - 1]:
        assert put_through(one, server, "lost")[1] == "again"
    assert put_through(one, "f", "lost")[1] == "failed"
    assert one.is_over


def test_a_server_that_is_lost_again_and_again_rests_longer_and_is_out_in_the_end():
    one = board(100, "ab")
    rests = []
    for _ in range(MOST_LOST_IN_A_ROW):
        put_through(one, "a", "lost")
        rests.append(one.places["a"].rest_s)
        one.answers("a")
    assert rests == sorted(rests)
    assert rests[0] == 0
    assert "lost 10 times in a row" in one.places["a"].out
    assert not one.has_turn("a")


def test_a_job_done_between_makes_up_for_losses():
    one = board(100, "ab")
    for _ in range(3 * MOST_LOST_IN_A_ROW):
        put_through(one, "a", "lost")
        one.answers("a")
        put_through(one, "a", None)
        while one.todo and one.todo[0].lost_on == "a":
            put_through(one, "b", None)
    assert not one.places["a"].out


@pytest.mark.parametrize("kind", ["refused", "memory", "other"])
def test_what_another_server_may_do_is_tried_there_once(kind):
    one = board(1, "abc")
    assert put_through(one, "a", kind)[1] == "again"
    assert not one.has_turn("a")
    assert put_through(one, "b", kind)[1] == "failed"
    assert one.is_over
    assert put_through(board(1, "a"), "a", kind)[1] == "failed"


def test_a_failed_node_is_final():
    one = board(2)
    assert put_through(one, "a", "failed")[1] == "failed"
    assert order(one) == [1]


def test_a_server_that_fails_at_many_groups_is_out_but_never_the_last_one():
    one = board(20)
    for number in range(MOST_IN_A_ROW):
        assert not one.places["a"].out, number
        put_through(one, "a", "failed")
    assert "failed at 5 different ones" in one.places["a"].out
    for _ in range(2 * MOST_IN_A_ROW):
        put_through(one, "b", "failed")
    assert not one.places["b"].out


def test_seeds_of_one_bad_case_put_no_server_out():
    one = board(20, groups="one case")
    for _ in range(2 * MOST_IN_A_ROW):
        put_through(one, "a", "failed")
    assert not one.places["a"].out


def test_all_is_over_when_nobody_is_left_who_could_do_the_rest():
    one = board(2)
    put_through(one, "a", "refused")
    one.put_out("b", "gone")
    assert not one.is_over  # a can do the second one
    put_through(one, "a", None)
    assert one.is_over
    assert one.left == 1


def test_what_a_server_has_of_another_runner_is_waited_for_there():
    one = board(3)
    one.keep("b", one.todo[1], "an id")
    turn = one.take("b")
    assert (turn.task.job, turn.job_id, turn.is_there) == (1, "an id", True)
    assert one.ended(turn, "failed") == "again"  # somebody may have stopped it: from new
    assert one.take("b").job_id != "an id"


def test_what_a_silent_server_was_to_keep_is_given_to_others():
    one = board(3)
    for number in (0, 1):
        one.keep("b", next(task for task in one.todo if task.job == number), "an id")
    one.silent("b")
    assert order(one) == [0, 1, 2]
    assert not one.take("a").is_there


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServerLostError, "lost"),
        (ServerGoneError, "lost"),
        (JobRefusedError, "refused"),
        (UsageError, "refused"),
        (NodeFailedError, "failed"),
        (NodeMemoryError, "memory"),
        (FFGOError, "other"),
    ],
)
def test_errors_carry_their_kind(error, kind):
    assert kind_of(error("")) == kind


def test_a_folder_that_cannot_be_written_to_is_wrong_use_and_ends_all():
    assert issubclass(UnwritableError, UsageError)
    assert issubclass(UnwritableError, LocalDiskError)


def test_what_is_left_is_told_by_the_group_and_the_servers_that_work():
    meter = Meter(9)
    assert meter.ends("x", "slow", 2) == "[1/9] x"
    meter.took("slow", 100)
    meter.took("quick", 10)
    assert meter.ends("y", "quick", 2) == "[2/9] y, about 35 s to go"
    assert meter.ends("y", "slow", 1) == "[3/9] y, about 10 min to go"
    assert meter.begins("z", "other", 1) == "[1/9] z, about 8 min to go"
