"""Watches a candidate that shares its process with its tests.

What leads to tests raises an audit event: frames, the collector, memory, code. A candidate
that raises one ends its attempt. The standard library may raise some for itself, in the
functions named here, which hand out nothing. That code is the library's is known by the name
of its file: no other code can be made that has such a name.
"""

import _thread
import gc
import marshal
import os
import posix
import sys
import types

# Events that end the attempt whoever raises them, and what they are.
REFUSED = {
    "sys._current_frames": "frames", "sys._current_exceptions": "frames", "sys.settrace": "tracing",
    "sys.setprofile": "tracing", "sys.addaudithook": "auditing", "sys.monitoring.register_callback": "tracing",
    "gc.get_objects": "the collector", "gc.get_referrers": "the collector", "gc.get_referents": "the collector", "marshal.load": "code",
    "os.fork": "processes", "os.forkpty": "processes", "os.posix_spawn": "processes", "os.spawn": "processes", "os.exec": "processes",
    "os.system": "processes", "subprocess.Popen": "processes", "pty.spawn": "processes", "signal.pthread_kill": "signals",
    "cpython._PySys_ClearAuditHooks": "auditing", "cpython.PyInterpreterState_New": "interpreters",
}
MODULES = {"ctypes", "_ctypes", "_testcapi", "_testinternalcapi", "_testbuffer", "_xxsubinterpreters", "_interpreters", "_ctypes_test"}
HIDDEN = {"/proc/", "/dev/fd", "/dev/std"}  # beginnings of paths that lead to descriptors and memory
# Modules that look at the frame of who calls them, for its name.
DISCREET = {"collections/__init__.py", "typing.py", "enum.py", "warnings.py", "dataclasses.py", "abc.py"}
# Functions that look at code or generators, for names and flags.
CODE = {("inspect.py", "_signature_from_function"), ("inspect.py", "_signature_is_functionlike"), ("inspect.py", "_has_code_flag"),
        ("types.py", "coroutine"), ("logging/__init__.py", "<module>"), ("<ouroflow>candidate", "shared_names"), ("<ouroflow>candidate", "fixture")}
STATE = {("inspect.py", "getgeneratorstate"), ("inspect.py", "getcoroutinestate"), ("asyncio/coroutines.py", "_format_coroutine"),
         ("asyncio/coroutines.py", "get_name"), ("asyncio/coroutines.py", "is_running")}
MAKERS = {("types.py", "coroutine"), ("<ouroflow>together", "bake"), ("<ouroflow>together", "run_all")}
# Functions by which traceback walks, and those that walk for themselves.
WALKING = {"walk_tb", "_walk_tb_with_full_positions", "extended_frame_gen"}
WALKERS = {"extract", "_extract_from_extended_frame_gen"}


def auditor(give_up, quiet):
    """A hook that ends the attempt when a candidate does what leads to its tests. It lets
    pass what is done by threads whose numbers are in quiet."""
    rules, memory, ident, frame_of = rules_of(), refusal("memory"), _thread.get_ident, sys._getframe
    judged = quietly(quiet, lambda rule, event, args: rule(event, args, frame_of(3)))  # of who raised it

    def hook(event, args):
        rule = rules.get(event) or (memory if event.startswith("ctypes.") else None)
        if rule is None or ident() in quiet:
            return
        why = judged(rule, event, args)
        if why is not None:
            give_up(why)
    return hook


def quietly(quiet, function):
    """A function that may raise events. Nothing is collected meanwhile: the candidate's
    finalizers aren't to run."""
    ident, enabled, disable, enable = _thread.get_ident, gc.isenabled, gc.disable, gc.enable

    def called(*args):
        collects, me = enabled(), ident()
        disable()
        quiet.add(me)
        try:
            return function(*args)
        finally:
            quiet.discard(me)
            if collects:
                enable()
    return called


def rules_of():
    """What says why an event is refused, if it is, by the event."""
    where, is_own = places(), ownership()
    read, change = reading(where, is_own), changing(where, is_own)
    code = making(where, MAKERS)
    rules = {event: refusal(what) for event, what in REFUSED.items()}
    rules.update({
        "sys._getframe": asking(where), "object.__getattr__": read, "object.__setattr__": change, "object.__delattr__": change,
        "code.__new__": code, "function.__new__": code, "import": importing(), "open": opening(),
        "compile": compiling(where), "marshal.loads": unmarshalling(where)})
    return rules


def refusal(what):
    return lambda event, args, frame: "the program uses %s (%s)" % (what, event)


def places():
    """A function that says in which file and function of the library or the sandbox a frame
    is, or of tests."""
    library = os.path.dirname(os.__file__) + "/"
    skip = len(library)

    def where(frame):
        code = frame.f_code
        file = code.co_filename
        if file.startswith(library):
            return file[skip:], code.co_name
        return file if file.startswith(("<ouroflow>", "<test>")) else None, code.co_name
    return where


def ownership():
    """A function that says whether another is the candidate's."""
    function_type, kind = types.FunctionType, type
    return lambda function: kind(function) is function_type and function.__code__.co_filename == "<candidate>"


def asking(where):
    """The rule for asking for a frame."""
    discreet = frozenset(DISCREET)

    def rule(event, args, frame):
        file, _ = where(frame)
        if file in discreet and "_getframe" in frame.f_code.co_names or file == "<test>":
            return None
        if file == "logging/__init__.py":
            raise ValueError("no frames are shown")  # then it logs without a line's number
        return "the program uses frames (%s)" % event
    return rule


