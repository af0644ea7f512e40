"""Writes the examples of this folder: a few small problems in the exact form of each data set's
download, and recorded candidates for them. The problems were made up for this.

    python3 make.py
"""

import base64
import json
import os
import pickle
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, rows):
    with open(os.path.join(HERE, name), "w") as f:
        for row in rows:
            print(json.dumps(row), file=f)


def samples(name, candidates):
    write(name, [{"problem_id": str(problem), "config": "example", "index": i, "completion": code}
                 for problem, codes in candidates.items() for i, code in enumerate(codes)])


def apps(number, question, solution, starter="", **input_output):
    return {"problem_id": number, "question": question, "solutions": json.dumps([solution]),
            "input_output": json.dumps(input_output), "difficulty": "introductory", "url": "", "starter_code": starter}


def livecodebench(name, question, public, private, starter="", function=None):
    return {"question_title": name, "question_content": question, "platform": "leetcode" if function else "atcoder",
            "question_id": name, "contest_id": "example", "contest_date": "2024-01-01T00:00:00", "starter_code": starter,
            "difficulty": "easy", "public_test_cases": json.dumps(public), "private_test_cases": private,
            "metadata": json.dumps({"func_name": function} if function else {})}


def packed(cases):
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def case(input, output, kind="stdin"):
    return {"input": input, "output": output, "testtype": kind}


def bigcodebench(number, signature, docstring, body, test):
    imports, _, header = signature.rpartition("\n")
    return {"task_id": f"Example/{number}", "complete_prompt": f'{signature}\n    """{docstring}"""\n',
            "instruct_prompt": docstring, "canonical_solution": body, "code_prompt": signature + "\n", "test": test,
            "entry_point": "task_func", "doc_struct": "{}", "libs": str([i.split()[1] for i in imports.split("\n") if i])}


write("apps.jsonl", [
    apps(0, "Read two whole numbers from one line and print how far apart they are.\n",
         "a, b = map(int, input().split())\nprint(abs(a - b))\n",
         inputs=["3 8\n", "8 3\n", "-2 2\n"], outputs=["5\n", "5\n", "4\n"]),
    apps(1, "The first line says how many words follow, one a line. Print the longest; of several, the first.\n",
         "n = int(input())\nprint(max((input() for _ in range(n)), key=len))\n",
         inputs=[["2", "oak", "birch"], ["3", "ash", "elm", "yew"]], outputs=[["birch"], ["ash"]]),
    apps(2, "Return the numbers that are larger than their index.\n",
         "class Solution:\n    def aboveIndex(self, numbers):\n        return [n for i, n in enumerate(numbers) if n > i]\n",
         starter="class Solution:\n    def aboveIndex(self, numbers: List[int]) -> List[int]:\n        ",
         fn_name="aboveIndex", inputs=[[[1, 1, 5]], [[0, 0]], [[]]], outputs=[[1, 5], [], []]),
    apps(3, "Return the text with its halves swapped; a letter in the middle stays.\n",
         "def swap_halves(s):\n    h = len(s) // 2\n    return s[len(s) - h:] + s[h:len(s) - h] + s[:h]\n",
         starter="def swap_halves(s):\n\t", fn_name="swap_halves", inputs=[["abcd"], ["abcde"]], outputs=[["cdab"], ["decab"]]),
])
samples("apps.samples.jsonl", {
    0: ["a, b = map(int, input().split())\nprint(abs(b - a))\n", "a, b = map(int, input().split())\nprint(a - b)\n"],
    1: ["words = [input() for _ in range(int(input()))]\nprint(sorted(words, key=len)[-1])\n",
        "words = [input() for _ in range(int(input()))]\nprint(sorted(words, key=lambda w: -len(w))[0])\n"],
    2: ["class Solution:\n    def aboveIndex(self, numbers: List[int]) -> List[int]:\n        return [n for i, n in enumerate(numbers) if n > i]\n",
        "class Solution:\n    def aboveIndex(self, numbers):\n        return [n for i, n in enumerate(numbers) if n >= i]\n"],
    3: ["def swap_halves(s):\n    h = len(s) // 2\n    return s[-h:] + s[h:-h] + s[:h]\n", "def swap_halves(s):\n    return s[::-1]\n"],
})

