# want: failed
# System calls of 32 bit programs have other numbers: 20 is getpid there, and writev here.
# In a child, which may be killed for it. A pass says that it worked.
import ctypes
import mmap
import os

code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20; int 0x80; ret
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
pid = os.fork()
if pid == 0:
    os._exit(7 if function() == os.getpid() else 0)
status = os.waitpid(pid, 0)[1]
out = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 7


def add(a, b):
    return a + b if out else None
