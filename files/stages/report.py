# A node's own account of itself, as one line of JSON.


def main(plan):
    say(json.dumps(account(plan)))
