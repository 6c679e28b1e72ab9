"""Where ministack differs from AWS: one module for each behaviour that is changed.

The docstring of each states the ``Reason`` (what ministack does) and the ``Source`` (what AWS documents). ``install`` puts
it in place: in CloudFormation's table of resource handlers, or at the name that callers inside ministack look up.
"""
