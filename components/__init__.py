"""Effects through Pulumi: everything that asks it for resources, one noun a file.

May hold components and what they need of Pulumi. May not decide what a cluster looks like (`model/`), and may
not speak to a machine by itself. Of its modules, `hand.py` alone knows pulumi_command, and `site.py` and `machine.py`
alone know pulumi_libvirt: a test walks the imports.
"""
