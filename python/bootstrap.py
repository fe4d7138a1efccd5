"""The guest: imports a handler once, then serves calls in forks of that process.

Runs inside a cell as `python3.X -I /var/runtime/bootstrap.py`.  Reads top-down in the order in which things
happen: main -> load_handler -> (fork) -> Worker.call.  Names, payloads and log lines are those of AWS's own
client for Python, so a handler cannot tell the difference.  Works with Python 3.9 and later; imports only the
standard library and, beside it, `_sculler_guest` (frames and forking in C).
"""
import array
import fcntl
import gc
import importlib
import json
import logging
import os
import random
import secrets
import stat
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import _sculler_guest  # noqa: E402
del sys.path[0]

CONTROL_FD = 3
CAN_FORK, CAN_BATCH = 1, 2  # enum frame_ability
NBSP = "\u00a0"
TMP = "/tmp"
# What the import wrote to /tmp is copied to each worker's own up to this; past it each worker imports for itself.
TMP_COPY_BYTES_MAX, TMP_COPY_FILES_MAX = 8 * 1024 * 1024, 256
DESCRIPTORS_MAX = 1024
HINDRANCES_CHARS_MAX = 500  # the server takes no more than 1,024 bytes
LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")  # what handlers may import of ours

# One thread a library by default: a pool of threads does not survive the fork, and its locks may hang.
THREADS_DEFAULT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Fault(Exception):
    """What went wrong in AWS's words: a type that is not a Python exception's."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.message, self.trace = kind, message, list(trace)


# ---------------------------------------------------------------------------------------------------- start

def main():
    started = time.monotonic()
    handler_name, root, environment = _sculler_guest.receive_init(CONTROL_FD)
    prepare_process(root, environment)
    _sculler_guest.use_huge_pages()
    seeds = Seeds()
    codec = make_decode(), make_encode()  # before the handler's module, which may replace parts of json
    try:
        handler, batch_handler = load_handler(handler_name)
        hooks = Hooks()
        hooks.before_snapshot()
    except Exception as error:  # SystemExit ends the process: the server words it from the exit status
        report_init_error(error)
        return
    seeds.settle()
    Context.fill(os.environ)
    calls = make_call(handler, codec), make_call_batch(batch_handler, codec) if batch_handler else None
    warm_up = make_warm_up(handler, batch_handler, codec)
    leftovers = Leftovers()
    hindrances = hindrances_of_forks(leftovers)
    abilities = (CAN_BATCH if batch_handler else 0) | (0 if hindrances else CAN_FORK)
    gc.collect()
    gc.freeze()
    flush()
    work, is_parked = _sculler_guest.serve_template(CONTROL_FD, int((time.monotonic() - started) * 1e6), abilities,
                                                    hindrances)
    seeds.renew()
    try:
        leftovers.make_own()
        hooks.after_restore()
    except Exception as error:
        print_error(error_payload(error, ""))
        end(1)
    if is_parked:
        _sculler_guest.touch_pages()
        warm_up()
    serve(work, calls)


def hindrances_of_forks(leftovers):
    """Words; "" when this process may be forked."""
    words = list(leftovers.hindrances)
    threads = living_threads()
    if threads:
        words.insert(0, "threads are alive, which a fork would lose: " + threads)
    processes = living_processes()
    if processes:
        words.insert(0, "processes that it started still run, and each worker needs its own: " + processes)
    if os.environ.get("SCULLER_FORK", "true") == "false":
        words.insert(0, "SCULLER_FORK is false")
    return "; ".join(words)[:HINDRANCES_CHARS_MAX]


def living_threads():
    """Names of the threads beside this one, Python's and those of libraries; "" when there are none."""
    try:
        own = str(threading.get_native_id())
        others = sorted(os.listdir("/proc/self/task"), key=int)
        others = [name_of_thread(number) for number in others if number != own]
    except (OSError, ValueError):  # no /proc in this cell
        others = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    return ", ".join(others)


