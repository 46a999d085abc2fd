"""From `up` to `destroy`: change, break, switch, on machines that the tests make themselves.

May make machines, stacks and files of its own. May not touch the user's, and leaves none behind.
"""
