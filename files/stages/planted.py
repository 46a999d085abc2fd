# The machine's lasting host key takes the place of the one it booted with for the first time.


def main(plan):
    key = "/etc/ssh/ssh_host_ed25519_key"
    write(f"{key}.pub", plan["public"] + "\n")
    if write(key, plan["private"], mode="0600"):
        run("systemctl", "restart", "ssh.service")