def living_processes():
    """Names of the processes beside pid 1, which only reaps, and this one; "" when there are none."""
    try:
        others = [number for number in os.listdir("/proc") if number.isdigit() and int(number) not in (1, os.getpid())]
    except OSError:  # no /proc in this cell: children at least
        return "a child" if has_living_child() else ""
    return ", ".join(filter(None, map(name_of_process, sorted(others, key=int))))


def name_of_process(number):
    """None when it has ended, whether somebody waited for it or not."""
    try:
        with open("/proc/%s/stat" % number) as file:
            name, _, rest = file.read().partition("(")[2].rpartition(") ")
    except OSError:
        return None
    return name if rest[:1] not in ("Z", "X") else None


def has_living_child():
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except OSError:
        return False


def name_of_thread(number):
    for thread in threading.enumerate():
        if thread.native_id == int(number):
            return thread.name
    with open("/proc/self/task/%s/comm" % number) as file:
        return file.read().strip() + " (of a library)"


def prepare_process(root, environment):
    os.environ.clear()
    for name in THREADS_DEFAULT:
        os.environ[name] = "1"
    for variable in environment:
        name, _, value = variable.partition("=")
        os.environ[name] = value
    time.tzset()
    version = "python%d.%d" % sys.version_info[:2]
    sys.path[:0] = [root, "/opt/python/lib/%s/site-packages" % version, "/opt/python"]
    sys.path.append(LIB)
    sys.argv = [os.environ.get("_HANDLER", "")]
    for stream in (sys.stdout, sys.stderr):  # by line: what a handler printed before it crashed is not lost
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.stdin = open(os.devnull)
    logging.setLoggerClass(logging.Logger)
    log = LogHandler()
    log.setFormatter(LogFormatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
                                  "%Y-%m-%dT%H:%M:%S"))
    logging.getLogger().addHandler(log)


def load_handler(name):
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (name, error)) from None
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict",
                    "Cannot use built-in module %s as a handler module" % module_name)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        if str(error.name).split(".")[0] in ("boto3", "botocore"):
            print("[sculler] AWS's runtime brings boto3, this one does not: name it in requirements.txt", flush=True)
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error)) from None
    except SyntaxError as error:
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error),
                    ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]) from None
    batch = getattr(module, "batch_handler", None)
    try:
        return getattr(module, function_name), batch if callable(batch) else None
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound",
                    "Handler '%s' missing on module '%s'" % (function_name, module_name)) from None


def report_init_error(error):
    payload = error_payload(error, "")
    print_error(payload)
    flush()
    _sculler_guest.send_init_error(CONTROL_FD, encode_error(payload))


# ---------------------------------------------------------------------------------------------------- a worker

def serve(work, calls):
    try:
        _sculler_guest.serve_worker(work, *calls)
    except SystemExit as request:  # the worker ends as the handler asked; the server words it
        end(exit_status(request.code))
    except BaseException:
        traceback.print_exc()
        end(1)
    end(0)


def end(status):
    flush()
    os._exit(status)


