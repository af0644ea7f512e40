# want: error|failed
# Becomes a program that succeeds.
import os

os.execv("/bin/true", ["true"])
