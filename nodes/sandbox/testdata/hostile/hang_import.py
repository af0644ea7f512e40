# want: timeout
# Doesn't come to its end.
import time

time.sleep(3600)