def exit_status(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def make_call(handler, codec):
    """The function that runs one call, with all that it needs bound once: this is the hot path."""
    decode, encode = codec
    environ = os.environ
    tell_threshold = make_tell_threshold(environ)

    def call(event, request_id, arn, trace_id, client_context, deadline_ms, threshold):
        current.request_id = request_id
        tell_trace(environ, trace_id)
        tell_threshold(threshold)
        try:
            event = decode(event)
            result = handler(event, Context(request_id, arn, client_context, deadline_ms, threshold))
            answer = encode(result)
        except SystemExit:
            raise
        except BaseException as error:
            payload = error_payload(error, request_id)
            print_error(payload)
            answer = (encode_error(payload),)
        flush()
        return answer

    return call


def make_call_batch(batch_handler, codec):
    """The same for a batch: [(event, request id, ...)] to a list of as many answers, in order.

    A function with a batch_handler is always called by it, with one event too, so that no answer depends on the load.
    """
    decode, encode = codec
    environ = os.environ
    tell_threshold = make_tell_threshold(environ)

    def error_of(error, request_id, of=1):
        """What is printed goes to the log of every call of the batch, so it names the one that it is of."""
        payload = error_payload(error, request_id)
        if of > 0:
            print_error(payload, "RequestId: %s%s " % (request_id, " and %d more" % (of - 1) if of > 1 else ""))
        return (encode_error(payload),)

    def answer_of(result, request_id):
        if isinstance(result, BaseException):
            return error_of(result, request_id)
        try:
            return encode(result)
        except Exception as error:
            return error_of(error, request_id)

    def run(events, context):
        results = batch_handler(events, context)
        if not isinstance(results, (list, tuple)):
            raise Fault("Runtime.BatchMismatch", "batch_handler must return a list, one result for each event in order; "
                        "it returned %s" % type(results).__name__)
        if len(results) != len(events):
            raise Fault("Runtime.BatchMismatch", "batch_handler got %d events and returned %d results; it must return "
                        "one for each, in order" % (len(events), len(results)))
        return results

    def call_batch(items):
        answers, events, taken = [None] * len(items), [], []
        current.request_id = items[0][1]
        tell_trace(environ, items[0][3])
        tell_threshold(items[0][6])
        for i, (text, request_id, *_) in enumerate(items):
            try:
                events.append(decode(text))
                taken.append(i)
            except Exception as error:
                answers[i] = error_of(error, request_id)
        try:
            results = run(events, BatchContext([items[i] for i in taken])) if taken else ()
        except SystemExit:
            raise
        except BaseException as error:  # printed once, told to each
            for nth, i in enumerate(taken):
                answers[i] = error_of(error, items[i][1], 0 if nth else len(taken))
        else:
            for i, result in zip(taken, results):
                answers[i] = answer_of(result, items[i][1])
        flush()
        return answers

    return call_batch


def make_warm_up(handler, batch_handler, codec):
    """Calls the handler with the function's own SCULLER_WARM_EVENT, in a worker that nobody waits for yet."""
    text = os.environ.get("SCULLER_WARM_EVENT", "")
    if not text:
        return lambda: None
    decode, encode = codec

    def warm_up():
        out, error = os.dup(1), None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        item = (text, "warm-up", "", "", "", int(time.time() * 1000) + 60000, "")
        try:
            if batch_handler:
                encode(list(batch_handler([decode(text)], BatchContext([item]))))
            else:
                encode(handler(decode(text), Context(*item[1:3], *item[4:])))
        except Exception as raised:
            error = raised
        flush()
        os.dup2(out, 1)
        os.close(out), os.close(nowhere)
        if error is not None:
            print("[WARN] SCULLER_WARM_EVENT: the handler raised %s: %s" % (type(error).__name__, error))
            flush()

    return warm_up


def make_tell_threshold(environ):
    """Into the environment, when it changes: of all calls of a worker that are by one alias mostly once."""
    told = ""

    def tell_threshold(text):
        nonlocal told
        if text == told:
            return
        if text:
            environ["SCULLER_THRESHOLD"] = text
        else:
            environ.pop("SCULLER_THRESHOLD", None)
        told = text

    return tell_threshold


def tell_trace(environ, trace_id):
    """Into the environment, as Lambda does; see set_trace_id for why not simply by os.environ."""
    value = trace_id.encode()
    if value and _sculler_guest.set_trace_id(value):
        environ._data[b"_X_AMZN_TRACE_ID"] = value
    elif value:
        environ["_X_AMZN_TRACE_ID"] = trace_id
    elif "_X_AMZN_TRACE_ID" in environ:
        del environ["_X_AMZN_TRACE_ID"]


def make_decode():
    scan = json.JSONDecoder().scan_once

    def decode(text):
        try:
            value, end = scan(text, 0)
            if end == len(text):
                return value
        except (StopIteration, TypeError, ValueError):
            pass
        try:  # blanks around it, or an error to be worded
            return json.loads(text)
        except ValueError as error:
            raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error) from None

    return decode


