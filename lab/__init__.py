"""Machines for a computer that has none to offer: an embedded libvirt, and native-speed machines for tests.

All of it lives in network namespaces and can't be reached from outside them.
"""
