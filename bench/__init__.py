"""Measurements beside what a user would pick instead, in one run on the lab's machines.

May hold competitors, clocks and the arithmetic of ratios. May hold nothing that the product needs: nobody imports it.
"""