def make_encode():
    """json.dumps without its set-up at every call.  NaN and infinity are not JSON, so they are an error."""
    ascii_only = sys.version_info < (3, 12)  # as AWS's runtimes do
    encoder = json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, default=encode_other)
    encode_text = encoder.encode

    def make_fast():
        string = json.encoder.encode_basestring_ascii if ascii_only else json.encoder.encode_basestring
        return json.encoder.c_make_encoder({}, encode_other, string, None, ": ", ", ", False, False, False)

    try:
        fast = make_fast()
        fast({"a": [1, 0.5]}, 0)
    except Exception:
        fast = None

    def encode(value):
        nonlocal fast
        try:
            if fast is None:
                return encode_text(value).encode()
            return "".join(fast(value, 0)).encode()
        except Exception as error:
            if fast is not None:
                fast = make_fast()  # its markers of circular references are spoilt
            tell_not_json(value)
            raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from None

    return encode


WALK_VALUES_MAX, WALK_DEPTH_MAX = 20000, 100


def tell_not_json(value):
    """Where in an answer the first thing is that JSON cannot hold: its error names the kind only."""
    try:
        found = find_not_json(value)
        if found:
            print("[sculler] the answer is not JSON: %s" % found, flush=True)
    except Exception:
        pass  # a container of the handler's own that cannot be walked


def find_not_json(value):
    open_values = [("$", value, 0)]
    for _ in range(WALK_VALUES_MAX):
        if not open_values:
            return None
        path, value, depth = open_values.pop()
        if isinstance(value, float):
            if value - value != 0:  # NaN, or infinite
                return "%s is %s" % (path, {"nan": "NaN"}.get(repr(float(value)), "infinite"))
        elif isinstance(value, dict):
            inside = [("%s.%s" % (path, key), each, depth + 1) for key, each in value.items()]
            open_values += reversed(inside) if depth < WALK_DEPTH_MAX else ()
        elif isinstance(value, (list, tuple)):
            inside = [("%s[%d]" % (path, at), each, depth + 1) for at, each in enumerate(value)]
            open_values += reversed(inside) if depth < WALK_DEPTH_MAX else ()
        elif not isinstance(value, (str, int)) and value is not None and type(value).__name__ != "Decimal":
            return "%s is a %s.%s" % (path, type(value).__module__, type(value).__name__)
    return None


def encode_other(value):
    if type(value).__name__ == "Decimal":
        return float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


# ---------------------------------------------------------------------------------------------------- errors

def error_payload(error, request_id):
    if isinstance(error, Fault):
        return {"errorMessage": error.message, "errorType": error.kind, "requestId": request_id,
                "stackTrace": error.trace}
    frames = traceback.extract_tb(error.__traceback__)
    while frames and frames[0].filename == __file__:
        del frames[0]
    try:
        message = str(error)
    except Exception:
        message = "the exception could not be printed"
    return {"errorMessage": message, "errorType": type(error).__name__, "requestId": request_id,
            "stackTrace": traceback.format_list(frames)}


def encode_error(payload):
    try:
        return json.dumps(payload, ensure_ascii=sys.version_info < (3, 12)).encode()
    except UnicodeEncodeError:  # half a surrogate pair in a message
        return json.dumps(payload).encode()


def print_error(payload, whose=""):
    """One log event: its lines are joined by a carriage return, their indentation is not blanks."""
    lines = ["[ERROR] %s%s: %s" % (whose, payload["errorType"], payload["errorMessage"])]
    if payload["stackTrace"]:
        lines.append("Traceback (most recent call last):")
    for entry in payload["stackTrace"]:
        for line in entry.splitlines():
            bare = line.lstrip(" ")
            lines.append(NBSP * (len(line) - len(bare)) + bare)
    try:
        print("\r".join(lines).replace("\n", "\r"), flush=True)
    except Exception:
        pass  # the handler closed its standard output


