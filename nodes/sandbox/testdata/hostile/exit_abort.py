# want: killed
# Ends before it is tested, as if all were well.
import os

os.abort()