def reading(where, is_own):
    """The rule for reading attributes that are watched."""
    code, state, walking, walkers = frozenset(CODE), frozenset(STATE), frozenset(WALKING), frozenset(WALKERS)
    own = frozenset({("<ouroflow>together", "line_in_test"), ("<ouroflow>candidate", "skips")})
    generators = frozenset({"gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code"})

    def of_tests(trace):
        return trace.tb_frame.f_code.co_filename.startswith(("<test>", "<ouroflow>"))

    def shows(trace, frame):
        """Whether traceback reads a frame to show a line of the candidate's."""
        while where(frame)[0] == "traceback.py" and where(frame)[1] in walking:
            frame = frame.f_back
        file, name = where(frame)
        return file == "traceback.py" and name in walkers and not of_tests(trace) or (file, name) == ("traceback.py", "clear_frames")

    def allowed(name, owner, frame):
        file, function = where(frame)
        if file == "<test>" or (file, function) in own:
            return True
        if name == "__code__":
            return is_own(owner) or (file, function) in code
        if name == "tb_frame":
            return file == "traceback.py" and shows(owner, frame) or file == "unittest/result.py"
        if name == "f_code":
            return file is not None
        return name not in generators or (file, function) in state

    return lambda event, args, frame: None if allowed(args[1], args[0], frame) else "the program looks at %s" % args[1]


def changing(where, is_own):
    """The rule for changing attributes that are watched."""
    discreet, module, bases = frozenset(DISCREET), types.ModuleType, type.__dict__["__mro__"].__get__
    kind, copying = type, frozenset(DISCREET | {"unittest/mock.py"})

    def allowed(name, owner, frame):
        if name == "__class__":
            return module not in bases(kind(owner))
        if name == "__code__":
            return where(frame) == ("types.py", "coroutine")
        if name == "__defaults__" or name == "__kwdefaults__":
            return is_own(owner) or where(frame)[0] in copying
        return name != "__bases__" or where(frame)[0] in discreet

    return lambda event, args, frame: None if allowed(args[1], args[0], frame) else "the program changes %s" % args[1]


def making(where, makers):
    """The rule for making code and functions."""
    makers = frozenset(makers)
    return lambda event, args, frame: None if where(frame) in makers else "the program uses code (%s)" % event


def named():
    """A function that makes plain text of a name or path, whatever class it is of."""
    text, raw, subclass = str, bytes, issubclass

    def name_of(name):
        if subclass(type(name), text):
            return text.__str__(name)
        return raw.decode(name, "utf-8", "replace") if subclass(type(name), raw) else ""
    return name_of


def importing():
    """The rule for imports: no module that gets at memory, and no machine code of the
    candidate's."""
    modules, name_of, folders = frozenset(MODULES), named(), tuple(p + "/" for p in sys.path if p.startswith("/"))

    def rule(event, args, frame):
        name, path = name_of(args[0]), name_of(args[1])
        if name.rpartition(".")[2] in modules:
            return "the program imports " + name
        if args[1] is not None and (not path.startswith(folders) or "/.." in path):
            return "the program imports machine code"
        return None
    return rule


def opening():
    """The rule for opening files."""
    hidden, name_of = tuple(HIDDEN), named()

    def rule(event, args, frame):
        path = name_of(args[0])
        return "the program opens " + path[:100] if path.startswith(hidden) else None
    return rule


def claims():
    """A function that says whether the name of code is one that is trusted."""
    trusted = os.path.dirname(os.__file__) + "/", "<frozen ", "<ouroflow>", "<test>"
    return lambda name: name.startswith(trusted)


def reader():
    """A function that returns what a file holds."""
    open_, read, close, flags = posix.open, posix.read, posix.close, os.O_RDONLY

    def content(path):
        try:
            fd = open_(path, flags)
        except OSError:
            return None
        try:
            return b"".join(iter(lambda: read(fd, 1 << 20), b""))
        finally:
            close(fd)
    return content


def compiling(where):
    """The rule for compiling: code has the name of a file of the library if it is that file."""
    trusted, content, text, kind, name_of = claims(), reader(), (str, bytes), type, named()

    def rule(event, args, frame):
        name = name_of(args[1])
        if args[1] is None or kind(args[1]) in text and not trusted(name):
            return None
        if where(frame) == ("threading.py", "invoke_excepthook"):
            return None  # it parses lines to show them
        genuine = kind(args[0]) is bytes and kind(args[1]) is str and content(name) == args[0]
        return None if genuine else "the program compiles code of another's name"
    return rule


def unmarshalling(where):
    """The rule for reading compiled code: like that for compiling it."""
    trusted, content, loads, kind, code_type = claims(), reader(), marshal.loads, type, types.CodeType
    tag, header = sys.implementation.cache_tag, 16

    def names(code):
        found = {code.co_filename}
        for constant in code.co_consts:
            if kind(constant) is code_type:
                found |= names(constant)
        return found

    def rule(event, args, frame):
        if where(frame) == ("<ouroflow>together", "trial"):
            return None
        code = loads(args[0])
        if kind(code) is code_type:
            found = names(code)
            if not any([trusted(name) for name in found]):
                return None
            folder, _, file = code.co_filename.rpartition("/")
            written = content("%s/__pycache__/%s.%s.pyc" % (folder, file.removesuffix(".py"), tag))
            if len(found) == 1 and written is not None and written[header:] == args[0]:
                return None
        return "the program uses code (%s)" % event
    return rule