def flush():
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass


# ---------------------------------------------------------------------------------------------------- logging

class LogFormatter(logging.Formatter):
    converter = time.gmtime


class Current:
    """The call that is being served; of a batch, its first."""

    request_id = ""


current = Current()


class LogHandler(logging.Handler):
    def emit(self, record):
        record.aws_request_id = current.request_id
        try:
            sys.stdout.write(self.format(record).replace("\n", "\r") + "\n")
        except Exception:
            self.handleError(record)


# ---------------------------------------------------------------------------------------------------- context

class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self):
        self.cognito_identity_id = self.cognito_identity_pool_id = None


class Client:
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")

    def __init__(self, values):
        for name in self.__slots__:
            setattr(self, name, values.get(name))


class ClientContext:
    __slots__ = ("custom", "env", "client")

    def __init__(self, text):
        values = json.loads(text)
        self.custom = values.get("custom")
        self.env = values.get("env")
        client = values.get("client")
        self.client = Client(client) if client else None


class Context:
    """What a handler gets as its second argument.  What is the same in all calls is the class's."""

    function_name = function_version = memory_limit_in_mb = log_group_name = log_stream_name = None
    tenant_id = None

    @classmethod
    def fill(cls, environ):
        cls.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
        cls.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        cls.memory_limit_in_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        cls.log_group_name = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        cls.log_stream_name = environ.get("AWS_LAMBDA_LOG_STREAM_NAME")

    def __init__(self, request_id, arn, client_context, deadline_ms, threshold):
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.client_context = ClientContext(client_context) if client_context else None
        self.identity = CognitoIdentity()
        self._epoch_deadline_time_in_ms = deadline_ms
        self.threshold = float(threshold) if threshold else None  # Sculler's own: of the alias; None: none was set

    def get_remaining_time_in_millis(self):
        return max(int(self._epoch_deadline_time_in_ms - time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        return "LambdaContext([%s])" % ",".join(
            "%s=%s" % (name, getattr(self, name))
            for name in ("aws_request_id", "log_group_name", "log_stream_name", "function_name",
                         "memory_limit_in_mb", "function_version", "invoked_function_arn", "client_context",
                         "identity"))


class BatchContext(Context):
    """Of a batch: `contexts` has each event's own; what a handler asks of the batch itself is the first's, and the time
    that is left is the least."""

    def __init__(self, items):
        self.contexts = [Context(*item[1:3], *item[4:]) for item in items]
        first = self.contexts[0]
        super().__init__(first.aws_request_id, first.invoked_function_arn, "",
                         min(context._epoch_deadline_time_in_ms for context in self.contexts), items[0][6])
        self.aws_request_ids = [context.aws_request_id for context in self.contexts]


# ---------------------------------------------------------------------------------------------------- leftovers

class Leftovers:
    """What the import left open or wrote: on Lambda each environment has its own, and so has each worker here.

    A file is opened anew, since forks share the offset of one that was open before.  What lies in /tmp is copied: a
    worker's /tmp is another.  A connection (socket, pipe, epoll ...) can be had once only: answers to one worker would
    be read by another, so a version that keeps one open is not forked.
    """

    def __init__(self):
        self.hindrances = []  # words: what no fork can have as its own
        self.files = []       # (descriptor, name, flags) to open anew
        self.tmp = None       # descriptor of this /tmp, when there is something in it
        self.links = []       # (path, target) of symbolic links there: a cell has no readlinkat()
        try:
            numbers = sorted(int(number) for number in os.listdir("/proc/self/fd"))
        except OSError:  # no /proc in this cell
            numbers = range(DESCRIPTORS_MAX)
        for number in numbers:
            if number > CONTROL_FD:
                self.look_at(number)
        self.look_at_tmp()

    def look_at(self, number):
        try:
            status = os.fstat(number)
        except OSError:  # not open; or it was the listing's own
            return
        if stat.S_ISCHR(status.st_mode):
            return
        name = name_of_descriptor(number)
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            self.hindrances.append("the import left %s open (descriptor %d); close it, or open it in a function "
                                   "registered by snapshot_restore_py.register_after_restore" % (name, number))
            return
        flags = fcntl.fcntl(number, fcntl.F_GETFL)
        if not is_named(status, name):
            if flags & os.O_ACCMODE != os.O_RDONLY or not os.path.exists("/proc/self/fd/%d" % number):
                self.hindrances.append("the import left a file without a name open (descriptor %d)" % number)
                return
            name = "/proc/self/fd/%d" % number
        self.files.append((number, name, flags))

    def look_at_tmp(self):
        files = size = 0
        for folder, folders, names in os.walk(TMP):
            if files > TMP_COPY_FILES_MAX:
                break
            files += len(folders) + len(names)
            for path in (os.path.join(folder, name) for name in folders + names):
                size += os.lstat(path).st_size
                if os.path.islink(path):
                    self.links.append((path, os.readlink(path)))
        if files > TMP_COPY_FILES_MAX or size > TMP_COPY_BYTES_MAX:
            self.hindrances.append("the import wrote more to /tmp than is copied to each worker: %d files of %.1f MB, "
                                   "and not up to %d of %d MB" % (files, size / 2**20, TMP_COPY_FILES_MAX, TMP_COPY_BYTES_MAX >> 20))
        elif files > 0:
            self.tmp = os.open(TMP, os.O_RDONLY | os.O_DIRECTORY)

    def make_own(self):
        """In each worker."""
        if self.tmp is not None:
            if os.fstat(self.tmp).st_dev != os.stat(TMP).st_dev:
                fresh = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.tmp)  # forks share its offset, too
                copy_missing(fresh, TMP)
                os.close(fresh)
                for path, target in self.links:
                    if not os.path.lexists(path):
                        os.symlink(target, path)
            os.close(self.tmp)
        for number, name, flags in self.files:
            fresh = os.open(name, flags)
            if not flags & os.O_DIRECTORY:
                os.lseek(fresh, os.lseek(number, 0, os.SEEK_CUR), os.SEEK_SET)
            os.dup2(fresh, number, os.get_inheritable(number))
            os.close(fresh)


def name_of_descriptor(number):
    try:
        name = os.readlink("/proc/self/fd/%d" % number)
    except OSError:
        return "something"
    if name.startswith("/"):
        return name
    return "a " + name.replace("anon_inode:", "").partition(":")[0].strip("[]")  # socket:[123], anon_inode:[eventpoll]


def is_named(status, name):
    try:
        return os.path.samestat(status, os.stat(name))
    except OSError:
        return False


def copy_missing(source, target):
    """From a descriptor of a folder to the name of another; what is there already stays: a /tmp may have been kept."""
    with os.scandir(source) as entries:
        for entry in entries:
            copy_entry(source, entry, os.path.join(target, entry.name))


def copy_entry(source, entry, path):
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        os.makedirs(path, exist_ok=True)
        folder = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=source)
        copy_missing(folder, path)
        os.close(folder)
    elif stat.S_ISREG(status.st_mode) and not os.path.lexists(path):
        opened = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=source)
        with open(opened, "rb") as old, open(path, "wb") as new:
            new.write(old.read())
    else:
        return
    os.chmod(path, stat.S_IMODE(status.st_mode))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


