# want: timeout|error|failed|killed
# Becomes another program again and again.
import os
import sys

os.execv("/bin/sh", ["sh", "-c", 'while :; do sh -c "exit 0" & done'])
