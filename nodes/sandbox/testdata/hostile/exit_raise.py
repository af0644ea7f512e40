# want: error
# Ends before it is tested, as if all were well.
raise SystemExit(0)