# ---------------------------------------------------------------------------------------------------- hooks

class Hooks:
    """Runtime hooks of SnapStart for Python (AWS: "Implement code before or after Lambda function snapshots"): the
    template is the snapshot, each worker is restored from it."""

    def __init__(self):
        self.module = sys.modules.get("snapshot_restore_py")

    def before_snapshot(self):
        for function, args, kwargs in reversed(self.module.get_before_snapshot() if self.module else ()):
            function(*args, **kwargs)

    def after_restore(self):
        for function, args, kwargs in self.module.get_after_restore() if self.module else ():
            function(*args, **kwargs)


# ---------------------------------------------------------------------------------------------------- seeds

class Seeds:
    """Random generators that the import made: forks must not all draw the same numbers.

    A seed that user code chose is left alone (on Lambda it repeats in every environment too); one that came
    from the operating system is renewed in each fork.  How we tell: while the handler is imported,
    secrets.randbits (where numpy takes its entropy) and random.Random.seed are watched.
    """

    def __init__(self):
        self.wanted = os.environ.get("SCULLER_RESEED", "true") != "false"
        self.is_watching = True
        self.drawn = set()     # entropy that came from the operating system
        self.chosen = set()    # id of random.Random objects that got a seed
        self.numpy_ones = []   # bit generators to renew
        self.python_ones = []  # random.Random objects to renew
        self.state = None      # of the module-level random, if chosen
        self.torch = False
        self.original = secrets.randbits, random.Random.seed, random.seed
        secrets.randbits = self.watch_randbits
        seeds, seed = self, random.Random.seed

        def watch_seed(self, a=None, version=2):
            (seeds.chosen.discard if a is None else seeds.chosen.add)(id(self))
            return seed(self, a, version)

        random.Random.seed = watch_seed
        random.seed = random._inst.seed

    def watch_randbits(self, bits):
        value = self.original[0](bits)
        if self.is_watching:  # numpy keeps this function for ever
            self.drawn.add(value)
        return value

    def settle(self):
        """After the import, before gc.freeze() hides the objects."""
        self.is_watching = False
        secrets.randbits, random.Random.seed, random.seed = self.original
        if id(random._inst) in self.chosen:
            self.state = random.getstate()  # random renews itself in every fork, chosen or not
        numpy_random = sys.modules.get("numpy.random")
        numpy_types = ()
        if numpy_random is not None:
            numpy_types = (numpy_random.Generator, numpy_random.RandomState)
        for item in gc.get_objects():
            kind = type(item)
            if kind in numpy_types:
                self.take_numpy(item._bit_generator)
            elif kind is random.Random and item is not random._inst and id(item) not in self.chosen:
                self.python_ones.append(item)
        if numpy_random is not None:
            self.take_numpy(numpy_random.mtrand._rand._bit_generator)
        torch = sys.modules.get("torch")
        self.torch = hasattr(torch, "initial_seed") and torch.initial_seed() > 0xFFFFFFFF

    def take_numpy(self, bits):
        sequence = getattr(bits, "seed_seq", None) or getattr(bits, "_seed_seq", None)
        if getattr(sequence, "entropy", None) in self.drawn and not any(bits is b for b in self.numpy_ones):
            self.numpy_ones.append(bits)

    def renew(self):
        """In each fork."""
        if self.state is not None:
            random.setstate(self.state)
        if not self.wanted:
            return
        for bits in self.numpy_ones:
            renew_numpy(bits)
        for generator in self.python_ones:
            generator.seed()
        if self.torch:
            sys.modules["torch"].seed()


# Any key, and any number with an odd increment, is a state that a seed may lead to.
NUMPY_STATES = {
    "MT19937": lambda: {"key": array.array("I", os.urandom(4 * 624)), "pos": 624},
    "PCG64": lambda: {"state": secrets.randbits(128), "inc": secrets.randbits(128) | 1},
    "PCG64DXSM": lambda: {"state": secrets.randbits(128), "inc": secrets.randbits(128) | 1},
}


def renew_numpy(bits):
    """From the operating system at once: by a new generator of its kind it costs a fork of pandas a millisecond."""
    kind = type(bits).__name__
    try:
        bits.state = {"bit_generator": kind, "state": NUMPY_STATES[kind](), "has_uint32": 0, "uinteger": 0}
    except Exception:  # another kind, or a numpy whose states look otherwise
        bits.state = type(bits)().state
    try:  # of what spawn() draws, too: pickle's way is the only one in, and older ones have none
        bits.__setstate__((bits.state, type(bits.seed_seq)()))
    except Exception:
        pass


main()
