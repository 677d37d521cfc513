# cwm-lsp in five minutes. This is a copy: change what you like.
#
# 1. VALUES BEFORE ANYTHING RUNS
#
# Beside the lines of `total` stands what they will produce for the call in its
# doctest. Nothing of this has been run. Go to the line `result += price` and
# press K: that is all that is known of it.


def total(prices: list[int], discount: int) -> int:
    """What is to be paid.

    >>> total([5, 20, 10], 3)
    32
    """
    result = 0
    for price in prices:
        result += price
        if price > 50:
            result -= discount
    return result - discount


# 2. ITERATIONS
#
# The hints show the last of three iterations, `3/3`. In the loop, type
#
#     :Cwm prev
#
# and again. `:Cwm next` goes the other way. The iteration stays when you edit.
#
# 3. WHAT CHANGES WITH AN EDIT
#
# Change `- discount` in the last line to `+ discount`. The values follow, and
# the doctest's 32 gets a mark: it does not hold any more. Undo it with u.
#
# 4. ANOTHER CALL
#
# The line that is dimmed is not reached. Have a call that reaches it:
#
#     :Cwm predict total([1, 60], 3)
#
# 5. WHAT NOBODY CAN PREDICT
#
# The hints of `draw` end where chance begins, and say so. Running it tells how
# it was, in a process of its own, and only because you ask for it:
#
#     :Cwm run

from random import randrange


def draw(tickets: list[str]) -> str:
    """
    >>> draw(["a", "b", "c"])
    """
    count = len(tickets)
    winner = randrange(count)
    return tickets[winner]


# 6. STEP BY STEP
#
# All steps of a call, in `draw` prediction and run beside each other:
#
#     :Cwm trace
#
# q closes it. With nvim-dap, step through a prediction, forward and backward:
#
#     :Cwm debug
#     :Cwm back
#
# 7. WHERE TO GO FROM HERE
#
#     :Cwm status           what is known of the function at the cursor
#     :help cwm-lsp         all commands, mappings, options
#     :checkhealth cwm_lsp  when something is missing
