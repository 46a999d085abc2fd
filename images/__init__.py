"""Builds the guest image from Debian packages. What it is made of is in `recipe`, how it is made in `build`.

Of a built one `rootfs` makes a folder, and `shared_classes` lays Kafka's classes out for its Java.
"""
