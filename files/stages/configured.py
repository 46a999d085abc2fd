# Stage `configured`: every file of the node's configuration lies on the machine, ready to be activated.
# A running process goes on with what it was started with, and so does the machine when it is rebooted now.


def main(plan):
    stage_files(plan)
    running = Path(plan["running_fingerprint"])
    if running.is_file() and running.read_text().strip() == plan["fingerprint"]:
        activate(plan)


def stage_files(plan):
    """The staged folder is replaced as a whole, so that it never holds half of two configurations."""
    staged = Path(plan["staged"])
    staged.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=staged.parent, prefix=".staged."))
    fresh.chmod(0o755)
    for file in plan["files"]:
        write(f"{fresh}{file['path']}", file["content"], file["owner"], file["group"], file["mode"])
    manifest = {key: plan[key] for key in ("fingerprint", "services", "idle_services", "reason")}
    manifest["files"] = [{key: value for key, value in file.items() if key != "content"} for file in plan["files"]]
    write(fresh / "MANIFEST.json", json.dumps(manifest))
    if staged.exists():
        old = Path(tempfile.mkdtemp(dir=staged.parent, prefix=".staged."))
        os.replace(staged, old / "old")
        os.replace(fresh, staged)
        shutil.rmtree(old)
    else:
        os.replace(fresh, staged)
    for leftover in staged.parent.glob(".staged.*"):
        shutil.rmtree(leftover)
