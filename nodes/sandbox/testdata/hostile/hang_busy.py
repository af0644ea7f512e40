# want: timeout
# Uses its time up before the first test.
while True:
    pass
