"""Runtime hooks as AWS Lambda's SnapStart has them for Python.

What is registered before the snapshot runs once, in reverse order, when the handler's module has been imported; what is
registered after the restore runs in each worker before its first call, in the order of registration.  Both work as
functions and as decorators.  See AWS's page "Implement code before or after Lambda function snapshots".
"""

_before, _after = [], []


def register_before_snapshot(func, *args, **kwargs):
    _before.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    _after.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before


def get_after_restore():
    return _after