write("livecodebench.jsonl", [
    livecodebench("example_a", "Read a line of digits and print their sum.", [case("123\n", "6\n")],
                  packed([case("9\n", "9\n"), case("1" * 50 + "\n", "50\n")])),
    livecodebench("example_b", "Read n, then n numbers. Print them in order, each once.", [case("3\n2 1 2\n", "1 2\n")],
                  json.dumps([case("1\n7\n", "7\n"), case("2\n5 5\n", "5\n")])),
    livecodebench("example_c", "Return the pair of neighbours with the largest sum.",
                  [case("[1, 4, 2]", "[4, 2]", "functional")],
                  packed([case("[3, 1]", "[3, 1]", "functional"), case("[1, 2, 9, 0]", "[2, 9]", "functional")]),
                  "class Solution:\n    def bestPair(self, nums: List[int]) -> List[int]:\n        ", "bestPair"),
])
samples("livecodebench.samples.jsonl", {
    "example_a": ["print(sum(map(int, input())))\n", "print(int(input()) % 9)\n"],
    "example_b": ["input()\nprint(*sorted(set(map(int, input().split()))))\n", "input()\nprint(*sorted(map(int, input().split())))\n"],
    "example_c": ["class Solution:\n    def bestPair(self, nums: List[int]) -> List[int]:\n        return max(zip(nums, nums[1:]), key=sum)\n",
                  "class Solution:\n    def bestPair(self, nums):\n        return sorted(nums)[-2:]\n"],
})

write("bigcodebench.jsonl", [
    bigcodebench(0, "import json\ndef task_func(path):", "Return how many entries the list in a JSON file has.",
                 "    with open(path) as f:\n        return len(json.load(f))\n", '''import json
import os
import tempfile
import unittest


class TestCases(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def write(self, value):
        path = os.path.join(self.folder.name, "list.json")
        with open(path, "w") as f:
            json.dump(value, f)
        return path

    def test_some(self):
        self.assertEqual(task_func(self.write([1, 2, 3])), 3)

    def test_none(self):
        self.assertEqual(task_func(self.write([])), 0)
'''),
    bigcodebench(1, "import random\ndef task_func(n):", "Return a list of n throws of a die, each by random.randint(1, 6).",
                 "    return [random.randint(1, 6) for _ in range(n)]\n", '''import unittest
from unittest.mock import patch


class TestCases(unittest.TestCase):
    def test_throws(self):
        with patch("random.randint", side_effect=[3, 1, 6]) as randint:
            self.assertEqual(task_func(3), [3, 1, 6])
        randint.assert_called_with(1, 6)

    def test_length(self):
        self.assertEqual(len(task_func(20)), 20)
'''),
    bigcodebench(2, "from collections import Counter\ndef task_func(words):",
                 "Return a Counter of the first letters of the words. Raise ValueError if there are no words.",
                 '    if not words:\n        raise ValueError("no words")\n    return Counter(w[0] for w in words)\n', '''import unittest
from collections import Counter


class TestCases(unittest.TestCase):
    def test_counter(self):
        result = task_func(["ash", "alder", "oak"])
        self.assertIsInstance(result, Counter)
        self.assertEqual(result["a"], 2)

    def test_no_words(self):
        with self.assertRaises(ValueError):
            task_func([])
'''),
])
samples("bigcodebench.samples.jsonl", {
    "Example/0": ["import json\n\ndef task_func(path):\n    return len(json.load(open(path)))\n",
                  "import json\n\ndef task_func(path):\n    return len(json.loads(path))\n"],
    "Example/1": ["import random\n\ndef task_func(n):\n    return [random.randint(1, 6) for _ in range(n)]\n",
                  "import random\n\ndef task_func(n):\n    return [random.randint(0, 6) for _ in range(n)]\n"],
    "Example/2": ["from collections import Counter\n\ndef task_func(words):\n    if not words:\n        raise ValueError('none')\n    return Counter(w[0] for w in words)\n",
                  "def task_func(words):\n    return {w[0]: 1 for w in words}\n"],
})
